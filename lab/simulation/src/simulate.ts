/** One run: a world from a seed, harm, healing, a last look at everything, and the end. */
import type { createClient as CreateClient } from "@zk/client";
import { createClient } from "@zk/client";
import * as recipes from "@zk/recipes";
import { Life } from "./actors/life.js";
import type { Part } from "./actors/part.js";
import { Performer } from "./actors/performer.js";
import { checkFate } from "./checks/fates.js";
import type { Finding } from "./checks/findings.js";
import { Adversary } from "./faults/adversary.js";
import { RECOVERY_MS_MAX } from "./limits.js";
import type { Play, Scenario, Stage } from "./scenarios/scenario.js";
import { makeWorld } from "./world/make-world.js";
import type { World } from "./world/world.js";

/** How to run. */
export interface SimulationOptions {
  /** Another client than ours, or ours with a fault planted. Default: `createClient` of @zk/client. */
  readonly createClient?: typeof CreateClient;
  /** Other recipes than ours, or ours with a fault planted. Default: @zk/recipes. */
  readonly recipes?: typeof recipes;
  /** What the clients do. Default: every operation that there is, at random. */
  readonly scenario?: Scenario;
  /** Virtual milliseconds of harm; eight times as long in a storm of lost connections. Default 15 000. */
  readonly harmMs?: number;
  /** Hears of every line of the trace as it comes. */
  readonly onLine?: (line: string) => void;
}

/** What came of a run. */
export interface SimulationResult {
  readonly seed: number;
  /** The name of the scenario; undefined for operations at random. */
  readonly scenario: string | undefined;
  /** The first promise that was broken; undefined when none was. */
  readonly finding: Finding | undefined;
  /** Why the run ended before its time although no promise was broken: see {@link Ledger.orphaned}. Undefined: it did not. */
  readonly cutShort: string | undefined;
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
  readonly #parts: readonly Part[];
  readonly #scenario: Scenario | undefined;
  readonly #play: Play | undefined;
  readonly #harmMs: number;

  constructor(seed: number, options: SimulationOptions) {
    const { world, tickTimeMs, sessionTimeoutMs } = makeWorld(seed, options.onLine);
    const { chance, timeline, trace, isCalm, isStorm } = world;
    const { scenario } = options;
    this.#seed = seed;
    this.#world = world;
    this.#scenario = scenario;
    this.#play = scenario?.play(stageOf(world, options.recipes ?? recipes));
    this.#harmMs = (options.harmMs ?? 15_000) * (isStorm ? 8 : 1);
    const [min, max] = scenario?.clients ?? [1, 3];
    const clients = min + chance.below(max - min + 1);
    const about = { createClient: options.createClient ?? createClient, sessionTimeoutMs };
    this.#parts = Array.from({ length: clients }, (_, index) => {
      const place = index + 1;
      if (scenario === undefined || this.#play === undefined) return new Life(world, { ...about, place });
      return new Performer(world, { ...about, place, scenario, play: this.#play });
    });
    trace.add(
      timeline.nowMs,
      "run",
      `seed ${seed}${scenario === undefined ? "" : ` of ${scenario.name}`}: ${world.servers.length} servers, ${clients} clients, tick ${tickTimeMs} ms, session ${sessionTimeoutMs} ms${isCalm ? ", calm" : ""}${isStorm ? ", storm" : ""}`,
    );
  }

  /** To the end, or to the first finding. What throws is one as well. */
  async run(): Promise<void> {
    try {
      await this.#goThrough();
    } catch (error) {
      this.#world.findings.report("internal", `${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #goThrough(): Promise<void> {
    const { timeline, findings, isCalm } = this.#world;
    this.#watchDeadlines();
    if (!(await this.#begin())) return;
    const adversary = isCalm ? undefined : new Adversary(this.#world, this.#world.chance.fork("harm"));
    for (const part of this.#parts) part.start();
    adversary?.start();
    await timeline.run(timeline.nowMs + this.#harmMs);
    if (findings.isOver) return;
    for (const part of this.#parts) part.rest();
    adversary?.heal();
    // The servers find together first: until then they may still let go of clients.
    await timeline.run(timeline.nowMs + 40 * this.#world.ensemble.model.tickTimeMs);
    const isWhole = (): boolean => this.#parts.every(({ isQuiet }) => isQuiet);
    if (!(await this.#within("to be served again", isWhole))) return;
    if (!(await this.#idle())) return;
    if (!(await this.#all("to look at everything", (part, done) => part.inspect(done)))) return;
    if (!(await this.#all("to close", (part, done) => part.end(done)))) return;
    await this.#within("to replace clients", () => this.#world.actors.size === 0);
    this.#checkFates();
    this.#play?.finish?.();
  }

  result(): SimulationResult {
    const { findings, trace, ensemble, timeline, expirations, codes } = this.#world;
    const actors = this.#parts.flatMap(({ former, actor }) => [...former, actor]);
    return {
      seed: this.#seed,
      scenario: this.#scenario?.name,
      finding: findings.first,
      cutShort: findings.cutShort,
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
    for (const [index, part] of this.#parts.entries()) {
      part.begin(index === 0, () => {
        prepared += 1;
      });
    }
    const isReady = (): boolean =>
      prepared === this.#parts.length && this.#parts.every(({ actor }) => actor.isConnected);
    return this.#within("to begin", isReady);
  }

  async #all(what: string, work: (part: Part, done: () => void) => void): Promise<boolean> {
    let done = 0;
    for (const part of this.#parts) {
      work(part, () => {
        done += 1;
      });
    }
    return this.#within(what, () => done === this.#parts.length);
  }

  async #within(what: string, isDone: () => boolean): Promise<boolean> {
    const { timeline, findings } = this.#world;
    const isMet = await timeline.run(timeline.nowMs + RECOVERY_MS_MAX, isDone);
    if (isMet || findings.isOver) return isMet && !findings.isOver;
    const states = this.#parts.map(
      ({ actor }) => `${actor.name} ${actor.state} ${actor.books.open.size} open`,
    );
    findings.report("liveness", `${RECOVERY_MS_MAX} ms were not enough ${what}: ${states.join(", ")}`);
    return false;
  }

  /** Nothing is wrong and nobody does anything: nothing may be lost. */
  async #idle(): Promise<boolean> {
    const { timeline, findings, isCalm } = this.#world;
    const before = this.#parts.map(({ actor }) => (isCalm ? 0 : actor.losses));
    const timeoutsMs = this.#parts.map(({ actor }) => actor.client.sessionTimeoutMs);
    await timeline.run(timeline.nowMs + 2.5 * Math.max(...timeoutsMs));
    for (const [index, { actor }] of this.#parts.entries()) {
      if (actor.losses === before[index] && actor.isConnected) continue;
      findings.report("liveness", `${actor.name}: lost a connection although nothing was wrong`);
    }
    return !findings.isOver;
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
    for (const { former, actor } of this.#parts) {
      for (const { books } of [...former, actor]) {
        for (const operation of books.writes) checkFate(operation, ledger, findings);
      }
    }
  }
}

function stageOf(world: World, from: typeof recipes): Stage {
  const { chance, ledger, timeline, findings } = world;
  return {
    chance: chance.fork("stage"),
    recipes: from,
    ledger,
    get nowMs() {
      return timeline.nowMs;
    },
    get serverMs() {
      return world.serverMs;
    },
    report: (message) => findings.report("scenario", message),
  };
}
