/**
 * The session as a pure state machine: inputs in, outputs out, no clock, socket, timer, promise or chance of its own.
 *
 * Rules that hold throughout:
 * - Outputs come in the order in which their causes stood on the wire: an event before the reply that shows its change.
 * - `lastZxid` moves only with replies to ordinary requests, never with pings, auth replies or events, and never back.
 * - xids keep counting over reconnects, so that (session id, xid) names one attempt for ever.
 * - On a new connection: credentials, then watches in bounded frames, then everything else.
 * - Nothing that a server sends can make `step` throw. An impossible state of our own drops the connection and is told
 *   in a diagnostic event.
 * - A session is expired when a server says so, never because we guess it.
 *
 * This is the face of the machine. Its knowledge is in `machinery.ts`, its rules in the modules named there.
 */
import { onOpened, onResolved, onUnresolved } from "./connecting.js";
import type { DeadlineName } from "./deadlines.js";
import type { Input } from "./inputs.js";
import type { Link } from "./link.js";
import { failpoint, internalError, onDisconnected } from "./losing.js";
import { Machinery } from "./machinery.js";
import type { MachineOptions, SessionTicket } from "./options.js";
import type { Output } from "./outputs.js";
import { onProbed } from "./probing.js";
import { onReceived } from "./receiving.js";
import { tellQueue, tellRoom } from "./reporting.js";
import { pump } from "./sending.js";
import type { AttemptFailure } from "./server-ring.js";
import type { SessionState } from "./session-state.js";
import { noticeStall, onTime } from "./timing.js";
import { onAbandon, onAddAuth, onCall, onClose, onConnect, onUnwatch } from "./wishes.js";

const NOTHING: Output[] = [];

/** See the head of this file. */
export class SessionMachine {
  readonly #machine: Machinery;

  /** @throws ZkError INVALID_ARGUMENT, REQUEST_TOO_LARGE for options that can never work */
  constructor(options: MachineOptions) {
    this.#machine = new Machinery(options);
  }

  /** Whether diagnostic outputs are made; off, they cost nothing. */
  get diagnosing(): boolean {
    return this.#machine.diagnosing;
  }

  set diagnosing(wanted: boolean) {
    this.#machine.diagnosing = wanted;
  }

  get state(): SessionState {
    return this.#machine.state;
  }

  /** Whether nothing ran for so long that what is known is in doubt; the next step, whichever, will say so. */
  isStalled(nowMs: number): boolean {
    return nowMs - this.#machine.nowMs > this.#machine.times.stallMs;
  }

  /** The session, once a server granted one; it stays readable after the end. */
  get session(): SessionTicket | undefined {
    return this.#machine.session;
  }

  /** Negotiated on each connect; the wished-for value until then. */
  get sessionTimeoutMs(): number {
    return this.#machine.times.timeoutMs;
  }

  get lastZxid(): bigint {
    return this.#machine.lastZxid;
  }

  get epoch(): number {
    return this.#machine.epoch;
  }

  /** Where the connection under way stands. */
  get phase(): Link["phase"] {
    return this.#machine.link.phase;
  }

  /** `host:port` of the server that serves the session now. */
  get server(): string | undefined {
    return this.#machine.server;
  }

  /** Whether the server that serves the session now is of 3.5.0 or newer; undefined while nobody has asked it. */
  get isServerFrom35(): boolean | undefined {
    const { link } = this.#machine;
    return link.phase === "up" ? link.isFrom35 : undefined;
  }

  /** Bounded things, for those who watch the bounds. */
  get load(): {
    readonly queued: number;
    readonly inFlight: number;
    readonly bytes: number;
    readonly watches: number;
  } {
    const { book, watches, persistentWatches } = this.#machine;
    return {
      queued: book.queuedSize,
      inFlight: book.inFlightSize,
      bytes: book.bytes,
      watches: watches.size + persistentWatches.size,
    };
  }

  /** Whether a persistent watch stands at a path on the server, or will. */
  watchesPersistently(path: string): boolean {
    const { persistentWatches, pendingWatches } = this.#machine;
    return persistentWatches.kindAt(path) !== undefined || pendingWatches.willStandAt(path, true);
  }

  /** Whether calls can be taken in without waiting; when it becomes true, a `room` output tells. */
  get hasRoom(): boolean {
    return this.#machine.book.hasRoom;
  }

  /** See {@link Trust}. */
  get trustedUntilMs(): { readonly weakMs: number; readonly strongMs: number } {
    return this.#machine.trust.untilMs(this.#machine.times.timeoutMs);
  }

  /** Why each server that failed lately did. */
  get attemptFailures(): AttemptFailure[] {
    return this.#machine.ring.failures();
  }

  /**
   * How long nobody has answered, in milliseconds. Past 4/3 of the session timeout the session is presumably gone, as
   * newer Java clients conclude; we go on asking, because only a server knows.
   */
  silentMs(nowMs: number): number {
    return nowMs - this.#machine.lastHeardMs;
  }

  /** The timers that are set, by name. */
  get pendingDeadlines(): { readonly name: DeadlineName; readonly atMs: number }[] {
    return this.#machine.deadlines.pending();
  }

  /** When to call `step` with a `time` input at the latest; calling early is harmless. Infinity when nothing is due. */
  nextDeadlineMs(): number {
    return this.#machine.deadlines.nextMs();
  }

  /** Takes one input. Never throws. */
  step(input: Input): void {
    const machine = this.#machine;
    machine.stepGapMs = input.nowMs - machine.nowMs;
    machine.nowMs = input.nowMs;
    try {
      if (machine.stepGapMs > machine.times.stallMs) noticeStall(machine);
      take(machine, input);
      pump(machine);
    } catch (error) {
      internalError(machine, error);
    }
    tellRoom(machine);
  }

  /**
   * All outputs since the last call, oldest first. Bytes to write come as one piece, last; they are never touched again,
   * unless they are given back.
   */
  drain(): Output[] {
    const machine = this.#machine;
    if (machine.outbox.length > 0) {
      machine.outputs.push({ kind: "write", epoch: machine.epoch, bytes: machine.outbox.lend() });
      machine.book.handedOver();
      if (machine.options.failpoint !== undefined) afterWrite(machine);
    }
    if (machine.outputs.length === 0) return NOTHING;
    const { outputs } = machine;
    machine.outputs = [];
    return outputs;
  }

  /** The bytes of the last `write` output have left: their memory may be used for the next. */
  giveBack(bytes: Uint8Array): void {
    this.#machine.outbox.giveBack(bytes);
  }
}

function take(machine: Machinery, input: Input): void {
  switch (input.kind) {
    case "call":
      return onCall(machine, input.call);
    case "received":
      return onReceived(machine, input.epoch, input.bytes);
    case "time":
      return onTime(machine);
    case "connect":
      return onConnect(machine, input.ticket);
    case "close":
      return onClose(machine, input.ticket);
    case "addAuth":
      return onAddAuth(machine, input.ticket, { scheme: input.scheme, auth: input.auth });
    case "abandon":
      return onAbandon(machine, input.target, input.reason);
    case "unwatch":
      return onUnwatch(machine, input.path, input.watcher);
    case "resolved":
      return onResolved(machine, input.epoch, input.addresses);
    case "unresolved":
      return onUnresolved(machine, input.epoch, input.reason);
    case "opened":
      return onOpened(machine, input.epoch);
    case "blocked":
    case "drained":
      return onPressure(machine, input.epoch, input.kind === "blocked");
    case "disconnected":
      return onDisconnected(machine, input.epoch, input.reason);
    case "probed":
      return onProbed(machine, input.epoch, input.isReadWrite);
    default:
      return input satisfies never;
  }
}

function onPressure(machine: Machinery, epoch: number, isBlocked: boolean): void {
  if (machine.link.phase !== "up" || epoch !== machine.epoch) return;
  machine.link.blocked = isBlocked;
  tellQueue(machine);
}

function afterWrite(machine: Machinery): void {
  try {
    failpoint(machine, "afterWrite");
  } catch (error) {
    internalError(machine, error);
  }
}
