import { expect, it } from "vitest";
import { textsWith } from "./nursery.js";
import type { Plant } from "./plant.js";
import { PLANTS } from "./plants.js";

/** Apart from the search for them, which takes minutes: whoever changes the source is told at once which faults have lost their place. */
it("each has its place in the source", () => {
  expect(PLANTS.map(misfit).filter((message) => message !== undefined)).toEqual([]);
});

function misfit(plant: Plant): string | undefined {
  try {
    textsWith(plant);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
