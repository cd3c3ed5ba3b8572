import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { Nursery } from "../src/planted/nursery.js";
import { changed } from "../src/planted/plant.js";
import { PLANTS } from "../src/planted/plants.js";
import { optionsFor } from "../src/planted/search.js";
import { simulate } from "../src/simulate.js";

/** What `pnpm sim --planted` wrote: the seed that found each fault, as it begins at 1. */
const table = readFileSync(new URL("../../../docs/simulation.md", import.meta.url), "utf8");
const known = new Map(
  [...table.matchAll(/^\| `([a-z-]+)` \|.*\| (\d+) \|$/gm)].map((row) => [row[1], Number(row[2])] as const),
);

/** When the client or the simulation was changed since, another seed may be the one. */
const SEEDS_MORE = 300;

describe("planted faults", () => {
  const nursery = new Nursery(PLANTS);
  afterAll(() => nursery[Symbol.dispose]());

  it("are many, each with a name of its own, all in the table", () => {
    expect(PLANTS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(PLANTS.map(({ name }) => name)).size).toBe(PLANTS.length);
    expect(PLANTS.map(({ name }) => name).filter((name) => !known.has(name))).toEqual([]);
  });

  it.each(PLANTS)("$name is noticed", async (plant) => {
    const options = await optionsFor(nursery, plant);
    const first = known.get(plant.name) ?? 1;
    let { finding } = await simulate(first, options);
    for (let seed = 1; finding === undefined && seed <= SEEDS_MORE; seed += 1) {
      ({ finding } = await simulate(seed, options));
    }
    expect(finding).toBeDefined();
  });

  it("can only be planted where the text stands exactly once", () => {
    const change = { file: "a.ts", find: "one", replace: "two" };
    expect(changed("one, three", change, "p")).toBe("two, three");
    expect(() => changed("three", change, "p")).toThrow("p: 0 places in a.ts fit, one must: one");
    expect(() => changed("one, one", change, "p")).toThrow("p: 2 places in a.ts fit");
  });

  it("are not in the copy that has none", async () => {
    using bare = new Nursery([{ name: "none", why: "nothing is wrong", changes: [] }]);
    const createClient = await bare.createClientOf("none");
    expect((await simulate(3, { createClient, harmMs: 1000 })).finding).toBeUndefined();
  });
});
