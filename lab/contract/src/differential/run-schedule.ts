/**
 * Runs one schedule against one target and tells everything that the servers said.
 *
 * One operation at a time, or one run of pipelined requests of one connection; behind each goes a request of our own
 * whose answer shows that nothing more will come. Nothing depends on timing: limits only end the wait for what a correct
 * server does at once. Where one operation has effects in no particular order (the ephemeral nodes of a session that
 * ends), their notifications are sorted.
 */
import { OpCode, Xid } from "@zk/protocol";
import { type Admin, concat } from "./admin.js";
import { bytesOfText, connectFrame, pathOf, rawFrame, requestFrame, type SessionClaim } from "./encode.js";
import { Lane } from "./lane.js";
import type { NormalForm } from "./normal-form.js";
import type { ConnectOperation, FrameOperation, RequestOperation, Schedule, Text } from "./operations.js";
import { bareFrame, EXISTS_BARRIER, RESUME, SYNC_BARRIER } from "./own-frames.js";
import { isEvent, sortEvents } from "./sort-events.js";
import type { TraceEntry } from "./trace.js";
import type { Target } from "./wire.js";

/** How a run is made. */
export interface RunOptions {
  /** Tell notifications during the operation that caused them, for one more round trip each. Default: false. */
  readonly isPrecise?: boolean;
  /** Connections go to the servers that the schedule names. Default: all to the first. */
  readonly isSpread?: boolean;
  /** Ends the run between two operations by rejecting with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** For an answer that a correct server gives at once. */
const ANSWER_LIMIT_MS = 15_000;
/** For the end of a connection that a correct server ends at once. */
const END_LIMIT_MS = 10_000;
const UNKNOWN_SESSION: SessionClaim = { id: 0x1234_5678_9abcn, password: new Uint8Array(16).fill(7) };
const NO_SESSION: SessionClaim = { id: 0n, password: new Uint8Array(16) };

/** What goes through the pipeline, so that whatever is sent behind it is answered behind it. */
const PIPELINE: ReadonlySet<number> = new Set([
  OpCode.CREATE,
  OpCode.DELETE,
  OpCode.EXISTS,
  OpCode.GET_DATA,
  OpCode.SET_DATA,
  OpCode.GET_ACL,
  OpCode.SET_ACL,
  OpCode.GET_CHILDREN,
  OpCode.SYNC,
  OpCode.PING,
  OpCode.GET_CHILDREN2,
  OpCode.CHECK,
  OpCode.MULTI,
  OpCode.SET_WATCHES,
]);

interface Session extends SessionClaim {
  isClosed: boolean;
}

interface Slot {
  lane: Lane | undefined;
  session: Session | undefined;
  seenZxid: bigint;
  connections: number;
  /** Where its connection leads. */
  server: number;
}

/** One schedule, from its first operation to the end of its last session. */
export class Run {
  readonly entries: TraceEntry[] = [];
  readonly #target: Target;
  readonly #admin: Admin;
  readonly #form: NormalForm;
  readonly #options: RunOptions;
  readonly #slots = new Map<number, Slot>();
  readonly #sessions = new Map<bigint, Session>();

  constructor(about: { target: Target; admin: Admin; form: NormalForm; options: RunOptions }) {
    this.#target = about.target;
    this.#admin = about.admin;
    this.#form = about.form;
    this.#options = about.options;
  }

  async play({ operations }: Schedule): Promise<void> {
    for (let step = 0; step < operations.length; ) {
      this.#options.signal?.throwIfAborted();
      const operation = operations[step] as Schedule["operations"][number];
      const first = step;
      step++;
      if (operation.kind === "connect") await this.#connect(operation, first);
      else {
        const slot = this.#slot(operation.slot);
        if (slot.lane === undefined) continue;
        if (operation.kind === "drop") {
          await this.#barrier(slot.lane, first);
          this.#leaveLane(slot, operation.how);
        } else if (operation.kind === "frame") await this.#sendRaw(slot, slot.lane, operation, first);
        else {
          while (isFollowed(operations[step - 1], operations[step])) step++;
          await this.#sendRequests(slot, operations.slice(first, step) as RequestOperation[], first);
        }
      }
      if (this.#options.isPrecise || this.#options.isSpread) await this.#barrierAll(step - 1);
    }
  }

  /** Tells what is still under way, then ends all sessions one after another. */
  async leave(step: number): Promise<void> {
    await this.#barrierAll(step);
    const lanes = [...this.#slots.values()].filter(({ lane }) => lane !== undefined);
    for (const session of this.#sessions.values()) {
      if (session.isClosed) continue;
      const holder = lanes.find((slot) => slot.session === session && slot.lane?.wire.isEnded === false);
      const wire = holder?.lane?.wire ?? (await this.#resume(session));
      wire.send(bareFrame(1, OpCode.CLOSE_SESSION));
      await wire.until(() => wire.isEnded, END_LIMIT_MS);
      wire.end("fin");
    }
    for (const { lane } of lanes) lane?.wire.end("fin");
  }

  async #connect(operation: ConnectOperation, step: number): Promise<void> {
    const slot = this.#slot(operation.slot);
    const claim = this.#claim(operation, slot);
    const victim = [...this.#slots.values()].find(
      ({ lane, session }) => lane !== undefined && session?.id === claim.id,
    );
    if (victim?.lane !== undefined) await this.#barrier(victim.lane, step);
    if (slot.lane !== undefined && slot !== victim) {
      await this.#barrier(slot.lane, step);
      this.#leaveLane(slot, "fin");
    }
    const server = this.#options.isSpread ? operation.server % this.#target.servers : 0;
    if (this.#options.isSpread) {
      // A server that lags behind refuses whom it should take.
      await this.#admin.settle(server);
      if (victim?.lane !== undefined && victim.server !== server) this.#leaveLane(victim, "fin");
    }
    const wire = await this.#target.open(server);
    slot.connections++;
    const name = `s${operation.slot}#${slot.connections}`;
    const lane = new Lane({ name, wire, entries: this.entries, form: this.#form });
    lane.seenZxid = slot.seenZxid;
    let session: Session | undefined;
    lane.onWelcome = ({ sessionId, password }) => {
      if (sessionId === 0n) return undefined;
      const known = this.#sessions.get(sessionId);
      session = known ?? { id: sessionId, password, isClosed: false };
      if (known === undefined) this.#form.nameSession(sessionId, `session-${this.#sessions.size + 1}`);
      this.#sessions.set(sessionId, session);
      return known?.password;
    };
    wire.send(connectFrame(operation, claim, { root: this.#form.root, seenZxid: slot.seenZxid }));
    if (!(await wire.until(() => wire.frames.length > 0 || wire.isEnded, ANSWER_LIMIT_MS))) {
      lane.note(step, "silence");
      wire.end("reset");
    }
    lane.tell(step);
    if (victim?.lane !== undefined) {
      // Whoever shows an id has the old connection closed, before anybody looks at the password, unless refused unheard.
      const old = victim.lane;
      if (lane.onWelcome === undefined) await this.#expectEnd(victim, old, step);
      else {
        await this.#barrier(old, step);
        this.#look(victim, old);
      }
    }
    if (session === undefined) {
      if (!lane.isOver) await this.#expectEnd(slot, lane, step);
      return;
    }
    slot.session = session;
    slot.server = server;
    slot.lane = lane;
  }

  /** One request, or several of which only the last may be outside of the pipeline. */
  async #sendRequests(slot: Slot, operations: readonly RequestOperation[], first: number): Promise<void> {
    const lane = slot.lane as Lane;
    const last = first + operations.length - 1;
    const { opCode } = operations.at(-1) as RequestOperation;
    if (opCode === OpCode.CLOSE_SESSION) return await this.#closeSession(slot, operations, first);
    const frames = operations.map((operation, index) => this.#frame(slot, operation, first + index));
    if (!PIPELINE.has(opCode)) return await this.#sendAlone(slot, lane, { opCode, frames, step: last });
    lane.wire.send(concat([...frames, this.#barrierFrame()]));
    await this.#awaitBarrier(lane, last);
    this.#look(slot, lane);
  }

  /** What is answered outside the pipeline, or ends the connection: nothing may be sent behind it. */
  async #sendAlone(
    slot: Slot,
    lane: Lane,
    { opCode, frames, step }: { opCode: number; frames: readonly Uint8Array[]; step: number },
  ): Promise<void> {
    const { wire } = lane;
    if (opCode === OpCode.CREATE_SESSION) lane.onWelcome = () => slot.session?.password;
    const count = wire.frames.length;
    wire.send(concat(frames));
    const isAnswer = (bytes: Uint8Array, index: number): boolean => index >= count && !isEvent(bytes);
    if (!(await wire.until(() => wire.frames.some(isAnswer) || wire.isEnded, ANSWER_LIMIT_MS))) {
      lane.tell(step);
      lane.note(step, "silence");
      return this.#leaveLane(slot, "reset");
    }
    lane.lastErr = 0;
    lane.tell(step);
    lane.onWelcome = undefined;
    const isUnknown = opCode !== OpCode.AUTH && opCode !== OpCode.SASL && opCode !== OpCode.CREATE_SESSION;
    const isEnding = isUnknown || (opCode !== OpCode.CREATE_SESSION && lane.lastErr !== 0);
    if (isEnding && !lane.isOver) await this.#expectEnd(slot, lane, step);
    else if (!lane.isOver) await this.#barrier(lane, step);
    this.#look(slot, lane);
  }

  /** The ephemeral znodes of a session go in no order, so what all connections hear of that is sorted. */
  async #closeSession(slot: Slot, operations: readonly RequestOperation[], first: number): Promise<void> {
    const { lane, session } = slot;
    await this.#barrierAll(first);
    if (lane === undefined || slot.lane !== lane) return;
    const mark = this.entries.length;
    const frames = operations.map((operation, index) => this.#frame(slot, operation, first + index));
    lane.wire.send(concat(frames));
    lane.lastErr = 0;
    const last = first + operations.length - 1;
    await this.#expectEnd(slot, lane, last);
    if (session !== undefined && lane.isOver && lane.lastErr === 0) session.isClosed = true;
    await this.#barrierAll(last);
    sortEvents(this.entries, mark);
  }

  async #sendRaw(slot: Slot, lane: Lane, operation: FrameOperation, step: number): Promise<void> {
    await this.#barrier(lane, step);
    lane.wire.send(rawFrame(operation));
    await this.#expectEnd(slot, lane, step);
  }

  #frame(slot: Slot, operation: RequestOperation, step: number): Uint8Array {
    const lane = slot.lane as Lane;
    const xid = operation.xid ?? step + 1;
    const answeredAs = operation.opCode === OpCode.PING ? Xid.PING : xid;
    const frame = requestFrame(operation, xid, { root: this.#form.root, seenZxid: lane.seenZxid });
    const parts = operation.body.record === "multi" ? operation.body.parts : [];
    lane.expect({
      step,
      xid: answeredAs,
      opCode: operation.opCode,
      path: pathOf(frame),
      partPaths: parts.map(({ body }) => ("path" in body ? this.#path(body.path) : undefined)),
    });
    return frame;
  }

  #path(text: Text): string | undefined {
    const bytes = bytesOfText(text, this.#form.root);
    return bytes === null ? undefined : Buffer.from(bytes).toString();
  }

  #claim({ session }: ConnectOperation, slot: Slot): SessionClaim {
    if (session === "new") return NO_SESSION;
    if (session === "unknown") return UNKNOWN_SESSION;
    return (session === "own" ? slot.session : this.#slots.get(session.of)?.session) ?? UNKNOWN_SESSION;
  }

  #slot(number: number): Slot {
    let slot = this.#slots.get(number);
    if (slot === undefined) {
      slot = {
        lane: undefined,
        session: undefined,
        seenZxid: this.#form.startZxid,
        connections: 0,
        server: 0,
      };
      this.#slots.set(number, slot);
    }
    return slot;
  }

  /** The connection is to be ended by the other side; if it is not, that is told and we end it. */
  async #expectEnd(slot: Slot, lane: Lane, step: number): Promise<void> {
    const isEnded = await lane.wire.until(() => lane.wire.isEnded, END_LIMIT_MS);
    lane.tell(step);
    if (!isEnded && !lane.isOver) {
      lane.note(step, "stays open");
      lane.wire.end("reset");
    }
    if (slot.lane === lane) this.#forget(slot, lane);
  }

  #look(slot: Slot, lane: Lane): void {
    if (lane.isOver && slot.lane === lane) this.#forget(slot, lane);
  }

  #leaveLane(slot: Slot, how: "fin" | "reset"): void {
    const lane = slot.lane as Lane;
    lane.wire.end(how);
    this.#forget(slot, lane);
  }

  #forget(slot: Slot, lane: Lane): void {
    slot.seenZxid = lane.seenZxid;
    slot.lane = undefined;
  }

  async #barrierAll(step: number): Promise<void> {
    const slots = [...this.#slots.values()];
    const lanes = slots.flatMap(({ lane }) => (lane === undefined ? [] : [lane]));
    for (const lane of lanes) lane.wire.send(this.#barrierFrame());
    for (const lane of lanes) await this.#awaitBarrier(lane, step);
    for (const slot of slots) if (slot.lane !== undefined) this.#look(slot, slot.lane);
  }

  async #barrier(lane: Lane, step: number): Promise<void> {
    lane.wire.send(this.#barrierFrame());
    await this.#awaitBarrier(lane, step);
  }

  async #awaitBarrier(lane: Lane, step: number): Promise<void> {
    const { wire } = lane;
    const isMet = await wire.until(() => lane.hasBarrier() || wire.isEnded, ANSWER_LIMIT_MS);
    lane.tell(step);
    lane.giveUp();
    if (isMet) return;
    lane.note(step, "silence");
    wire.end("reset");
    lane.tell(step);
  }

  #barrierFrame(): Uint8Array {
    return this.#options.isSpread ? SYNC_BARRIER : EXISTS_BARRIER;
  }

  async #resume(session: Session): ReturnType<Target["open"]> {
    const wire = await this.#target.open(0);
    wire.send(connectFrame(RESUME, session, { root: this.#form.root, seenZxid: 0n }));
    await wire.until(() => wire.frames.length > 0 || wire.isEnded, ANSWER_LIMIT_MS);
    return wire;
  }
}

function isFollowed(
  operation: Schedule["operations"][number] | undefined,
  next: Schedule["operations"][number] | undefined,
): boolean {
  return (
    operation?.kind === "request" &&
    operation.isPipelined === true &&
    next?.kind === "request" &&
    next.slot === operation.slot &&
    (PIPELINE.has(next.opCode) || next.opCode === OpCode.CLOSE_SESSION)
  );
}
