/**
 * A server without a leader. It takes connections and answers four-letter words only, unless read-only mode lets it serve
 * what it has after a while.
 *
 * Source: ZooKeeper 3.4.6, QuorumPeer.java, run, case LOOKING, and ReadOnlyZooKeeperServer.java
 */
import { OpCode } from "@zk/protocol";
import { Preparer } from "../tree/preparer.js";
import type { ClientConnection } from "./client-connection.js";
import { Disk } from "./disk.js";
import type { Duty } from "./duty.js";
import type { Host } from "./host.js";
import type { Request } from "./request.js";
import { Service } from "./service.js";

const NOT_READ_ONLY = -119;
const READ_ONLY_DELAY_MS = 2000;

/** See the head of this file. */
export class Looking implements Duty {
  readonly reign = 0;
  readonly #server: Host;
  /** What the disk held before read-only service began: that service leaves no trace. */
  #saved: Disk | undefined;
  #service: ReadOnlyService | undefined;

  constructor(server: Host) {
    this.#server = server;
    const { tickTimeMs, readOnlyMode } = server.world.settings;
    if (!readOnlyMode) return;
    server.later(Math.max(READ_ONLY_DELAY_MS, tickTimeMs), () => {
      if (server.does(this)) this.#serveReadOnly();
    });
  }

  get role(): "looking" | "readonly" {
    return this.#service === undefined ? "looking" : "readonly";
  }

  get service(): ReadOnlyService | undefined {
    return this.#service;
  }

  hear(): void {}

  tick(): void {}

  end(): void {
    if (this.#saved !== undefined) this.#server.disk = this.#saved;
  }

  #serveReadOnly(): void {
    this.#saved = this.#server.disk;
    this.#server.disk = Disk.restore(this.#saved.save());
    this.#server.tree.lastZxid = this.#saved.tree.lastZxid;
    this.#service = new ReadOnlyService(this.#server);
    this.#server.world.log(this.#server.id, "serving read-only");
  }
}

/** Refused in read-only mode before anything else. Source: ZooKeeper 3.4.6, ReadOnlyRequestProcessor.java, run */
const REFUSED: ReadonlySet<number> = new Set([
  OpCode.SYNC,
  OpCode.CREATE,
  OpCode.DELETE,
  OpCode.SET_DATA,
  OpCode.SET_ACL,
  OpCode.MULTI,
  OpCode.CHECK,
]);

/** Reads without a quorum. Sessions begun here are known to nobody else. */
class ReadOnlyService extends Service {
  readonly #preparer: Preparer;

  constructor(server: Host) {
    super(server);
    this.#preparer = new Preparer(server.tree, { skipAcl: server.world.settings.skipAcl });
  }

  override get isReadOnly(): boolean {
    return true;
  }

  touch(sessionId: bigint): boolean {
    return this.server.tree.sessions.has(sessionId) || this.server.connectionOf(sessionId) !== undefined;
  }

  protected process(request: Request): void {
    const { opCode, sessionId, xid, connection } = request;
    const { tree, world } = this.server;
    if (REFUSED.has(opCode)) {
      this.inProcess -= connection === undefined ? 0 : 1;
      return connection?.reply({ xid, zxid: tree.lastZxid, err: NOT_READ_ONLY });
    }
    if (opCode === OpCode.CREATE_SESSION || opCode === OpCode.CLOSE_SESSION) {
      const place = { zxid: tree.lastZxid + 1n, timeMs: world.wallMs };
      const txn = this.#preparer.prepare(request, place);
      request.entry = { header: { sessionId, cxid: xid, ...place }, txn };
    }
    this.finish(request);
  }

  protected revalidate(connection: ClientConnection): void {
    connection.grant(this.server.tree.sessions.has(connection.sessionId), true);
  }

  protected sessionWanted(): void {}
}
