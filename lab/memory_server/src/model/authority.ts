/**
 * A service that makes transactions and decides over sessions: a leader's, or that of a standalone server.
 *
 * Source: ZooKeeper 3.4.6, PrepRequestProcessor.java and SessionTrackerImpl.java
 */
import { OpCode } from "@zk/protocol";
import { Preparer } from "../tree/preparer.js";
import { SessionTracker } from "../tree/session-tracker.js";
import type { ClientConnection } from "./client-connection.js";
import { CommitQueue } from "./commit-queue.js";
import type { Host } from "./host.js";
import { type Entry, isCommitted, type Request } from "./request.js";
import { Service } from "./service.js";

const EXPIRY_SLACK_MS = 1;

/** What makes a proposal final. */
export type Propose = (entry: Entry, request: Request) => void;

/** See the head of this file. */
export class Authority extends Service {
  readonly tracker: SessionTracker;
  readonly #preparer: Preparer;
  readonly #queue: CommitQueue;
  readonly #propose: Propose;
  #lastZxid: bigint;
  #isOver = false;

  constructor(server: Host, propose: Propose) {
    super(server);
    this.#propose = propose;
    const { settings, nowMs } = server.world;
    this.tracker = new SessionTracker(settings.tickTimeMs);
    for (const [id, timeoutMs] of server.tree.sessions) this.tracker.add(id, timeoutMs, nowMs);
    this.#preparer = new Preparer(server.tree, { skipAcl: settings.skipAcl });
    this.#queue = new CommitQueue(
      (request) => this.finish(request),
      ({ opCode, entry }) => isCommitted(opCode) || entry !== undefined,
    );
    this.#lastZxid = server.tree.lastZxid;
    this.#armExpiry();
  }

  /** The zxid that was given out last. */
  get lastZxid(): bigint {
    return this.#lastZxid;
  }

  end(): void {
    this.#isOver = true;
  }

  touch(sessionId: bigint, timeoutMs: number): boolean {
    return this.tracker.touch(sessionId, timeoutMs, this.server.world.nowMs);
  }

  /** A learner's client comes back. */
  renew(sessionId: bigint, timeoutMs: number, owner: number): boolean {
    const isValid = this.touch(sessionId, timeoutMs);
    if (isValid) this.tracker.setOwner(sessionId, owner);
    return isValid;
  }

  /** A transaction is final. */
  commit(entry: Entry, request: Request): void {
    request.entry = entry;
    this.#queue.commit(entry, request);
  }

  /** Makes a transaction of a request that changes something; asks after the session of one that does not. */
  prepare(request: Request): void {
    const { world, id: ownId } = this.server;
    const { opCode, sessionId, owner } = request;
    const checkSession = (): number => this.tracker.check(sessionId, owner);
    if (!isCommitted(opCode) && opCode !== OpCode.CHECK) {
      const err = checkSession();
      if (err !== 0) request.err = err;
      return;
    }
    this.#lastZxid += 1n;
    const place = { zxid: this.#lastZxid, timeMs: world.wallMs };
    const txn = this.#preparer.prepare(request, { ...place, checkSession });
    if (txn.type === "createSession") {
      this.tracker.add(sessionId, txn.timeoutMs, world.nowMs);
      this.tracker.setOwner(sessionId, request.connection === undefined ? owner : ownId);
    }
    if (txn.type === "closeSession") this.tracker.markClosing(sessionId);
    request.entry = { header: { sessionId, cxid: request.xid, ...place }, txn };
  }

  protected process(request: Request): void {
    this.prepare(request);
    const { entry } = request;
    this.#queue.add(request);
    if (entry !== undefined) this.#propose(entry, request);
  }

  /** Makes a transaction of a learner's request. It waits for nobody here. */
  processForwarded(request: Request): void {
    this.prepare(request);
    if (request.entry !== undefined) this.#propose(request.entry, request);
  }

  protected revalidate(connection: ClientConnection): void {
    const { sessionId, timeoutMs } = connection;
    connection.grant(this.renew(sessionId, timeoutMs, this.server.id), false);
  }

  protected sessionWanted(sessionId: bigint, timeoutMs: number): void {
    this.tracker.add(sessionId, timeoutMs, this.server.world.nowMs);
  }

  override transactionApplied({ entry }: Request): void {
    if (entry === undefined) return;
    const { header, txn } = entry;
    this.#preparer.applied(header.zxid);
    if (txn.type === "closeSession") this.tracker.remove(header.sessionId);
  }

  #armExpiry(): void {
    const { world } = this.server;
    // At the end of every bucket, whoever is in it: a session that comes meanwhile may be over before all that are known.
    const { tickTimeMs } = world.settings;
    const bucketEndMs = (Math.floor(world.nowMs / tickTimeMs) + 1) * tickTimeMs;
    const atMs = Math.max(Math.min(this.tracker.nextMs(), bucketEndMs), world.nowMs + EXPIRY_SLACK_MS);
    this.server.later(atMs - world.nowMs, () => this.#expire());
  }

  #expire(): void {
    if (this.#isOver) return;
    for (const sessionId of this.tracker.expired(this.server.world.nowMs)) this.closeSession(sessionId);
    this.#armExpiry();
  }
}
