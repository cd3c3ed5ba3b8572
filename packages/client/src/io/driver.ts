/**
 * Runs a session machine in the world: carries bytes, timers and names between it and the ports, and settles promises in
 * the order in which the machine says. It decides nothing.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  type AttemptFailure,
  type Credential,
  type Diagnostic,
  type HistoryRecord,
  type Input,
  type MachineOptions,
  type Output,
  SessionMachine,
  type SessionState,
  type Watcher,
  type WatchNotice,
  ZkError,
} from "../core/index.js";
import { onAbort } from "./on-abort.js";
import { PendingCall, PendingTicket, type Settleable, settledBy } from "./pending.js";
import type { Connection, Ports } from "./ports.js";
import { probeReadWrite } from "./read-write-probe.js";

/** Where the driver's news goes. Each is called in its own microtask, in wire order. */
export interface DriverListeners {
  state(state: SessionState, reason: string): void;
  watch(watcher: Watcher, notice: WatchNotice): void;
  /** A persistent watch stands no longer. */
  watchEnded(watcher: Watcher, reason: string): void;
  diagnostic(event: Diagnostic): void;
  history(record: HistoryRecord): void;
  /** Whether anybody wants diagnostics now. */
  wantsDiagnostics(): boolean;
  /** A listener threw or rejected. */
  listenerFailed(error: unknown): void;
}

/** See the head of this file. */
export class Driver {
  readonly #machine: SessionMachine;
  readonly #ports: Ports;
  readonly #listeners: DriverListeners;
  #connection: { readonly epoch: number; readonly socket: Connection } | undefined;
  #cancelTimer: (() => void) | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #timeIsDue = false;
  #drainIsDue = false;
  #draining = false;
  #roomWaiters: (() => void)[] = [];
  // Timers, connections and listeners live as long as the client does. Made by the first call that happens to need them they would
  // carry that caller's async context (its trace, its reentrant lock) into the lives of all others.
  readonly #inMakersContext = AsyncLocalStorage.snapshot();
  readonly #performAll = (): void => {
    for (let outputs = this.#machine.drain(); outputs.length > 0; outputs = this.#machine.drain()) {
      for (const output of outputs) this.#perform(output);
    }
    this.#armTimer();
  };
  readonly #drainNow = (): void => this.#drain();

  constructor(options: MachineOptions, ports: Ports, listeners: DriverListeners) {
    this.#machine = new SessionMachine(options);
    this.#ports = ports;
    this.#listeners = listeners;
  }

  /** The machine, to be read and not to be fed. */
  get machine(): Readonly<SessionMachine> {
    return this.#machine;
  }

  get nowMs(): number {
    return this.#ports.clock.nowMs();
  }

  /**
   * The state as of now. After a stall the first to run may be anybody, a timer of the user for example: to ask for the
   * state then makes the machine notice the stall, so that nobody acts on the state of before it.
   */
  get state(): SessionState {
    // A watcher that was never set: of all inputs the one that changes nothing itself.
    if (this.#machine.isStalled(this.nowMs)) this.unwatch("", this);
    return this.#machine.state;
  }

  get attemptFailures(): AttemptFailure[] {
    return this.#machine.attemptFailures;
  }

  call<T>(call: PendingCall, signal: AbortSignal | undefined): Promise<T> {
    return this.#submit(call, signal, { kind: "call", nowMs: this.nowMs, call });
  }

  connect(deadlineMs: number, signal: AbortSignal | undefined): Promise<void> {
    const ticket = new PendingTicket("connect", deadlineMs);
    return this.#submit(ticket, signal, { kind: "connect", nowMs: this.nowMs, ticket });
  }

  close(deadlineMs: number): Promise<{ readonly confirmed: boolean }> {
    const ticket = new PendingTicket("close", deadlineMs);
    return this.#submit(ticket, undefined, { kind: "close", nowMs: this.nowMs, ticket });
  }

  addAuth(credential: Credential, deadlineMs: number, signal: AbortSignal | undefined): Promise<void> {
    const ticket = new PendingTicket("addAuth", deadlineMs);
    return this.#submit(ticket, signal, { kind: "addAuth", nowMs: this.nowMs, ticket, ...credential });
  }

  unwatch(path: string, watcher: Watcher): void {
    this.#step({ kind: "unwatch", nowMs: this.nowMs, path, watcher });
  }

  /** Resolves as soon as no call waits for a place on the connection, and one that was refused would be let in. */
  drained(): Promise<void> {
    if (this.#machine.hasRoom) return Promise.resolve();
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  #submit<T>(
    target: Settleable & (PendingCall | PendingTicket),
    signal: AbortSignal | undefined,
    input: Input,
  ): Promise<T> {
    const promise = settledBy<T>(target);
    if (signal === undefined || this.#heed(signal, target)) this.#step(input);
    return promise;
  }

  /** Whether there is anything to do yet: nothing for a signal that was aborted before. */
  #heed(signal: AbortSignal, target: PendingCall | PendingTicket): boolean {
    if (signal.aborted) {
      target.reject(abortError(target, signal.reason));
      return false;
    }
    const abandon = (): void => {
      this.#step({ kind: "abandon", nowMs: this.nowMs, target, reason: signal.reason });
    };
    target.release = onAbort(signal, abandon);
    return true;
  }

  /** Feeds an input of the user; its outputs follow when the running code is done, together with those of its like. */
  #step(input: Input): void {
    this.#machine.diagnosing = this.#listeners.wantsDiagnostics();
    this.#machine.step(input);
    if (this.#drainIsDue) return;
    this.#drainIsDue = true;
    this.#ports.clock.afterContinuations(this.#drainNow);
  }

  /** Feeds an input of the world; its outputs follow at once. */
  #stepNow(input: Input): void {
    this.#machine.diagnosing = this.#listeners.wantsDiagnostics();
    this.#machine.step(input);
    this.#drain();
  }

  #drain(): void {
    this.#drainIsDue = false;
    if (this.#draining) return;
    this.#draining = true;
    try {
      this.#inMakersContext(this.#performAll);
    } finally {
      this.#draining = false;
    }
  }

  #perform(output: Output): void {
    switch (output.kind) {
      case "settled": {
        const target = output.target as PendingCall | PendingTicket;
        target.release?.();
        return target.resolve(output.value as never);
      }
      case "failed": {
        const target = output.target as PendingCall | PendingTicket;
        target.release?.();
        return target.reject(output.error);
      }
      case "write":
        return this.#write(output.epoch, output.bytes);
      case "watch":
        return this.#inMicrotask(() => this.#listeners.watch(output.watcher, output.notice));
      case "watchEnded":
        return this.#inMicrotask(() => this.#listeners.watchEnded(output.watcher, output.reason));
      case "state":
        return this.#inMicrotask(() => this.#listeners.state(output.state, output.reason));
      case "resolve":
        return this.#resolve(output.epoch, output.host);
      case "open":
        return this.#open(output.epoch, output.address, output.port);
      case "disconnect":
        return this.#disconnect(output.epoch);
      case "probe":
        return this.#probe(output.epoch, output.host, output.port);
      case "room":
        for (const resolve of this.#roomWaiters.splice(0)) resolve();
        return;
      case "diagnostic":
        return this.#listeners.diagnostic(output.event);
      case "history":
        return this.#guarded(() => this.#listeners.history(output.record));
      default:
        return output satisfies never;
    }
  }

  // Promise continuations are microtasks too, so listeners and awaiting callers see the wire's order.
  #inMicrotask(task: () => void): void {
    queueMicrotask(() => this.#guarded(task));
  }

  // Whatever the user's code throws must not keep the outputs behind it from being performed.
  #guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#listeners.listenerFailed(error);
    }
  }

  #write(epoch: number, bytes: Uint8Array): void {
    const connection = this.#connection;
    if (connection?.epoch !== epoch) return;
    try {
      const { socket } = connection;
      const hasRoom = socket.write(bytes);
      if (socket.unsentBytes?.() === 0) this.#machine.giveBack(bytes);
      if (hasRoom) return;
      this.#machine.step({ kind: "blocked", nowMs: this.nowMs, epoch });
    } catch (error) {
      this.#connection = undefined;
      this.#machine.step({ kind: "disconnected", nowMs: this.nowMs, epoch, reason: textOf(error) });
    }
  }

  #resolve(epoch: number, host: string): void {
    const asked = async (): Promise<readonly string[]> => this.#ports.resolver.resolve(host);
    asked().then(
      (addresses) => this.#stepNow({ kind: "resolved", nowMs: this.nowMs, epoch, addresses }),
      (error: unknown) =>
        this.#stepNow({
          kind: "unresolved",
          nowMs: this.nowMs,
          epoch,
          reason: textOf(error),
        }),
    );
  }

  #open(epoch: number, address: string, port: number): void {
    const closed = (reason: string): void => {
      if (this.#connection?.epoch === epoch) this.#connection = undefined;
      this.#stepNow({ kind: "disconnected", nowMs: this.nowMs, epoch, reason });
    };
    try {
      const socket = this.#ports.transport.open(
        { address, port },
        {
          opened: () => this.#stepNow({ kind: "opened", nowMs: this.nowMs, epoch }),
          received: (bytes) => this.#stepNow({ kind: "received", nowMs: this.nowMs, epoch, bytes }),
          drained: () => this.#stepNow({ kind: "drained", nowMs: this.nowMs, epoch }),
          closed,
        },
      );
      this.#connection = { epoch, socket };
    } catch (error) {
      closed(textOf(error));
    }
  }

  #disconnect(epoch: number): void {
    if (this.#connection?.epoch !== epoch) return;
    this.#connection.socket.close();
    this.#connection = undefined;
  }

  #probe(epoch: number, host: string, port: number): void {
    probeReadWrite(this.#ports, host, port).then((isReadWrite) =>
      this.#stepNow({ kind: "probed", nowMs: this.nowMs, epoch, isReadWrite }),
    );
  }

  /** One timer, for the earliest deadline. One that stands for an earlier time fires early, which is harmless. */
  #armTimer(): void {
    const atMs = this.#machine.nextDeadlineMs();
    if (this.#timeIsDue || (atMs >= this.#timerAtMs && atMs !== Number.POSITIVE_INFINITY)) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#ports;
    this.#cancelTimer = clock.setTimer(atMs - this.nowMs, () => {
      this.#cancelTimer = undefined;
      this.#timeIsDue = true;
      clock.afterReads(() => {
        this.#timeIsDue = false;
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.#stepNow({ kind: "time", nowMs: this.nowMs });
      });
    });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function abortError(target: PendingCall | PendingTicket, reason: unknown): ZkError {
  const message = "the signal was aborted before the call";
  if (target instanceof PendingCall)
    return target.error("ABORTED", message, { applied: "no", cause: reason });
  return new ZkError({ code: "ABORTED", message, operation: target.ticket, cause: reason });
}
