/** The model of `@zk/memory-server` without any network or clock: as fast as it gets, and always the same. */
import { EnsembleModel, type ModelOutput } from "@zk/memory-server";
import { FrameSplitter } from "@zk/protocol";
import { SUPER_DIGEST } from "./admin.js";
import { SESSION_TIMEOUT_MAX_MS, SESSION_TIMEOUT_MIN_MS, TICK_TIME_MS } from "./server-settings.js";
import type { Target, Wire } from "./wire.js";

/** Changes what the model says before anybody sees it; for tests that plant a difference. */
export type Falsify = (frame: Uint8Array) => Uint8Array;

/** How a model is made. */
export interface ModelTargetOptions {
  /** Default: 1. */
  readonly servers?: number;
  /** False: everything happens at once. Default: true, so that requests sent without waiting are under way together. */
  readonly isSlow?: boolean;
  /** For tests. Default: nothing is changed. */
  readonly falsify?: Falsify;
}

export function modelTarget(options: ModelTargetOptions = {}): Target {
  const servers = options.servers ?? 1;
  const world = new World(servers, options);
  return {
    name: "the model",
    servers,
    open: async (server) => world.open(server % servers),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Until an ensemble of the model serves, in its own time. */
const START_LIMIT_MS = 60_000;

/** The model, its time, and its connections. */
class World {
  readonly #model: EnsembleModel;
  readonly #wires = new Map<number, ModelWire>();
  readonly #falsify: Falsify;
  #connections = 0;
  #nowMs = 0;

  constructor(servers: number, { isSlow = true, falsify = (frame) => frame }: ModelTargetOptions) {
    this.#falsify = falsify;
    this.#model = new EnsembleModel({
      servers,
      tickTimeMs: TICK_TIME_MS,
      minSessionTimeoutMs: SESSION_TIMEOUT_MIN_MS,
      maxSessionTimeoutMs: SESSION_TIMEOUT_MAX_MS,
      maxClientCnxns: 0,
      superDigest: SUPER_DIGEST,
      ...(isSlow ? { diskMs: [0, 3], linkMs: [0, 2] } : {}),
    });
    this.#model.drain();
    this.#wait(START_LIMIT_MS, () => this.#ids().every((id) => this.#model.server(id).isServing));
  }

  /** Servers by their place: the leader first, then the others by their numbers. */
  open(place: number): Wire {
    const leader = this.#model.leaderId ?? 1;
    const server = [leader, ...this.#ids().filter((id) => id !== leader)][place] as number;
    this.#connections++;
    const number = this.#connections;
    const wire = new ModelWire({
      send: (bytes) => this.#step({ kind: "received", nowMs: this.#now(), connection: number, bytes }),
      close: () => {
        this.#wires.delete(number);
        this.#step({ kind: "closed", nowMs: this.#now(), connection: number });
      },
      wait: (limitMs, condition) => this.#wait(limitMs, condition),
      falsify: this.#falsify,
    });
    this.#wires.set(number, wire);
    this.#step({ kind: "accept", nowMs: this.#now(), server, connection: number, address: "127.0.0.1" });
    return wire;
  }

  /** Time passes only where something is due, and when somebody waits for what does not come. */
  #wait(limitMs: number, condition: () => boolean): boolean {
    const endMs = this.#nowMs + limitMs;
    while (!condition()) {
      const dueMs = this.#model.nextDeadlineMs();
      this.#nowMs = Math.min(dueMs, endMs);
      this.#step({ kind: "time", nowMs: this.#nowMs });
      if (this.#nowMs >= endMs) return condition();
    }
    return true;
  }

  #ids(): number[] {
    return Array.from({ length: this.#model.size }, (_, index) => index + 1);
  }

  #now(): number {
    this.#nowMs++;
    return this.#nowMs;
  }

  #step(input: Parameters<EnsembleModel["step"]>[0]): void {
    this.#model.step(input);
    for (const output of this.#model.drain()) this.#deliver(output);
  }

  #deliver(output: ModelOutput): void {
    if (output.kind === "send") this.#wires.get(output.connection)?.take(output.bytes);
    if (output.kind === "end") {
      this.#wires.get(output.connection)?.take(null);
      this.#wires.delete(output.connection);
    }
  }
}

interface Ways {
  readonly send: (bytes: Uint8Array) => void;
  readonly close: () => void;
  readonly wait: (limitMs: number, condition: () => boolean) => boolean;
  readonly falsify: Falsify;
}

class ModelWire implements Wire {
  readonly frames: Uint8Array[] = [];
  isEnded = false;
  readonly #ways: Ways;
  readonly #splitter = new FrameSplitter();

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  send(bytes: Uint8Array): void {
    if (!this.isEnded) this.#ways.send(bytes);
  }

  until(condition: () => boolean, limitMs: number): Promise<boolean> {
    return Promise.resolve(condition() || this.#ways.wait(limitMs, condition));
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#ways.close();
  }

  /** Bytes, or null for the end. */
  take(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.isEnded = true;
      return;
    }
    this.#splitter.push(bytes);
    for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) {
      this.frames.push(this.#ways.falsify(frame));
    }
  }
}
