/** What the servers together tell of one session. */
import { type ClientConnection, parseCons, parseDump, parseWchc } from "@zk/protocol";
import { hex, hostPort } from "../output/figures.js";
import type { ServerConnection } from "../session/servers.js";

/** One session; null is what no server tells. */
export interface SessionFacts {
  readonly session: string;
  /** Whether a server that answers knows it. */
  readonly known: boolean;
  readonly server: string | null;
  readonly address: string | null;
  readonly timeoutMs: number | null;
  readonly establishedAt: string | null;
  readonly lastOperation: string | null;
  readonly queued: number | null;
  readonly ephemerals: readonly string[] | null;
  readonly watches: readonly string[] | null;
  /** What a server did not answer. */
  readonly notAsked: readonly string[];
}

/** @param withWatches asks for watches, too: a server then lists every watch that it has */
export async function lookUpSession(
  servers: readonly ServerConnection[],
  session: bigint,
  withWatches: boolean,
): Promise<SessionFacts> {
  const notAsked: string[] = [];
  const found = await Promise.all(servers.map((server) => lookAt(server, session, withWatches, notAsked)));
  const connected = found.find(({ connection }) => connection !== undefined);
  const lists = (pick: (each: Looked) => readonly string[] | null): readonly string[] | null =>
    found.every((each) => pick(each) === null)
      ? null
      : [...new Set(found.flatMap((each) => pick(each) ?? []))].sort();
  const ephemerals = lists((each) => each.ephemerals);
  const { connection, server } = connected ?? {};
  return {
    session: hex(session),
    known:
      connected !== undefined || (ephemerals?.length ?? 0) > 0 || found.some(({ isTracked }) => isTracked),
    server: server ?? null,
    address: connection === undefined ? null : hostPort(connection.address, connection.port),
    timeoutMs: connection?.sessionTimeoutMs ?? null,
    establishedAt: connection?.establishedMs ? new Date(connection.establishedMs).toISOString() : null,
    lastOperation: connection?.lastOperation ?? null,
    queued: connection?.queued ?? null,
    ephemerals,
    watches: withWatches ? lists((each) => each.watches) : null,
    notAsked,
  };
}

interface Looked {
  readonly server: string;
  readonly connection: ClientConnection | undefined;
  readonly ephemerals: readonly string[] | null;
  readonly watches: readonly string[] | null;
  readonly isTracked: boolean;
}

async function lookAt(
  server: ServerConnection,
  session: bigint,
  withWatches: boolean,
  notAsked: string[],
): Promise<Looked> {
  const ask = async <T>(
    word: "cons" | "dump" | "wchc",
    parse: (text: string) => ({ readonly serving: true } & T) | { readonly serving: false },
  ): Promise<T | undefined> => {
    const answer = await server.ask(word);
    if (answer.kind !== "answer") {
      notAsked.push(
        `${server.name}: ${word} ${answer.kind === "notAllowed" ? "is not on its whitelist" : `is not answered (${answer.reason})`}`,
      );
      return undefined;
    }
    const parsed = parse(answer.text);
    return parsed.serving ? parsed : undefined;
  };
  // The same 64 bits, whatever their sign.
  const same = (id: bigint): boolean => BigInt.asUintN(64, id) === BigInt.asUintN(64, session);
  const cons = await ask("cons", parseCons);
  const dump = await ask("dump", parseDump);
  // A server without any watch answers wchc with nothing.
  const wchc = withWatches ? await ask("wchc", parseWchc) : undefined;
  return {
    server: server.name,
    connection: cons?.connections.find(({ sessionId }) => sessionId !== null && same(sessionId)),
    ephemerals: dump === undefined ? null : ([...dump.ephemerals].find(([id]) => same(id))?.[1] ?? []),
    watches: wchc === undefined ? null : ([...wchc.pathsBySession].find(([id]) => same(id))?.[1] ?? []),
    isTracked: dump?.sessions?.some(same) === true,
  };
}
