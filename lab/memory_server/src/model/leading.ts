/**
 * A leader: brings learners in step, proposes transactions, and commits what a quorum has logged, in order.
 *
 * Source: ZooKeeper 3.4.6, Leader.java (lead, propose, processAck, processSync) and LearnerHandler.java
 */
import { OpCode } from "@zk/protocol";
import { Authority } from "./authority.js";
import type { Duty } from "./duty.js";
import type { ForwardedRequest, Message } from "./messages.js";
import type { Entry, Request } from "./request.js";
import type { Server } from "./server.js";

interface Learner {
  readonly relation: number;
  /** Whether it has taken in all that the leader had when it came. */
  isInStep: boolean;
  heardMs: number;
}

interface Proposal {
  readonly entry: Entry;
  readonly request: Request;
  readonly acks: Set<number>;
  /** Learners' syncs that wait for it. */
  readonly syncs: { readonly learner: number; readonly sessionId: bigint; readonly xid: number }[];
}

// Over a union this distributes, which plain Omit does not.
type WithoutRelation<T> = T extends unknown ? Omit<T, "relation"> : never;
type ToLearner = WithoutRelation<Message>;

const COUNTER_MAX = 0xffff_ffffn;

/** See the head of this file. */
export class Leading implements Duty {
  readonly role = "leading";
  readonly reign: number;
  readonly learners: Map<number, Learner> = new Map();
  readonly #server: Server;
  readonly #sinceMs: number;
  readonly #epoch: number;
  #service: Authority | undefined;
  #outstanding: Proposal[] = [];
  #lastDiskMs = 0;
  #isOver = false;

  constructor(server: Server, epoch: number) {
    this.#server = server;
    this.reign = server.world.nextReign();
    this.#sinceMs = server.world.nowMs;
    this.#epoch = epoch;
    server.world.log(server.id, "LEADING");
  }

  /** Undefined until a quorum is in step. */
  get service(): Authority | undefined {
    return this.#service;
  }

  get outstandingSyncs(): number {
    return this.#outstanding.reduce((sum, { syncs }) => sum + syncs.length, 0);
  }

  hear(from: number, message: Message): void {
    if (message.kind === "hello") return this.#onHello(from, message);
    const learner = this.learners.get(from);
    if (learner === undefined || message.relation !== learner.relation) return;
    learner.heardMs = this.#server.world.nowMs;
    switch (message.kind) {
      case "inStep":
        return this.#onInStep(from, learner);
      case "ack":
        return this.#onAck(from, message.zxid);
      case "request":
        return this.#onRequest(from, message.request);
      case "revalidate": {
        const { sessionId, timeoutMs, connection } = message;
        const isValid = this.#service?.renew(sessionId, timeoutMs, from) ?? false;
        return this.#tell(from, { kind: "revalidated", sessionId, connection, isValid });
      }
      case "pong":
        for (const [sessionId, timeoutMs] of message.touched) this.#service?.touch(sessionId, timeoutMs);
        return;
      case "goodbye":
        this.learners.delete(from);
        return;
      default:
        return;
    }
  }

  tick(): void {
    const { world, id } = this.#server;
    const { tickTimeMs, initLimit, syncLimit } = world.settings;
    if (this.#service === undefined) {
      if (world.nowMs - this.#sinceMs > initLimit * tickTimeMs)
        this.#server.look("no quorum came in step in time");
      return;
    }
    for (const [learner, { heardMs }] of this.learners) {
      if (world.nowMs - heardMs > syncLimit * tickTimeMs) {
        this.#tell(learner, { kind: "goodbye" });
        this.learners.delete(learner);
      } else this.#tell(learner, { kind: "ping" });
    }
    const inStep = [...this.learners].filter(([, { isInStep }]) => isInStep).length;
    if (inStep + 1 < world.quorum) this.#server.look(`server ${id} has only ${inStep} followers in step`);
  }

  end(): void {
    this.#isOver = true;
    this.#service?.end();
    for (const learner of this.learners.keys()) this.#tell(learner, { kind: "goodbye" });
  }

  #tell(to: number, message: ToLearner): void {
    const relation = this.learners.get(to)?.relation;
    if (relation === undefined) return;
    this.#server.world.send(this.#server.id, to, { ...message, relation } as Message);
  }

  // ── learners ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #onHello(from: number, { acceptedEpoch, zxid, relation }: Message & { kind: "hello" }): void {
    const { world, disk, tree } = this.#server;
    // Somebody was led by a later leader meanwhile: what would be proposed here could never be logged there.
    if (acceptedEpoch > this.#epoch) return this.#server.look(`server ${from} knows epoch ${acceptedEpoch}`);
    this.learners.set(from, { relation, isInStep: false, heardMs: world.nowMs });
    const missing = disk.since(zxid) ?? (zxid === disk.loggedZxid ? [] : undefined);
    const content = missing ?? tree.snapshot();
    this.#tell(from, { kind: "sync", epoch: this.#epoch, zxid: tree.lastZxid, content });
    for (const { entry } of this.#outstanding) this.#tell(from, { kind: "proposal", entry });
  }

  #onInStep(from: number, learner: Learner): void {
    learner.isInStep = true;
    if (this.#service !== undefined) return this.#tell(from, { kind: "upToDate" });
    const inStep = [...this.learners].filter(([, { isInStep }]) => isInStep);
    if (inStep.length + 1 < this.#server.world.quorum) return;
    this.#begin();
    for (const [id] of inStep) this.#tell(id, { kind: "upToDate" });
  }

  #begin(): void {
    const { disk, tree, world, id } = this.#server;
    // Whatever was in its log is final now, committed by an earlier leader or not.
    for (const entry of disk.recent) world.becameFinal(entry);
    disk.acceptedEpoch = this.#epoch;
    disk.currentEpoch = this.#epoch;
    tree.lastZxid = BigInt(this.#epoch) << 32n;
    this.#service = new Authority(this.#server, (entry, request) => this.#propose(entry, request));
    world.electionIsDue = true;
    world.log(id, `Have quorum of supporters; starting up with epoch ${this.#epoch}`);
  }

  // ── transactions ─────────────────────────────────────────────────────────────────────────────────────────────────

  #onRequest(from: number, request: ForwardedRequest): void {
    const service = this.#service;
    if (service === undefined) return;
    if (request.opCode === OpCode.SYNC) {
      const sync = { learner: from, sessionId: request.sessionId, xid: request.xid };
      const last = this.#outstanding.at(-1);
      if (last === undefined) this.#sendSync(sync);
      else last.syncs.push(sync);
      return;
    }
    service.processForwarded({ ...request, connection: undefined, owner: from });
  }

  #propose(entry: Entry, request: Request): void {
    const { world } = this.#server;
    this.#outstanding.push({ entry, request, acks: new Set(), syncs: [] });
    for (const learner of this.learners.keys()) this.#tell(learner, { kind: "proposal", entry });
    const atMs = Math.max(world.nowMs + world.draw(world.settings.diskMs), this.#lastDiskMs);
    this.#lastDiskMs = atMs;
    const logged = (): void => {
      if (this.#isOver) return;
      this.#server.disk.append(entry);
      this.#server.dirty();
      this.#onAck(this.#server.id, entry.header.zxid);
    };
    if (atMs <= world.nowMs) logged();
    else this.#server.later(atMs - world.nowMs, logged);
    if ((entry.header.zxid & COUNTER_MAX) === COUNTER_MAX)
      this.#server.later(
        0,
        () => !this.#isOver && this.#server.look("the zxid counter of this epoch is used up"),
      );
  }

  #onAck(from: number, zxid: bigint): void {
    const { id, world } = this.#server;
    this.#outstanding.find(({ entry }) => entry.header.zxid === zxid)?.acks.add(from);
    // In order only, and not before it is on our own disk.
    for (;;) {
      const first = this.#outstanding[0];
      if (first === undefined || first.acks.size < world.quorum || !first.acks.has(id)) return;
      this.#outstanding.shift();
      for (const learner of this.learners.keys())
        this.#tell(learner, { kind: "commit", zxid: first.entry.header.zxid });
      this.#service?.commit(first.entry, first.request);
      for (const sync of first.syncs) this.#sendSync(sync);
    }
  }

  #sendSync({ learner, sessionId, xid }: { learner: number; sessionId: bigint; xid: number }): void {
    this.#tell(learner, { kind: "synced", sessionId, xid });
  }
}
