/** The servers of the settings one by one, for what is asked of each. */
import { parseConnectionString } from "@zk/client";
import type { FourLetterWord } from "@zk/protocol";
import type { Settings } from "../settings/settings.js";
import { askWord, type WordAnswer } from "./words.js";

/** One server of the ensemble. */
export interface ServerConnection {
  /** `host:port` as the connection string names it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  ask(word: FourLetterWord): Promise<WordAnswer>;
}

/** @throws ZkError INVALID_ARGUMENT */
export function serversOf(settings: Pick<Settings, "servers">, signal: AbortSignal): ServerConnection[] {
  return parseConnectionString(settings.servers).servers.map(({ host, port }) => ({
    name: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
    host,
    port,
    ask: (word) => askWord({ host, port }, word, { signal }),
  }));
}
