/** Looks for planted faults: how many seeds it takes until the simulation notices. */
import type { Finding } from "../checks/findings.js";
import { scenarioOf } from "../scenarios/scenarios.js";
import { type SimulationOptions, simulate } from "../simulate.js";
import { Nursery } from "./nursery.js";
import type { Plant } from "./plant.js";

/** What the search for one fault came to. */
export interface Catch {
  readonly plant: Plant;
  /** The seed that found it; undefined when none did. */
  readonly seed: number | undefined;
  /** How many were tried, the last one included. */
  readonly seeds: number;
  readonly finding: Finding | undefined;
}

/** Tries the seeds from `from` on for each fault. */
export async function* search(
  plants: readonly Plant[],
  { from, seedsMax }: { readonly from: number; readonly seedsMax: number },
): AsyncGenerator<Catch> {
  using nursery = new Nursery(plants);
  for (const plant of plants) {
    const options = await optionsFor(nursery, plant);
    let caught: Catch = { plant, seed: undefined, seeds: seedsMax, finding: undefined };
    for (let seeds = 1; seeds <= seedsMax && caught.seed === undefined; seeds += 1) {
      const seed = from + seeds - 1;
      const { finding } = await simulate(seed, options);
      if (finding !== undefined) caught = { plant, seed, seeds, finding };
    }
    yield caught;
  }
}

/** Virtual milliseconds of harm in a world with a faulty recipe: many short runs find more than a few long ones. */
const SCENARIO_HARM_MS = 5000;

/** How to run with a fault. */
export async function optionsFor(nursery: Nursery, plant: Plant): Promise<SimulationOptions> {
  if (plant.scenario === undefined) return { createClient: await nursery.createClientOf(plant.name) };
  const recipes = await nursery.recipesOf(plant.name);
  return { recipes, scenario: scenarioOf(plant.scenario), harmMs: SCENARIO_HARM_MS };
}
