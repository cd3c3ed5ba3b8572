/** The model of the servers, put into the simulated network: carries bytes and time to it, and its outputs to the world. */
import type { EnsembleModel, ModelInput, ModelOutput } from "@zk/memory-server";
import type { SimConnection } from "./connection.js";
import type { Network, ServerHost } from "./network.js";
import type { Planned, Timeline } from "./timeline.js";
import type { Trace } from "./trace.js";

/** Leaves out the time, which the host knows. */
type Timeless<Input> = Input extends unknown ? Omit<Input, "nowMs"> : never;

/** See the head of this file. */
export class Ensemble implements ServerHost {
  readonly model: EnsembleModel;
  /** Leaders that came to be. */
  leaderChanges = 0;
  /** Runs when the servers have decided something. */
  committed: () => void = () => {};
  #network: Network | undefined;
  readonly #timeline: Timeline;
  readonly #trace: Trace;
  readonly #listening = new Set<number>();
  readonly #outsiders = new Map<number, (output: ModelOutput) => void>();
  #wake: Planned | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #leader: number | undefined;
  #known = 0;

  constructor(model: EnsembleModel, timeline: Timeline, trace: Trace) {
    this.model = model;
    this.#timeline = timeline;
    this.#trace = trace;
  }

  /** Puts it on the network. */
  join(network: Network): void {
    this.#network = network;
    this.#settle();
  }

  isListening(server: number): boolean {
    return this.#listening.has(server);
  }

  accept(connection: SimConnection, address: string): void {
    this.step({ kind: "accept", server: connection.server, connection: connection.number, address });
  }

  received(connection: number, bytes: Uint8Array): void {
    this.#step({ kind: "received", nowMs: this.#timeline.nowMs, connection, bytes });
  }

  closed(connection: number): void {
    this.#step({ kind: "closed", nowMs: this.#timeline.nowMs, connection });
  }

  /** Something happens to the servers. */
  step(input: Timeless<ModelInput>): void {
    this.#step({ ...input, nowMs: this.#timeline.nowMs } as ModelInput);
  }

  /** A connection from nowhere, past the network: for those who act behind the clients' backs. */
  connectFromOutside(server: number, hear: (output: ModelOutput) => void): number | undefined {
    if (!this.#listening.has(server) || this.#network === undefined) return undefined;
    const number = this.#network.nextNumber();
    this.#outsiders.set(number, hear);
    this.step({ kind: "accept", server, connection: number, address: "10.0.9.9" });
    return number;
  }

  #step(input: ModelInput): void {
    this.model.step(input);
    this.#settle();
  }

  #settle(): void {
    // What an outsider says at once in answer is part of the same moment.
    for (let outputs = this.model.drain(); outputs.length > 0; outputs = this.model.drain()) {
      for (const output of outputs) this.#perform(output);
    }
    const { leaderId } = this.model;
    if (leaderId !== this.#leader) {
      this.#leader = leaderId;
      if (leaderId !== undefined) this.leaderChanges += 1;
      this.#trace.add(this.#timeline.nowMs, "ensemble", `leader ${leaderId ?? "none"}`);
    }
    if (this.model.committed.length > this.#known) {
      this.#known = this.model.committed.length;
      this.committed();
    }
    this.#arm();
  }

  #perform(output: ModelOutput): void {
    switch (output.kind) {
      case "send": {
        const outsider = this.#outsiders.get(output.connection);
        if (outsider !== undefined) return outsider(output);
        return void this.#network?.find(output.connection)?.down.write(output.bytes);
      }
      case "end": {
        const outsider = this.#outsiders.get(output.connection);
        this.#outsiders.delete(output.connection);
        if (outsider !== undefined) return outsider(output);
        return this.#network?.find(output.connection)?.endedByServer(output.how);
      }
      case "reading":
        return this.#network?.find(output.connection)?.up.hold(!output.isReading);
      case "listening":
        if (output.isListening) this.#listening.add(output.server);
        else this.#listening.delete(output.server);
        return;
      case "log":
      case "dirty":
        return;
      default:
        return output satisfies never;
    }
  }

  #arm(): void {
    const atMs = this.model.nextDeadlineMs();
    if (atMs === this.#wakeAtMs) return;
    if (this.#wake !== undefined) this.#wake.run = undefined;
    this.#wake = undefined;
    this.#wakeAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#wake = this.#timeline.at(atMs, () => {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#step({ kind: "time", nowMs: this.#timeline.nowMs });
    });
  }
}
