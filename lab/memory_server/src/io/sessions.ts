/** What an ensemble does with sessions: probing its servers with one of its own, and ending a client's behind its back. */
import {
  CreateMode,
  CreateRequest,
  CreateResponse,
  DeleteRequest,
  errorName,
  GetDataRequest,
  GetDataResponse,
  OPEN_ACL_UNSAFE,
  OpCode,
  SyncRequest,
} from "@zk/protocol";
import type { ModelDriver } from "./driver.js";
import { MemoryServerError } from "./errors.js";
import { type Credentials, ModelSession } from "./model-link.js";

/** A write, a `sync` and a read pass through this server. @throws MemoryServerError `SESSION_REFUSED` saying what did not */
export async function probe(
  driver: ModelDriver,
  server: number,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const session = await ModelSession.open(driver, server, null, signal);
  if (session === null) throw refused(server, "a new session", "SESSION_EXPIRED");
  const abandon = (): void => session.abandon();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    await writeAndRead(session, server, path);
    await session.close();
  } finally {
    signal.removeEventListener("abort", abandon);
    // The node is ephemeral: should anything have failed, it goes with the session.
    session.abandon();
  }
}

async function writeAndRead(session: ModelSession, server: number, path: string): Promise<void> {
  const data = new TextEncoder().encode(`probe ${path}`);
  const create = { path, data, acl: OPEN_ACL_UNSAFE, flags: CreateMode.EPHEMERAL };
  const created = await session.request(
    OpCode.CREATE,
    { codec: CreateRequest, value: create },
    CreateResponse,
  );
  // A root that takes no children from strangers has still sent the write to the leader and back.
  const isForbidden = errorName(created.err) === "NO_AUTH";
  if (created.err !== 0 && !isForbidden) throw refused(server, `to create ${path}`, created.err);
  const synced = await session.request(OpCode.SYNC, { codec: SyncRequest, value: { path } }, null);
  if (synced.err !== 0) throw refused(server, `to sync ${path}`, synced.err);
  if (isForbidden) return;
  const get = { path, watch: false };
  const read = await session.request(OpCode.GET_DATA, { codec: GetDataRequest, value: get }, GetDataResponse);
  if (read.err !== 0) throw refused(server, `to read ${path}`, read.err);
  const remove = { path, version: -1 };
  const removed = await session.request(OpCode.DELETE, { codec: DeleteRequest, value: remove }, null);
  if (removed.err !== 0) throw refused(server, `to remove ${path}`, removed.err);
}

/**
 * Takes a session over and closes it.
 *
 * @returns `closed` when the server confirmed, `over` when it says that there is no such session or the password is wrong
 * @throws MemoryServerError `SESSION_REFUSED` when it says nothing
 */
export async function closeSession(
  driver: ModelDriver,
  server: number,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<"closed" | "over"> {
  const session = await ModelSession.open(driver, server, credentials, signal);
  if (session === null) return "over";
  const abandon = (): void => session.abandon();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    await session.close();
    return "closed";
  } finally {
    signal.removeEventListener("abort", abandon);
    session.abandon();
  }
}

function refused(server: number, what: string, err: number | string): MemoryServerError {
  const name = typeof err === "string" ? err : (errorName(err) ?? `error ${err}`);
  return new MemoryServerError("SESSION_REFUSED", `Server ${server} refused ${what}: ${name}.`, {
    details: { server, error: name },
  });
}
