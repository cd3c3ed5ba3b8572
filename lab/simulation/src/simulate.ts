/** One run: a world from a seed, harm, healing, a last look at everything, and the end. */
import type { createClient as CreateClient } from "@zk/client";
import { createClient } from "@zk/client";
import { EnsembleModel } from "@zk/memory-server";
import { Life } from "./actors/life.js";
import { checkFate } from "./checks/fates.js";
import { type Finding, Findings } from "./checks/findings.js";
import { Ledger } from "./checks/ledger.js";
import { WatchBook } from "./checks/watch-book.js";
import { Adversary } from "./faults/adversary.js";
import { RECOVERY_MS_MAX } from "./limits.js";
import { Chance } from "./world/chance.js";
import { Ensemble } from "./world/ensemble.js";
import { Timeline } from "./world/timeline.js";
import { Trace } from "./world/trace.js";
import { World } from "./world/world.js";

/** How to run. */
export interface SimulationOptions {
  /** Another client than ours, or ours with a fault planted. Default: `createClient` of @zk/client. */
  readonly createClient?: typeof CreateClient;
  /** Virtual milliseconds of harm; eight times as long in a storm of lost connections. Default 15 000. */
  readonly harmMs?: number;
  /** Hears of every line of the trace as it comes. */
  readonly onLine?: (line: string) => void;
}

/** What came of a run. */
export interface SimulationResult {
  readonly seed: number;
  /** The first promise that was broken; undefined when none was. */
  readonly finding: Finding | undefined;
  /** The same for two runs of one seed. */
  readonly digest: string;
  /** What happened, when a promise was broken; empty otherwise. */
  readonly trace: readonly string[];
  /** Sessions that went on over another connection. */
  readonly failovers: number;
  readonly leaderChanges: number;
  readonly expirations: number;
  readonly requests: number;
  readonly transactions: number;
  readonly turns: number;
  readonly virtualMs: number;
  /** How often calls failed, by code. */
  readonly codes: ReadonlyMap<string, number>;
}

/** Runs the world of one seed to its end, or to the first broken promise. */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  const { stackTraceLimit } = Error;
  // Thousands of errors are made and looked at by their codes; their stacks cost more than all the rest of them.
  Error.stackTraceLimit = 0;
  try {
    const run = new Run(seed, options);
    await run.run();
    return run.result();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

class Run {
  readonly #seed: number;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #lives: Life[];
  readonly #harmMs: number;

  constructor(seed: number, options: SimulationOptions) {
    this.#seed = seed;
    const timeline = new Timeline();
    const chance = new Chance(seed, "run");
    const trace = new Trace(options.onLine);
    const findings = new Findings(
      () => timeline.nowMs,
      () => timeline.stop(),
    );
    const tickTimeMs = 50 + 10 * chance.below(35);
    const model = new EnsembleModel({
      servers: chance.pick([3, 3, 3, 3, 3, 3, 1, 5]),
      seed: chance.below(2_147_483_647),
      tickTimeMs,
      linkMs: [0.05, chance.between(0.1, 2)],
      diskMs: [0, chance.between(0, 4)],
      electionMs: [10, chance.between(20, 300)],
      recordHistory: true,
    });
    const ledger = new Ledger();
    const isCalm = chance.is(0.05);
    const isStorm = !isCalm && chance.is(0.4);
    const ensemble = new Ensemble(model, timeline, trace);
    const watches = new WatchBook(ledger);
    this.#world = new World({
      timeline,
      chance,
      trace,
      findings,
      ensemble,
      ledger,
      watches,
      isCalm,
      isStorm,
    });
    this.#chance = chance;
    this.#harmMs = (options.harmMs ?? 15_000) * (isStorm ? 8 : 1);
    const about = {
      createClient: options.createClient ?? createClient,
      sessionTimeoutMs: tickTimeMs * (4 + chance.below(16)),
    };
    const clients = 1 + chance.below(3);
    this.#lives = Array.from(
      { length: clients },
      (_, index) => new Life(this.#world, { ...about, place: index + 1 }),
    );
    trace.add(
      0,
      "run",
      `seed ${seed}: ${model.size} servers, ${clients} clients, tick ${tickTimeMs} ms, session ${about.sessionTimeoutMs} ms${isCalm ? ", calm" : ""}${isStorm ? ", storm" : ""}`,
    );
  }

  /** To the end, or to the first finding. What throws is one as well. */
  async run(): Promise<void> {
    try {
      await this.#play();
    } catch (error) {
      this.#world.findings.report("internal", `${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #play(): Promise<void> {
    const { timeline, findings, isCalm } = this.#world;
    this.#watchDeadlines();
    if (!(await this.#begin())) return;
    const adversary = isCalm ? undefined : new Adversary(this.#world, this.#chance.fork("harm"));
    for (const life of this.#lives) life.start();
    adversary?.start();
    await timeline.run(timeline.nowMs + this.#harmMs);
    if (findings.first !== undefined) return;
    for (const life of this.#lives) life.rest();
    adversary?.heal();
    // The servers find together first: until then they may still let go of clients.
    await timeline.run(timeline.nowMs + 40 * this.#world.ensemble.model.tickTimeMs);
    const isWhole = (): boolean => this.#lives.every(({ isQuiet }) => isQuiet);
    if (!(await this.#within("to be served again", isWhole))) return;
    if (!(await this.#idle())) return;
    if (!(await this.#all("to look at everything", (life, done) => life.inspect(done)))) return;
    if (!(await this.#all("to close", (life, done) => life.end(done)))) return;
    await this.#within("to replace clients", () => this.#world.actors.size === 0);
    this.#checkFates();
  }

  result(): SimulationResult {
    const { findings, trace, ensemble, timeline, expirations, codes } = this.#world;
    const actors = this.#lives.flatMap(({ former, actor }) => [...former, actor]);
    return {
      seed: this.#seed,
      finding: findings.first,
      digest: trace.digest,
      trace: findings.first === undefined ? [] : trace.lines(),
      failovers: actors.reduce((sum, { failovers }) => sum + failovers, 0),
      leaderChanges: ensemble.leaderChanges,
      expirations,
      requests: actors.reduce((sum, { wire }) => sum + wire.framesSent, 0),
      transactions: ensemble.model.committed.length,
      turns: timeline.turns,
      virtualMs: timeline.nowMs,
      codes,
    };
  }

  /** Everybody is connected, and what they work on is there. */
  async #begin(): Promise<boolean> {
    let prepared = 0;
    for (const [index, life] of this.#lives.entries()) {
      life.begin(index === 0, () => {
        prepared += 1;
      });
    }
    const isReady = (): boolean =>
      prepared === this.#lives.length && this.#lives.every(({ actor }) => actor.isConnected);
    return this.#within("to begin", isReady);
  }

  async #all(what: string, work: (life: Life, done: () => void) => void): Promise<boolean> {
    let done = 0;
    for (const life of this.#lives) {
      work(life, () => {
        done += 1;
      });
    }
    return this.#within(what, () => done === this.#lives.length);
  }

  async #within(what: string, isDone: () => boolean): Promise<boolean> {
    const { timeline, findings } = this.#world;
    const isMet = await timeline.run(timeline.nowMs + RECOVERY_MS_MAX, isDone);
    if (isMet || findings.first !== undefined) return isMet && findings.first === undefined;
    const states = this.#lives.map(
      ({ actor }) => `${actor.name} ${actor.state} ${actor.books.open.size} open`,
    );
    findings.report("liveness", `${RECOVERY_MS_MAX} ms were not enough ${what}: ${states.join(", ")}`);
    return false;
  }

  /** Nothing is wrong and nobody does anything: nothing may be lost. */
  async #idle(): Promise<boolean> {
    const { timeline, findings, isCalm } = this.#world;
    const before = this.#lives.map(({ actor }) => (isCalm ? 0 : actor.losses));
    const timeoutsMs = this.#lives.map(({ actor }) => actor.client.sessionTimeoutMs);
    await timeline.run(timeline.nowMs + 2.5 * Math.max(...timeoutsMs));
    for (const [index, { actor }] of this.#lives.entries()) {
      if (actor.losses === before[index] && actor.isConnected) continue;
      findings.report("liveness", `${actor.name}: lost a connection although nothing was wrong`);
    }
    return findings.first === undefined;
  }

  #watchDeadlines(): void {
    const { timeline, actors } = this.#world;
    timeline.after(100, () => {
      for (const actor of actors) actor.checkDeadlines();
      this.#watchDeadlines();
    });
  }

  #checkFates(): void {
    const { ledger, findings } = this.#world;
    const guarded = new Set<string>();
    for (const name of ledger.now("/q")?.children ?? []) {
      const uuid = /^_c_([-0-9a-f]{36})-/.exec(name)?.[1];
      if (uuid === undefined) continue;
      if (guarded.has(uuid)) findings.report("applied", `a protected create left two znodes of ${uuid}`);
      guarded.add(uuid);
    }
    for (const { former, actor } of this.#lives) {
      for (const { books } of [...former, actor]) {
        for (const operation of books.writes) checkFate(operation, ledger, findings);
      }
    }
  }
}
