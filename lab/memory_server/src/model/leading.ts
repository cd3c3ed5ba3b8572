/**
 * A leader: agrees with a quorum on an epoch that none of them has had, brings learners in step, proposes transactions, and
 * commits what a quorum has logged, in order.
 *
 * Source: ZooKeeper 3.4.6, Leader.java (lead, getEpochToPropose, waitForEpochAck, waitForNewLeaderAck, propose, processAck,
 * processSync) and LearnerHandler.java
 */
import { OpCode } from "@zk/protocol";
import { Authority } from "./authority.js";
import type { Duty } from "./duty.js";
import type { Host } from "./host.js";
import { LogWriter } from "./log-writer.js";
import type { ForwardedRequest, Message } from "./messages.js";
import type { Entry, Request } from "./request.js";

interface Learner {
  readonly relation: number;
  /** How far it has come: `inStep` is one that has taken in all that the leader had when it came. */
  stage: "connecting" | "asked" | "acked" | "syncing" | "inStep";
  /** Its last transaction when it acknowledged the epoch. */
  zxid: bigint;
  heardMs: number;
}

/** What a server has, as others have to know it. */
interface History {
  readonly currentEpoch: number;
  readonly zxid: bigint;
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
  readonly #server: Host;
  readonly #learners = new Map<number, Learner>();
  /** What its own history was when it began. */
  readonly #history: History;
  /** The epoch to be; fixed once a quorum has said which ones it has accepted. */
  #epoch: number;
  /** Servers that were heard of, in each of the three steps before it serves. Who dies meanwhile still counts. */
  readonly #connected: Set<number>;
  readonly #electors: Set<number>;
  readonly #inStep: Set<number>;
  /** When the step that it is in began. */
  #sinceMs: number;
  #service: Authority | undefined;
  #outstanding: Proposal[] = [];
  readonly #log: LogWriter;
  #isOver = false;

  constructor(server: Host) {
    const { world, disk, id, tree } = server;
    this.#server = server;
    this.#log = new LogWriter(server);
    this.reign = world.nextReign();
    this.#history = { currentEpoch: disk.currentEpoch, zxid: tree.lastZxid };
    this.#epoch = disk.acceptedEpoch + 1;
    this.#connected = new Set([id]);
    this.#electors = new Set([id]);
    this.#inStep = new Set([id]);
    this.#sinceMs = world.nowMs;
    world.log(id, "LEADING");
  }

  /** Undefined until a quorum is in step. */
  get service(): Authority | undefined {
    return this.#service;
  }

  /** Followers as `mntr` counts them: connected, and sent whatever is proposed. Source: ZooKeeper 3.4.6, NIOServerCnxn.java */
  get followers(): { readonly all: number; readonly synced: number } {
    const learners = [...this.#learners.values()];
    return { all: learners.length, synced: learners.filter(({ stage }) => isForwarded(stage)).length };
  }

  get outstandingSyncs(): number {
    return this.#outstanding.reduce((sum, { syncs }) => sum + syncs.length, 0);
  }

  hear(from: number, message: Message): void {
    if (message.kind === "hello") return this.#onHello(from, message);
    const learner = this.#learners.get(from);
    if (learner === undefined || message.relation !== learner.relation) return;
    learner.heardMs = this.#server.world.nowMs;
    switch (message.kind) {
      case "ackEpoch":
        return this.#onAckEpoch(from, learner, message);
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
        this.#learners.delete(from);
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
    for (const [from, { heardMs, stage }] of this.#learners) {
      const limit = stage === "inStep" ? syncLimit : initLimit;
      if (world.nowMs - heardMs > limit * tickTimeMs) this.#dismiss(from);
      else if (isForwarded(stage)) this.#tell(from, { kind: "ping" });
    }
    // Whoever is connected counts, in step or not.
    const { size } = this.#learners;
    if (size + 1 < world.quorum) this.#server.look(`server ${id} has only ${size} followers`);
  }

  end(): void {
    this.#isOver = true;
    this.#service?.end();
    for (const learner of this.#learners.keys()) this.#tell(learner, { kind: "goodbye" });
  }

  #tell(to: number, message: ToLearner): void {
    const relation = this.#learners.get(to)?.relation;
    if (relation === undefined) return;
    this.#server.world.send(this.#server.id, to, { ...message, relation } as Message);
  }

  /** Everybody who was sent what came before it. */
  #tellAll(message: ToLearner): void {
    for (const [id, { stage }] of this.#learners) if (isForwarded(stage)) this.#tell(id, message);
  }

  // ── learners ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #onHello(from: number, { acceptedEpoch, relation }: Message & { kind: "hello" }): void {
    const { world } = this.#server;
    this.#learners.set(from, { relation, stage: "connecting", zxid: 0n, heardMs: world.nowMs });
    if (!this.#isQuorum(this.#connected)) {
      this.#epoch = Math.max(this.#epoch, acceptedEpoch + 1);
      this.#connected.add(from);
      if (!this.#isQuorum(this.#connected)) return;
      this.#server.disk.acceptedEpoch = this.#epoch;
      this.#server.dirty();
      this.#sinceMs = world.nowMs;
    }
    for (const [id, learner] of this.#learners) {
      if (learner.stage !== "connecting") continue;
      learner.stage = "asked";
      this.#tell(id, { kind: "newEpoch", epoch: this.#epoch });
    }
  }

  #onAckEpoch(from: number, learner: Learner, { currentEpoch, zxid }: Message & { kind: "ackEpoch" }): void {
    const { world, disk } = this.#server;
    learner.zxid = zxid;
    learner.stage = "acked";
    if (!this.#isQuorum(this.#electors)) {
      if (currentEpoch !== undefined) {
        // It knows of what may be committed and is unknown here. Not the learner is wrong to be here, but this leader.
        if (isNewer({ currentEpoch, zxid }, this.#history)) return this.#dismiss(from);
        this.#electors.add(from);
      }
      if (!this.#isQuorum(this.#electors)) return;
      disk.currentEpoch = this.#epoch;
      this.#server.dirty();
      this.#sinceMs = world.nowMs;
    }
    for (const [id, each] of this.#learners) if (each.stage === "acked") this.#bringInStep(id, each);
  }

  /** Sends what it lacks, or everything, and from now on whatever is proposed. */
  #bringInStep(to: number, learner: Learner): void {
    const { disk, tree } = this.#server;
    learner.stage = "syncing";
    const { zxid } = learner;
    const missing = disk.since(zxid) ?? (zxid === disk.loggedZxid ? [] : undefined);
    if (missing === undefined)
      this.#tell(to, { kind: "sync", zxid: tree.lastZxid, content: tree.snapshot() });
    else this.#tell(to, { kind: "sync", zxid: missing.at(-1)?.header.zxid ?? zxid, content: missing });
    for (const { entry } of this.#outstanding) this.#tell(to, { kind: "proposal", entry });
  }

  #onInStep(from: number, learner: Learner): void {
    learner.stage = "inStep";
    if (this.#service !== undefined) return this.#tell(from, { kind: "upToDate" });
    this.#inStep.add(from);
    if (!this.#isQuorum(this.#inStep)) return;
    this.#begin();
    for (const [id, { stage }] of this.#learners)
      if (stage === "inStep") this.#tell(id, { kind: "upToDate" });
  }

  #dismiss(learner: number): void {
    this.#tell(learner, { kind: "goodbye" });
    this.#learners.delete(learner);
  }

  #isQuorum(servers: ReadonlySet<number>): boolean {
    return servers.size >= this.#server.world.quorum;
  }

  #begin(): void {
    const { disk, tree, world, id } = this.#server;
    // Whatever was in its log is final now, committed by an earlier leader or not.
    for (const entry of disk.recent) world.becameFinal(entry);
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
    this.#outstanding.push({ entry, request, acks: new Set(), syncs: [] });
    this.#tellAll({ kind: "proposal", entry });
    this.#log.write(() => {
      if (this.#isOver) return;
      this.#server.disk.append(entry);
      this.#server.dirty();
      this.#onAck(this.#server.id, entry.header.zxid);
    });
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
      this.#tellAll({ kind: "commit", zxid: first.entry.header.zxid });
      this.#service?.commit(first.entry, first.request);
      for (const sync of first.syncs) this.#sendSync(sync);
    }
  }

  #sendSync({ learner, sessionId, xid }: { learner: number; sessionId: bigint; xid: number }): void {
    this.#tell(learner, { kind: "synced", sessionId, xid });
  }
}

function isForwarded(stage: Learner["stage"]): boolean {
  return stage === "syncing" || stage === "inStep";
}

/** Source: ZooKeeper 3.4.6, StateSummary.java, isMoreRecentThan */
function isNewer(one: History, other: History): boolean {
  if (one.currentEpoch !== other.currentEpoch) return one.currentEpoch > other.currentEpoch;
  return one.zxid > other.zxid;
}
