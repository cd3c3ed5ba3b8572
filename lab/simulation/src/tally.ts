/** Adds up what many runs did. */
import type { SimulationResult } from "./simulate.js";

/** See the head of this file. */
export class Tally {
  seeds = 0;
  violations = 0;
  cutShort = 0;
  failovers = 0;
  leaderChanges = 0;
  expirations = 0;
  requests = 0;
  transactions = 0;
  turns = 0;
  virtualMs = 0;
  readonly #startedMs = performance.now();
  readonly #startedCpu = process.cpuUsage();

  add(result: SimulationResult): void {
    this.seeds += 1;
    if (result.finding !== undefined) this.violations += 1;
    if (result.cutShort !== undefined) this.cutShort += 1;
    this.failovers += result.failovers;
    this.leaderChanges += result.leaderChanges;
    this.expirations += result.expirations;
    this.requests += result.requests;
    this.transactions += result.transactions;
    this.turns += result.turns;
    this.virtualMs += result.virtualMs;
  }

  /** Plain numbers. `cpuSeconds` are those of one core: what counts when others use the machine too. */
  summary(): Readonly<Record<string, number>> {
    const { user, system } = process.cpuUsage(this.#startedCpu);
    const cpuSeconds = (user + system) / 1e6;
    return {
      seeds: this.seeds,
      violations: this.violations,
      cutShort: this.cutShort,
      failovers: this.failovers,
      leaderChanges: this.leaderChanges,
      expirations: this.expirations,
      requests: this.requests,
      transactions: this.transactions,
      turns: this.turns,
      virtualHours: round(this.virtualMs / 3_600_000),
      seconds: round((performance.now() - this.#startedMs) / 1000),
      cpuSeconds: round(cpuSeconds),
      failoversPerCpuSecond: round(this.failovers / cpuSeconds),
    };
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
