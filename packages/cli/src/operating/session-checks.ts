/**
 * What the sessions of running servers show: who may expire soon, and who has very many watches. Asked with words that every
 * server answers cheaply; the list of all watches only where it is short.
 */
import { parseCons, parseDump, parseWchc, parseWchs } from "@zk/protocol";
import { hex, plural } from "../output/figures.js";
import type { ServerConnection } from "../session/servers.js";
import type { Finding } from "./findings.js";

/** Part of its timeout that a session is silent before something is said. Clients say something each third. */
const SILENT_PART = 0.75;
/** Watches of one session that are many. */
const WATCHES_MAX = 5_000;
/** Bytes of watched paths near the limit of 1 MB, in which many clients set them all again after a reconnect. */
const WATCHED_BYTES_MAX = 800_000;
/** Watches of a server up to which they are listed: a list of very many is work for it (CVE-2017-5637). */
const LISTED_MAX = 50_000;
/** Sessions that are named. */
const NAMED_MAX = 5;

type Ask = <T extends object>(
  server: ServerConnection,
  word: "cons" | "dump" | "wchc" | "wchs",
  parse: (text: string) => ({ readonly serving: true } & T) | { readonly serving: false },
) => Promise<T | undefined>;

/** @param notAsked what could not be asked is added */
export async function checkSessions(
  servers: readonly ServerConnection[],
  notAsked: string[],
): Promise<Finding[]> {
  const ask: Ask = async (server, word, parse) => {
    const answer = await server.ask(word);
    if (answer.kind === "notAllowed") notAsked.push(`${server.name}: ${word} is not on its whitelist`);
    if (answer.kind !== "answer") return undefined;
    const parsed = parse(answer.text);
    return parsed.serving ? parsed : undefined;
  };
  const [sessions, ...watches] = await Promise.all([
    checkConnected(servers, ask),
    ...servers.map((server) => checkWatches(server, ask, notAsked)),
  ]);
  return [...sessions, ...watches.flat()];
}

async function checkConnected(servers: readonly ServerConnection[], ask: Ask): Promise<Finding[]> {
  // Before and after the connections: who comes or goes meanwhile is in one of the two only.
  const before = await knownSessions(servers, ask);
  const lists = await Promise.all(servers.map((server) => ask(server, "cons", parseCons)));
  const after = await knownSessions(servers, ask);
  const found = servers.flatMap((server, index) => {
    const connections = lists[index]?.connections ?? [];
    const newest = Math.max(...connections.map(({ lastResponseMs }) => lastResponseMs ?? 0));
    return connections.flatMap(
      ({ address, port, sessionId, sessionTimeoutMs, lastResponseMs }): Finding[] => {
        if (sessionId === null || sessionTimeoutMs === null || lastResponseMs === null) return [];
        const silentMs = newest - lastResponseMs;
        if (silentMs <= sessionTimeoutMs * SILENT_PART) return [];
        return [
          {
            id: "live.session-silent",
            severity: "warning",
            message: `a client of ${server.name} has said nothing for most of its session timeout`,
            evidence: `${hex(sessionId)} of ${address}:${port}: ${silentMs} of ${sessionTimeoutMs} ms`,
            fix: `its session ends soon: look for long pauses of that program; zk who ${hex(sessionId)} shows what it has`,
            link: null,
          },
        ];
      },
    );
  });
  // A list that is missing may have any session in it.
  if (before === undefined || after === undefined || lists.includes(undefined)) return found;
  const connected = new Set(
    lists.flatMap((list) => (list?.connections ?? []).map(({ sessionId }) => sessionId && bits(sessionId))),
  );
  const alone = [...before].filter((id) => after.has(id) && !connected.has(id));
  if (alone.length > 0) {
    const named = alone.slice(0, NAMED_MAX).map(hex).join(", ");
    found.push({
      id: "live.session-unconnected",
      severity: "info",
      message: "sessions without a connection: they expire unless their clients come back",
      evidence: `${plural(alone.length, "session")}: ${named}${alone.length > NAMED_MAX ? ", …" : ""}`,
      fix: "normal for a moment after a client was killed or cut off; zk who shows which ephemerals wait for that",
      link: null,
    });
  }
  return found;
}

/** What the leader keeps track of; undefined when nobody tells. Followers of 3.4 know of no session. */
async function knownSessions(
  servers: readonly ServerConnection[],
  ask: Ask,
): Promise<ReadonlySet<bigint> | undefined> {
  const dumps = await Promise.all(servers.map((server) => ask(server, "dump", parseDump)));
  const known = dumps.flatMap((dump) => (dump?.sessions == null ? [] : [dump.sessions]));
  return known.length === 0 ? undefined : new Set(known.flat().map(bits));
}

async function checkWatches(server: ServerConnection, ask: Ask, notAsked: string[]): Promise<Finding[]> {
  const sum = await ask(server, "wchs", parseWchs);
  if (sum === undefined || sum.watches === 0) return [];
  if (sum.watches > LISTED_MAX) {
    notAsked.push(`${server.name}: whose its ${sum.watches} watches are; the list would be work for it`);
    return [];
  }
  // Where no session can have so many there is nothing to look for, and nothing is asked.
  if (sum.watches <= Math.min(WATCHES_MAX, WATCHED_BYTES_MAX / PATH_BYTES_MAX)) return [];
  const list = await ask(server, "wchc", parseWchc);
  return [...(list?.pathsBySession ?? [])].flatMap(([session, paths]): Finding[] => {
    const bytes = paths.reduce((total, path) => total + Buffer.byteLength(path), 0);
    if (paths.length <= WATCHES_MAX && bytes <= WATCHED_BYTES_MAX) return [];
    return [
      {
        id: "live.many-watches",
        severity: "warning",
        message: `a session of ${server.name} has very many watches`,
        evidence: `${hex(bits(session))}: ${plural(paths.length, "watch", "watches")}, ${bytes} bytes of paths`,
        fix: "many clients set them all again in one packet after a reconnect, and servers refuse one above 1 MB; watch fewer znodes, or a parent",
        link: null,
      },
    ];
  });
}

/** A long path. */
const PATH_BYTES_MAX = 1_000;

/** The same 64 bits, whatever their sign. */
function bits(id: bigint): bigint {
  return BigInt.asUintN(64, id);
}
