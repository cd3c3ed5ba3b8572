/** What a server says of itself, as the lab reads it from `srvr`, `mntr` and `cons`. */
import { askServer } from "./four-letter-client.js";
import type { ServerSpec } from "./layout.js";

/** Part that a server plays. `standalone` only for an ensemble of one. */
export type ServerMode = "leader" | "follower" | "observer" | "standalone" | "read-only";

/** The answer to `srvr` of a server that serves. */
export interface ServerView {
  readonly mode: ServerMode;
  /** As the server prints it, for example `3.4.6-1569965`. */
  readonly version: string;
  readonly zxid: bigint;
  readonly connections: number;
  readonly outstanding: number;
  readonly nodes: number;
}

/**
 * - a view: the server serves
 * - `not-serving`: the process answers, but there is no quorum for it
 * - `silent`: no answer within the limit
 */
export type Look = ServerView | "not-serving" | "silent";

/** Asks one server `srvr`. */
export async function lookAt(server: ServerSpec, timeoutMs?: number): Promise<Look> {
  const answer = await askServer(server, "srvr", timeoutMs);
  if (answer === null) return "silent";
  return parseSrvr(answer) ?? "not-serving";
}

/** Followers that the leader calls synced, or null when it does not say. */
export async function syncedFollowers(leader: ServerSpec): Promise<number | null> {
  const answer = await askServer(leader, "mntr");
  const count = /^zk_synced_followers\t(\d+)/m.exec(answer ?? "")?.[1];
  return count === undefined ? null : Number(count);
}

/** When a session's connection to this server was made (milliseconds since 1970), or null when it has none here. */
export async function connectionSince(server: ServerSpec, sessionId: bigint): Promise<number | null> {
  const answer = await askServer(server, "cons", 2_000);
  if (answer === null) return null;
  const wanted = `sid=0x${BigInt.asUintN(64, sessionId).toString(16)},`;
  const line = answer.split("\n").find((row) => row.includes(wanted));
  if (line === undefined) return null;
  return Number(/est=(\d+)/.exec(line)?.[1] ?? 0);
}

/** Whether the leader still knows a session (`dump`), or null when it does not say. */
export async function knowsSession(leader: ServerSpec, sessionId: bigint): Promise<boolean | null> {
  const answer = await askServer(leader, "dump", 2_000);
  if (answer === null || !/^Session(s|Tracker)/m.test(answer)) return null;
  const wanted = BigInt.asUintN(64, sessionId).toString(16);
  return new RegExp(`\\b0x${wanted}\\b`, "i").test(answer);
}

function parseSrvr(text: string): ServerView | null {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}: *(.*)$`, "m").exec(text)?.[1]?.trim();
  const mode = field("Mode");
  if (mode === undefined) return null;
  return {
    mode: mode as ServerMode,
    version: (field("Zookeeper version") ?? "").split(",")[0] ?? "",
    zxid: BigInt(field("Zxid") ?? "0"),
    connections: Number(field("Connections") ?? 0),
    outstanding: Number(field("Outstanding") ?? 0),
    nodes: Number(field("Node count") ?? 0),
  };
}
