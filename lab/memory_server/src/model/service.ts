/**
 * A server at work: sessions and requests of its clients, from the connect request to the answer. What differs between a
 * leader, a follower and the others is in the subclasses.
 *
 * Source: ZooKeeper 3.4.6, ZooKeeperServer.java (processConnectRequest, reopenSession, submitRequest) and
 * NIOServerCnxn.java (incrOutstandingRequests, sendResponse)
 */
import { type ConnectRequest, JuteWriter, OpCode } from "@zk/protocol";
import type { ClientConnection } from "./client-connection.js";
import { FinalProcessor } from "./final-processor.js";
import type { Host } from "./host.js";
import { isKnown, type Request } from "./request.js";
import { firstSessionId, isPasswordOf } from "./session-secrets.js";

const UNIMPLEMENTED = -6;
const NO_BYTES = new Uint8Array(0);

/** See the head of this file. */
export abstract class Service {
  readonly server: Host;
  /** Requests of clients that are under way here. */
  inProcess = 0;
  readonly #final: FinalProcessor;

  constructor(server: Host) {
    this.server = server;
    this.#final = new FinalProcessor(this);
    server.reserveSessionIds(firstSessionId(server.id, server.world.wallMs));
  }

  /** Whether it serves reads only, because it has no quorum. */
  get isReadOnly(): boolean {
    return false;
  }

  /** Notes a sign of life. False when the session is not known here: the request is dropped without a word. */
  abstract touch(sessionId: bigint, timeoutMs: number): boolean;
  /** Takes a request in. */
  protected abstract process(request: Request): void;
  /** Finds out whether a session lives, and tells the connection. */
  protected abstract revalidate(connection: ClientConnection): void;
  /** A session that is about to be asked for. */
  protected abstract sessionWanted(sessionId: bigint, timeoutMs: number): void;
  /** A transaction was applied here. */
  transactionApplied(_request: Request): void {}

  connectRequest(connection: ClientConnection, request: ConnectRequest): void {
    const { server } = this;
    const { settings } = server.world;
    if (this.isReadOnly && request.readOnly !== true) return connection.end();
    if (request.lastZxidSeen > server.tree.lastZxid) return connection.end();
    const { minSessionTimeoutMs: min, maxSessionTimeoutMs: max } = settings;
    connection.timeoutMs = Math.min(Math.max(request.timeOut, min), max);
    connection.hold(true);
    if (request.sessionId === 0n) {
      // The real server stumbles over a null password, and the connection hangs.
      if (request.passwd === null) return;
      return this.#createSession(connection);
    }
    // Before the password is looked at: whoever names a session ends its connection.
    server.connectionOf(request.sessionId)?.end();
    connection.sessionId = request.sessionId;
    if (request.passwd === null || !isPasswordOf(request.sessionId, request.passwd))
      return connection.grant(false, this.isReadOnly);
    this.revalidate(connection);
  }

  request(connection: ClientConnection, xid: number, opCode: number, body: Uint8Array): void {
    const { sessionId } = connection;
    const { id: owner } = this.server;
    this.submit({ connection, sessionId, xid, opCode, body, auth: [...connection.auth], owner });
    if (xid >= 0 && !connection.isOver && this.inProcess > this.server.world.settings.globalOutstandingLimit)
      connection.hold(true);
  }

  /** Takes in a request of a client or of the server itself. */
  submit(request: Request): void {
    const { connection, opCode } = request;
    if (connection !== undefined && !this.touch(request.sessionId, connection.timeoutMs)) return;
    if (!isKnown(opCode)) {
      connection?.reply({ xid: request.xid, zxid: -1n, err: UNIMPLEMENTED });
      return connection?.end();
    }
    if (connection !== undefined) this.inProcess += 1;
    this.process(request);
  }

  /** The last station of every request. */
  finish(request: Request): void {
    this.#final.process(request);
    const { connection } = request;
    if (connection === undefined) return;
    this.inProcess -= 1;
    if (!connection.isHeld || !connection.isEstablished) return;
    if (this.inProcess < this.server.world.settings.globalOutstandingLimit || connection.outstanding < 1)
      connection.hold(false);
  }

  /** Ends a session, as its own client would. */
  closeSession(sessionId: bigint): void {
    const { id: owner } = this.server;
    const nobody = { connection: undefined, xid: 0, body: NO_BYTES, auth: [] };
    this.submit({ ...nobody, sessionId, opCode: OpCode.CLOSE_SESSION, owner });
  }

  #createSession(connection: ClientConnection): void {
    const { server } = this;
    const sessionId = server.nextSessionId();
    connection.sessionId = sessionId;
    this.sessionWanted(sessionId, connection.timeoutMs);
    const writer = new JuteWriter(4);
    writer.int(connection.timeoutMs);
    const { id: owner } = server;
    const about = { xid: 0, opCode: OpCode.CREATE_SESSION, body: writer.take(), auth: [] };
    this.submit({ connection, sessionId, ...about, owner });
  }
}
