/**
 * Runs one model of an ensemble: gives it time and what happens, and does what it says.
 *
 * Rules: the model is told at once, and asked for what is to be done after the code now running has finished, so that many
 * inputs share one round. There is one timer, from the model's next deadline. What a listener throws never reaches the
 * model: the connection whose sink threw is lost, and nobody else notices.
 */
import type { ModelInput, ModelOutput } from "../model/types.js";
import { type DriverClock, realClock } from "./clock.js";

/** What a driver needs of a model; `EnsembleModel` has it. */
export interface DrivenModel {
  step(input: ModelInput): void;
  drain(): readonly ModelOutput[];
  /** Infinity when nothing is due. */
  nextDeadlineMs(): number;
}

/** The client's side of a connection, as the driver sees it. None of these is called after `end`. */
export interface ConnectionSink {
  /** The sink may keep the bytes. */
  send(bytes: Uint8Array): void;
  /** The server's side is over: `fin` after what was sent, `reset` at once. Also answers `closed`. */
  end(how: "fin" | "reset"): void;
  /** Whether the server takes bytes just now. What comes all the same is taken. */
  reading(isReading: boolean): void;
}

/** The server's side of a connection. After its end both are without effect. */
export interface ServerConnection {
  /** The number by which the model knows it. */
  readonly number: number;
  received(bytes: Uint8Array): void;
  /** The client's side is gone. */
  closed(): void;
}

/** Who wants to hear what. */
export interface DriverListener {
  listening?(server: number, isListening: boolean): void;
  log?(server: number, line: string): void;
  dirty?(server: number): void;
  /** Everything that was to be done has been done, for now. */
  settled?(): void;
  /** Something that was called threw. Without any such listener it is a warning of the process. */
  fault?(error: unknown): void;
}

/** An input without its time: the driver adds its own. */
export type Timeless<Input> = Input extends { readonly nowMs: number } ? Omit<Input, "nowMs"> : never;
/** What may be done to servers. */
export type ControlInput = Timeless<
  Extract<ModelInput, { kind: "kill" | "start" | "pause" | "resume" | "partition" }>
>;

interface Held {
  readonly connection: OpenConnection;
  readonly deliver: () => void;
}

interface OpenConnection {
  readonly number: number;
  readonly server: number;
  readonly sink: ConnectionSink;
  /** Whether the model has heard of it. */
  isKnown: boolean;
  isThrottled: boolean;
  isTold: boolean;
}

/** See the head of this file. */
export class ModelDriver {
  readonly #model: DrivenModel;
  readonly #clock: DriverClock;
  readonly #connections = new Map<number, OpenConnection>();
  readonly #listeners = new Set<DriverListener>();
  readonly #listening = new Set<number>();
  /** Of paused servers: what the kernel would keep for them. */
  readonly #held = new Map<number, Held[]>();
  #lastConnection = 0;
  readonly #originMs: number;
  #lastMs = 0;
  #timer: { readonly atMs: number; readonly cancel: () => void } | null = null;
  #isTurnDue = false;
  #isTurning = false;
  #isStopped = false;

  /** @param clock default: {@link realClock} */
  constructor(model: DrivenModel, clock: DriverClock = realClock()) {
    this.#model = model;
    this.#clock = clock;
    // A model lives from 0 on: it would have to catch up on all the time before it was made.
    this.#originMs = clock.nowMs();
  }

  /** The time of the model, in milliseconds: 0 when the driver was made. */
  get nowMs(): number {
    return this.#clock.nowMs() - this.#originMs;
  }

  get clock(): DriverClock {
    return this.#clock;
  }

  /** Open connections of all servers. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Whether connections reach this server. */
  isListening(server: number): boolean {
    return this.#listening.has(server);
  }

  /** Whether this server was paused and not resumed. */
  isPaused(server: number): boolean {
    return this.#held.has(server);
  }

  /** Tells the listener from now on. Gives a function that ends that. */
  listen(listener: DriverListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Does what the model wants done already at its beginning. Call it once, when all listeners are there. */
  begin(): void {
    this.#step({ kind: "time" });
    this.flush();
  }

  /** Kills, starts, pauses and resumes servers, cuts links; what follows at once has happened when this returns. */
  control(input: ControlInput): void {
    if (this.#isStopped) return;
    // What came before it is done before it.
    this.flush();
    if (input.kind === "pause" && !this.#held.has(input.server)) this.#held.set(input.server, []);
    this.#step(input);
    if (input.kind === "pause") this.#tellReadingOf(input.server);
    if (input.kind === "resume" || input.kind === "start") this.#release(input.server);
    if (input.kind === "kill") this.#dropHeld(input.server);
    this.flush();
  }

  /** A client's connection came in. */
  accept(
    server: number,
    peer: { readonly address: string; readonly port: number },
    sink: ConnectionSink,
  ): ServerConnection {
    this.#lastConnection += 1;
    const number = this.#lastConnection;
    const connection: OpenConnection = {
      number,
      server,
      sink,
      isKnown: false,
      isThrottled: false,
      isTold: true,
    };
    if (!this.#isStopped) {
      this.#connections.set(number, connection);
      this.#input(connection, () => {
        connection.isKnown = true;
        this.#step({ kind: "accept", server, connection: number, ...peer });
      });
      this.#tellReading(connection);
    }
    return {
      number,
      received: (bytes) =>
        this.#input(connection, () => this.#step({ kind: "received", connection: number, bytes })),
      closed: () =>
        this.#input(connection, () => {
          // What the server had to say before it noticed goes before.
          this.flush();
          this.#step({ kind: "closed", connection: number });
          this.#end(connection, "fin");
        }),
    };
  }

  /** Does at once what is to be done. Harmless at any time. */
  flush(): void {
    if (this.#isTurning || this.#isStopped) return;
    this.#isTurning = true;
    try {
      for (let outputs = this.#model.drain(); outputs.length > 0; outputs = this.#model.drain()) {
        for (const output of outputs) this.#do(output);
      }
    } finally {
      this.#isTurning = false;
    }
    this.#arm();
    this.#tell((listener) => listener.settled?.());
  }

  /** The model is left alone from now on; connections that are open are reset. */
  stop(): void {
    if (this.#isStopped) return;
    this.flush();
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    for (const connection of [...this.#connections.values()]) this.#end(connection, "reset");
    this.#held.clear();
    this.#listening.clear();
  }

  #input(connection: OpenConnection, deliver: () => void): void {
    if (this.#isStopped || !this.#connections.has(connection.number)) return;
    const held = this.#held.get(connection.server);
    if (held === undefined) deliver();
    else held.push({ connection, deliver });
  }

  #step(input: Timeless<ModelInput>): void {
    if (this.#isStopped) return;
    this.#lastMs = Math.max(this.#lastMs, this.nowMs);
    this.#model.step({ ...input, nowMs: this.#lastMs } as ModelInput);
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.#clock.afterContinuations(() => {
      this.#isTurnDue = false;
      this.flush();
    });
  }

  #do(output: ModelOutput): void {
    switch (output.kind) {
      case "send":
        return this.#toSink(output.connection, (sink) => sink.send(output.bytes));
      case "reading": {
        const connection = this.#connections.get(output.connection);
        if (connection === undefined) return;
        connection.isThrottled = !output.isReading;
        return this.#tellReading(connection);
      }
      case "end": {
        const connection = this.#connections.get(output.connection);
        return connection && this.#end(connection, output.how);
      }
      case "listening":
        if (output.isListening) this.#listening.add(output.server);
        else this.#listening.delete(output.server);
        return this.#tell((listener) => listener.listening?.(output.server, output.isListening));
      case "log":
        return this.#tell((listener) => listener.log?.(output.server, output.line));
      case "dirty":
        return this.#tell((listener) => listener.dirty?.(output.server));
      default:
        output satisfies never;
    }
  }

  #toSink(number: number, call: (sink: ConnectionSink) => void): void {
    const connection = this.#connections.get(number);
    if (connection === undefined) return;
    try {
      call(connection.sink);
    } catch (error) {
      this.#fault(error);
      // Half of what it should have done may be done: to the server the client is gone.
      this.#connections.delete(number);
      this.#step({ kind: "closed", connection: number });
    }
  }

  #end(connection: OpenConnection, how: "fin" | "reset"): void {
    if (!this.#connections.delete(connection.number)) return;
    try {
      connection.sink.end(how);
    } catch (error) {
      this.#fault(error);
    }
  }

  #tellReadingOf(server: number): void {
    for (const connection of this.#connections.values()) {
      if (connection.server === server) this.#tellReading(connection);
    }
  }

  #tellReading(connection: OpenConnection): void {
    const isReading = !connection.isThrottled && !this.#held.has(connection.server);
    if (isReading === connection.isTold) return;
    connection.isTold = isReading;
    this.#toSink(connection.number, (sink) => sink.reading(isReading));
  }

  #release(server: number): void {
    const held = this.#held.get(server) ?? [];
    this.#held.delete(server);
    for (const { connection, deliver } of held) if (this.#connections.has(connection.number)) deliver();
    this.#tellReadingOf(server);
  }

  /** The kernel resets connections that a dead process had not yet taken in. */
  #dropHeld(server: number): void {
    const held = this.#held.get(server) ?? [];
    this.#held.delete(server);
    for (const { connection } of held) if (!connection.isKnown) this.#end(connection, "reset");
  }

  #arm(): void {
    const atMs = this.#model.nextDeadlineMs();
    // A timer that fires too early does no harm, and most deadlines only move away.
    if (this.#timer !== null && this.#timer.atMs <= atMs && atMs !== Number.POSITIVE_INFINITY) return;
    this.#timer?.cancel();
    this.#timer = null;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const cancel = this.#clock.setTimer(Math.max(0, atMs - this.nowMs), () => {
      this.#timer = null;
      this.#step({ kind: "time" });
      this.flush();
    });
    this.#timer = { atMs, cancel };
  }

  #tell(call: (listener: DriverListener) => void): void {
    for (const listener of [...this.#listeners]) {
      try {
        call(listener);
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  #fault(error: unknown): void {
    const hearing = [...this.#listeners].filter((listener) => listener.fault !== undefined);
    if (hearing.length === 0) process.emitWarning(error instanceof Error ? error : String(error));
    for (const listener of hearing) {
      try {
        listener.fault?.(error);
      } catch (another) {
        process.emitWarning(another instanceof Error ? another : String(another));
      }
    }
  }
}
