/**
 * A follower: takes in what the leader has, then serves its clients and hands their changes to the leader.
 *
 * Source: ZooKeeper 3.4.6, Learner.java (registerWithLeader, syncWithLeader), Follower.java and FollowerRequestProcessor.java
 */
import { OpCode } from "@zk/protocol";
import type { ClientConnection } from "./client-connection.js";
import { CommitQueue } from "./commit-queue.js";
import type { Duty } from "./duty.js";
import type { Host } from "./host.js";
import { LogWriter } from "./log-writer.js";
import type { Message } from "./messages.js";
import { type Entry, isCommitted, type Request } from "./request.js";
import { Service } from "./service.js";

const NO_BYTES = new Uint8Array(0);

/** See the head of this file. */
export class Following implements Duty {
  readonly role = "following";
  readonly leader: number;
  readonly reign: number;
  readonly #relation: number;
  readonly #server: Host;
  #service: LearnerService | undefined;
  #heardMs: number;
  /** Proposals in the order of the leader. */
  #proposed: Entry[] = [];
  /** Those of them that are on disk. */
  #loggedCount = 0;
  /** How many of them are to be applied as soon as they are on disk. */
  #committedCount = 0;
  /** Answers to sync, each behind so many transactions that are to be applied before it. */
  #synced: { behind: number; readonly sessionId: bigint; readonly xid: number }[] = [];
  readonly #writer: LogWriter;
  #isOver = false;

  constructor(server: Host, leader: number) {
    const { world, disk } = server;
    this.#server = server;
    this.#writer = new LogWriter(server);
    this.leader = leader;
    this.reign = world.peer(leader)?.reign ?? 0;
    this.#relation = world.nextReign();
    this.#heardMs = world.nowMs;
    const { acceptedEpoch } = disk;
    world.log(server.id, `FOLLOWING server ${leader}`);
    this.#tell({ kind: "hello", reign: this.reign, relation: this.#relation, acceptedEpoch });
  }

  get service(): LearnerService | undefined {
    return this.#service;
  }

  hear(from: number, message: Message): void {
    if (from !== this.leader || message.relation !== this.#relation) return;
    this.#heardMs = this.#server.world.nowMs;
    switch (message.kind) {
      case "newEpoch":
        return this.#onNewEpoch(message.epoch);
      case "sync":
        return this.#onSync(message);
      case "upToDate":
        this.#service = new LearnerService(this.#server, (to) => this.#tell(to), this.#relation);
        for (const entry of this.#proposed) this.#log(entry);
        return;
      case "proposal":
        this.#proposed.push(message.entry);
        // What comes before it serves is logged when it does: until then it is busy with what the leader had.
        return this.#service === undefined ? undefined : this.#log(message.entry);
      case "commit":
        this.#committedCount += 1;
        return this.#applyCommitted();
      case "synced":
        this.#synced.push({
          behind: this.#committedCount,
          sessionId: message.sessionId,
          xid: message.xid,
        });
        return this.#releaseSynced();
      case "revalidated":
        return this.#service?.onRevalidated(message);
      case "ping": {
        const touched = this.#service?.takeTouched();
        return touched && this.#tell({ kind: "pong", relation: this.#relation, touched });
      }
      case "goodbye":
        return this.#server.look(`server ${this.leader} does not lead any more`);
      default:
        return;
    }
  }

  tick(): void {
    const { world } = this.#server;
    const { tickTimeMs, initLimit, syncLimit } = world.settings;
    const limitMs = tickTimeMs * (this.#service === undefined ? initLimit : syncLimit);
    if (world.nowMs - this.#heardMs > limitMs)
      this.#server.look(`nothing was heard of server ${this.leader}`);
  }

  end(): void {
    this.#isOver = true;
    this.#tell({ kind: "goodbye", relation: this.#relation });
  }

  #tell(message: Message): void {
    this.#server.world.send(this.#server.id, this.leader, message);
  }

  /** An epoch is accepted once: whoever accepts it follows no leader of an earlier one any more. */
  #onNewEpoch(epoch: number): void {
    const { disk } = this.#server;
    if (epoch < disk.acceptedEpoch) return this.#leave(`epoch ${epoch} is over for it`);
    const { currentEpoch, loggedZxid: zxid } = disk;
    const isNews = epoch > disk.acceptedEpoch;
    disk.acceptedEpoch = epoch;
    this.#server.dirty();
    this.#tell({
      kind: "ackEpoch",
      relation: this.#relation,
      currentEpoch: isNews ? currentEpoch : undefined,
      zxid,
    });
  }

  /**
   * Somebody accepted a newer epoch that came to nothing. It finds the same leader again and again, until that one gives
   * up: so does a server of 3.4.6, only faster, which a model without delays could not bear.
   */
  #leave(why: string): void {
    const { world } = this.#server;
    this.end();
    this.#server.later(world.settings.tickTimeMs / 2, () => {
      if (this.#server.does(this)) this.#server.look(why);
    });
  }

  #onSync({ content, zxid }: Message & { kind: "sync" }): void {
    const { disk } = this.#server;
    if (content instanceof Uint8Array) disk.replace(content, zxid);
    else {
      for (const entry of content) {
        disk.append(entry);
        this.#server.apply(entry, false);
      }
      disk.tree.lastZxid = zxid;
    }
    // The epoch that it accepted from this leader.
    disk.currentEpoch = disk.acceptedEpoch;
    this.#server.dirty();
    this.#tell({ kind: "inStep", relation: this.#relation });
  }

  #log(entry: Entry): void {
    const { disk } = this.#server;
    this.#writer.write(() => {
      if (this.#isOver) return;
      disk.append(entry);
      this.#server.dirty();
      this.#loggedCount += 1;
      this.#tell({ kind: "ack", relation: this.#relation, zxid: entry.header.zxid });
      this.#applyCommitted();
    });
  }

  #applyCommitted(): void {
    while (this.#committedCount > 0 && this.#loggedCount > 0) {
      const entry = this.#proposed.shift() as Entry;
      this.#committedCount -= 1;
      this.#loggedCount -= 1;
      if (this.#service === undefined) this.#server.apply(entry);
      else this.#service.commit(entry);
      for (const sync of this.#synced) sync.behind -= 1;
      this.#releaseSynced();
    }
  }

  #releaseSynced(): void {
    while (this.#synced[0] !== undefined && this.#synced[0].behind <= 0) {
      const { sessionId, xid } = this.#synced.shift() as { sessionId: bigint; xid: number };
      this.#service?.onSynced(sessionId, xid);
    }
  }
}

/** Clients of a follower. Sessions are the leader's business. */
class LearnerService extends Service {
  readonly #tell: (message: Message) => void;
  readonly #relation: number;
  readonly #queue: CommitQueue;
  #touched = new Map<bigint, number>();

  constructor(server: Host, tell: (message: Message) => void, relation: number) {
    super(server);
    this.#tell = tell;
    this.#relation = relation;
    this.#queue = new CommitQueue(
      (request) => this.finish(request),
      ({ opCode }) => isCommitted(opCode) || opCode === OpCode.SYNC,
    );
  }

  touch(sessionId: bigint, timeoutMs: number): boolean {
    this.#touched.set(sessionId, timeoutMs);
    return true;
  }

  takeTouched(): ReadonlyMap<bigint, number> {
    const touched = this.#touched;
    this.#touched = new Map();
    return touched;
  }

  commit(entry: Entry): void {
    const { sessionId, cxid: xid } = entry.header;
    if (entry.txn.type === "createSession") this.#touched.set(sessionId, entry.txn.timeoutMs);
    if (entry.txn.type === "closeSession") this.#touched.delete(sessionId);
    const about = { sessionId, xid, opCode: 0, body: NO_BYTES, auth: [], owner: 0 };
    this.#queue.commit(entry, { ...about, connection: undefined, entry });
  }

  onSynced(sessionId: bigint, xid: number): void {
    this.#queue.release(sessionId, xid);
  }

  onRevalidated({ connection: number, sessionId, isValid }: Message & { kind: "revalidated" }): void {
    const connection = this.server.connection(number);
    if (connection?.sessionId === sessionId && !connection.isEstablished) connection.grant(isValid, false);
  }

  protected process(request: Request): void {
    this.#queue.add(request);
    const { sessionId, xid, opCode, body, auth } = request;
    if (isCommitted(opCode) || opCode === OpCode.SYNC)
      this.#tell({
        kind: "request",
        relation: this.#relation,
        request: { sessionId, xid, opCode, body, auth },
      });
  }

  protected revalidate({ sessionId, timeoutMs, number }: ClientConnection): void {
    this.#tell({ kind: "revalidate", relation: this.#relation, sessionId, timeoutMs, connection: number });
  }

  protected sessionWanted(): void {}
}
