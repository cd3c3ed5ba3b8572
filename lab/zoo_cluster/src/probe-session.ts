/**
 * A session with one server, as small as it can be: for the lab's own questions, so that the lab needs no client.
 *
 * One request at a time, no watches, no pings (it lives shorter than any session timeout), no reconnects.
 */
import {
  type Codec,
  ConnectRequest,
  ConnectResponse,
  CreateMode,
  CreateRequest,
  CreateResponse,
  DeleteRequest,
  decode,
  encodeFrame,
  errorName,
  GetDataRequest,
  GetDataResponse,
  JuteReader,
  JuteWriter,
  OPEN_ACL_UNSAFE,
  OpCode,
  ReplyHeader,
  RequestHeader,
  SyncRequest,
  XID_FIRST,
} from "@zk/protocol";
import { LabError } from "./errors.js";
import { FrameConnection, type FrameConnectionOptions } from "./frame-connection.js";

/** Session timeout in milliseconds that a probe asks for; servers raise or lower it to their own limits. */
export const probeSessionTimeoutMs = 10_000;
/** Limit for everything that one probe of one server does, in milliseconds. */
export const defaultProbeTimeoutMs = 5_000;

const passwordBytes = 16;
/**
 * Where requests in a session that was taken over begin to count, far from those of its own client. A server of 3.4.6 tells
 * the requests of a session apart by their xid alone: a write that waits there under the same one would be answered with
 * what ours came to.
 *
 * Source: ZooKeeper 3.4.6, CommitProcessor.java, run
 */
const OUTSIDER_XID = 0x7fff_0000;

/** A session to take over instead of a new one. */
export interface SessionCredentials {
  readonly sessionId: bigint;
  readonly password: Uint8Array;
}

/** One open session on one connection. */
export class ProbeSession {
  readonly sessionId: bigint;
  readonly #connection: FrameConnection;
  #xid: number;

  private constructor(connection: FrameConnection, sessionId: bigint, xid: number) {
    this.#connection = connection;
    this.sessionId = sessionId;
    this.#xid = xid;
  }

  /**
   * Connects and opens a session, or takes over the one given.
   *
   * @returns null when the server says that the session is over, or that the password is wrong: it tells no difference.
   * @throws LabError `SESSION_REFUSED` when there is no answer: not serving, paused, too slow, not there.
   */
  static async open(
    options: FrameConnectionOptions,
    credentials: SessionCredentials | null = null,
  ): Promise<ProbeSession | null> {
    const connection = new FrameConnection(options);
    try {
      connection.send(
        encodeFrame(ConnectRequest, {
          protocolVersion: 0,
          // 0: no server is ever behind us, so none turns us away for that.
          lastZxidSeen: 0n,
          timeOut: probeSessionTimeoutMs,
          sessionId: credentials?.sessionId ?? 0n,
          passwd: credentials?.password ?? new Uint8Array(passwordBytes),
          readOnly: false,
        }),
      );
      const answer = decode(ConnectResponse, await connection.receive());
      if (answer.timeOut > 0 && answer.sessionId !== 0n)
        return new ProbeSession(
          connection,
          answer.sessionId,
          credentials === null ? XID_FIRST : OUTSIDER_XID,
        );
    } catch (error) {
      connection.end();
      throw error;
    }
    connection.end();
    return null;
  }

  /** Sends one request and reads its reply. */
  async request<Q, R>(
    type: number,
    body: { readonly codec: Codec<Q>; readonly value: Q } | null,
    reply: Codec<R> | null,
  ): Promise<{ readonly err: number; readonly value: R | null }> {
    const xid = this.#xid++;
    const writer = new JuteWriter();
    const start = writer.beginFrame();
    RequestHeader.write(writer, { xid, type });
    body?.codec.write(writer, body.value);
    writer.endFrame(start);
    this.#connection.send(writer.take());
    for (;;) {
      const reader = new JuteReader(await this.#connection.receive());
      const header = ReplyHeader.read(reader);
      if (header.xid !== xid) continue;
      return { err: header.err, value: header.err === 0 && reply !== null ? reply.read(reader) : null };
    }
  }

  /** Ends the session and waits until the server says so; then the connection is closed too. */
  async close(): Promise<void> {
    const { err } = await this.request(OpCode.CLOSE_SESSION, null, null);
    this.#connection.end();
    if (err !== 0) throw refusal("to close the session", err);
  }

  /** Drops the connection and leaves the session to its timeout. */
  abandon(): void {
    this.#connection.end();
  }
}

/**
 * Proves that a server serves: through it an ephemeral node is written, `sync` is called, the node is read back and
 * removed, and the session is closed with the server's confirmation.
 *
 * @throws LabError `SESSION_REFUSED` saying at which step.
 */
export async function probeServer(options: FrameConnectionOptions, path: string): Promise<void> {
  const session = await ProbeSession.open(options);
  if (session === null) throw refusal("a new session", -112);
  try {
    const data = new TextEncoder().encode(`lab probe ${path}`);
    const created = await session.request(
      OpCode.CREATE,
      { codec: CreateRequest, value: { path, data, acl: OPEN_ACL_UNSAFE, flags: CreateMode.EPHEMERAL } },
      CreateResponse,
    );
    // A root that takes no children from strangers has still sent the write to the leader and back.
    const isForbidden = errorName(created.err) === "NO_AUTH";
    if (created.err !== 0 && !isForbidden) throw refusal(`to create ${path}`, created.err);
    const synced = await session.request(OpCode.SYNC, { codec: SyncRequest, value: { path } }, null);
    if (synced.err !== 0) throw refusal(`to sync ${path}`, synced.err);
    if (!isForbidden) await readAndRemove(session, path, data);
    await session.close();
  } finally {
    // The node is ephemeral: should anything above have failed, it goes with the session.
    session.abandon();
  }
}

async function readAndRemove(session: ProbeSession, path: string, data: Uint8Array): Promise<void> {
  const read = await session.request(
    OpCode.GET_DATA,
    { codec: GetDataRequest, value: { path, watch: false } },
    GetDataResponse,
  );
  if (read.err !== 0) throw refusal(`to read ${path}`, read.err);
  if (Buffer.compare(read.value?.data ?? new Uint8Array(), data) !== 0) {
    throw new LabError(
      "SESSION_REFUSED",
      `A server gave other bytes for ${path} than were written through it.`,
    );
  }
  const removed = await session.request(
    OpCode.DELETE,
    { codec: DeleteRequest, value: { path, version: -1 } },
    null,
  );
  if (removed.err !== 0) throw refusal(`to remove ${path}`, removed.err);
}

function refusal(what: string, err: number): LabError {
  const name = errorName(err) ?? `error ${err}`;
  return new LabError("SESSION_REFUSED", `A server refused ${what}: ${name}.`, { details: { error: name } });
}
