/** Makes the world of a seed: how many servers, how fast they are, how long sessions live, how much goes wrong. */
import { EnsembleModel } from "@zk/memory-server";
import { Findings } from "../checks/findings.js";
import { Ledger } from "../checks/ledger.js";
import { WatchBook } from "../checks/watch-book.js";
import { Chance } from "./chance.js";
import { Ensemble } from "./ensemble.js";
import { Timeline } from "./timeline.js";
import { Trace } from "./trace.js";
import { WALL_OFFSET_MS, World } from "./world.js";

/** A world, and what its seed decided that concerns everybody in it. */
export interface MadeWorld {
  readonly world: World;
  readonly tickTimeMs: number;
  /** What clients ask for. */
  readonly sessionTimeoutMs: number;
}

/** @param onLine hears of every line of the trace as it comes */
export function makeWorld(seed: number, onLine?: (line: string) => void): MadeWorld {
  const timeline = new Timeline();
  const chance = new Chance(seed, "run");
  const trace = new Trace(onLine);
  const findings = new Findings(
    () => timeline.nowMs,
    () => timeline.stop(),
  );
  const tickTimeMs = 50 + 10 * chance.below(35);
  const model = new EnsembleModel({
    servers: chance.pick([3, 3, 3, 3, 3, 3, 1, 5]),
    seed: chance.below(2_147_483_647),
    tickTimeMs,
    wallOffsetMs: WALL_OFFSET_MS,
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
  const sessionTimeoutMs = tickTimeMs * (4 + chance.below(16));
  const parts = { timeline, chance, trace, findings, ensemble, ledger, watches, isCalm, isStorm };
  return { world: new World(parts), tickTimeMs, sessionTimeoutMs };
}
