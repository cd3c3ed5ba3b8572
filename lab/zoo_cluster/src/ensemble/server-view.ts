/** What a server says of itself, as the lab reads it from `srvr`, `mntr`, `cons` and `dump`. */
import { parseCons, parseDump, parseMntr, parseSrvr, type ServerStatistics } from "@zk/protocol";
import { askServer } from "./four-letter-client.js";
import type { ServerSpec } from "./layout.js";

/**
 * - what the server tells, when it serves
 * - `not-serving`: the process answers, but there is no quorum for it
 * - `silent`: no answer within the limit, or none of a ZooKeeper server
 */
export type Look = ServerStatistics | "not-serving" | "silent";

/** Limit in milliseconds for answers that are long when there are many sessions. */
const longAnswerTimeoutMs = 5_000;

/** Asks one server `srvr`. */
export async function lookAt(server: ServerSpec, timeoutMs?: number): Promise<Look> {
  const answer = await askServer(server, "srvr", timeoutMs);
  if (answer === null) return "silent";
  const parsed = parseSrvr(answer);
  if (parsed.serving) return parsed;
  return parsed.reason === "not-serving" ? "not-serving" : "silent";
}

/** Followers that the leader calls synced, or null when it does not say. */
export async function syncedFollowers(leader: ServerSpec): Promise<number | null> {
  const answer = parseMntr((await askServer(leader, "mntr")) ?? "");
  return answer.serving ? answer.syncedFollowers : null;
}

/** When a session's connection to this server was made (milliseconds since 1970), or null when it has none here. */
export async function connectionSince(server: ServerSpec, sessionId: bigint): Promise<number | null> {
  const answer = parseCons((await askServer(server, "cons", longAnswerTimeoutMs)) ?? "");
  if (!answer.serving) return null;
  const wanted = BigInt.asIntN(64, sessionId);
  const connection = answer.connections.find((one) => one.sessionId === wanted);
  return connection === undefined ? null : (connection.establishedMs ?? 0);
}

/** Whether the leader still knows a session, or null when it does not say. */
export async function knowsSession(leader: ServerSpec, sessionId: bigint): Promise<boolean | null> {
  const answer = parseDump((await askServer(leader, "dump", longAnswerTimeoutMs)) ?? "");
  if (!answer.serving || answer.sessions === null) return null;
  return answer.sessions.includes(BigInt.asIntN(64, sessionId));
}
