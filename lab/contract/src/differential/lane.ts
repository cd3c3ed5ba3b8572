/**
 * One connection of a slot during a run: knows which requests are under way, and tells what comes back in normal form.
 *
 * Frames wait untold until the run asks for them by {@link Lane.tell}: what is told during which operation then depends
 * on the schedule alone, and never on when bytes came in.
 */
import { Xid } from "@zk/protocol";
import type { NormalForm } from "./normal-form.js";
import { connectFields, eventFields, headerOf, type Question, replyFields, type Welcome } from "./replies.js";
import type { Field, TraceEntry } from "./trace.js";
import type { Wire } from "./wire.js";

/** The xid of the requests that only find out what has come before them; no schedule has it. */
export const BARRIER_XID = 0x7fff_fff0;

const REPLY_HEADER_BYTES = 16;

/** A request whose answer has not been told yet. */
export interface Pending extends Question {
  readonly step: number;
  readonly xid: number;
}

export class Lane {
  readonly name: string;
  readonly wire: Wire;
  /** Where everything told goes. */
  readonly #entries: TraceEntry[];
  readonly #form: NormalForm;
  #pending: Pending[] = [];
  #stepTold = 0;
  #isEndTold = false;
  /** The highest zxid of all answers told. */
  seenZxid = 0n;
  /** The last told answer's error number. */
  lastErr = 0;
  /** How a connect response names its session and gives the password known so far; set while one is awaited. */
  onWelcome: ((welcome: Welcome) => Uint8Array | undefined) | undefined;

  constructor(about: { name: string; wire: Wire; entries: TraceEntry[]; form: NormalForm }) {
    this.name = about.name;
    this.wire = about.wire;
    this.#entries = about.entries;
    this.#form = about.form;
  }

  /** Requests sent and not answered. */
  get unanswered(): number {
    return this.#pending.length;
  }

  /** Whether a barrier has come back and has not been told yet. */
  readonly hasBarrier = (): boolean => this.wire.frames.some((frame) => headerOf(frame)?.xid === BARRIER_XID);

  /** An answer to this will be told as belonging to it. */
  expect(pending: Pending): void {
    this.#pending.push(pending);
  }

  /** Nothing that is unanswered now is expected any more; each is told as unanswered. */
  giveUp(): void {
    for (const { step, xid } of this.#pending) this.note(step, "unanswered", [["xid", String(xid)]]);
    this.#pending = [];
  }

  /** Adds something that no frame says. */
  note(step: number, what: string, fields: readonly Field[] = []): void {
    // An answer that came out of turn stays out of turn in the trace.
    this.#stepTold = Math.max(this.#stepTold, step);
    this.#entries.push({ step: this.#stepTold, lane: this.name, what, fields });
  }

  /** Tells what has come, as seen during `step`; an end of the connection is told once. */
  tell(step: number): void {
    for (const frame of this.wire.frames.splice(0)) this.#tellFrame(frame, step);
    if (!this.wire.isEnded || this.#isEndTold) return;
    this.#isEndTold = true;
    this.giveUp();
    this.note(step, "closed");
  }

  /** Whether the other side ended the connection and that has been told. */
  get isOver(): boolean {
    return this.#isEndTold;
  }

  #tellFrame(frame: Uint8Array, step: number): void {
    const header = headerOf(frame);
    if (header?.xid === BARRIER_XID) return;
    if (header?.xid === Xid.NOTIFICATION && header.zxid === -1n) {
      const place = this.#pending[0]?.step ?? step;
      this.note(place, "event", eventFields(frame, this.#form));
      return;
    }
    if (this.onWelcome !== undefined && frame.length > REPLY_HEADER_BYTES) {
      const name = this.onWelcome;
      this.onWelcome = undefined;
      this.#pending = [];
      this.note(step, "connected", connectFields(frame, this.#form, name));
      return;
    }
    const at = this.#pending.findIndex(({ xid }) => xid === header?.xid);
    const question = at < 0 ? undefined : this.#pending[at];
    if (at >= 0) this.#pending.splice(at, 1);
    if (header !== undefined) {
      this.lastErr = header.err;
      if (header.zxid > this.seenZxid) this.seenZxid = header.zxid;
    }
    const place = question?.step ?? this.#pending[0]?.step ?? step;
    this.note(place, "reply", replyFields(frame, question, this.#form));
  }
}
