/** Shrinking, with a difference that is a plain property of the schedule. */
import { describe, expect, it } from "vitest";
import { generateSchedule } from "../../src/differential/generator.js";
import type { Operation, Schedule } from "../../src/differential/operations.js";
import { shrinkSchedule } from "../../src/differential/shrink.js";

const schedule = generateSchedule({ seed: 3, episode: 0, length: 200 });

/** Differs at the last of the operations that are needed for it. */
function needing(...needed: ((operation: Operation) => boolean)[]): (schedule: Schedule) => Promise<number> {
  return async ({ operations }) => {
    let from = 0;
    for (const one of needed) {
      const at = operations.findIndex((operation, index) => index >= from && one(operation));
      if (at < 0) return -1;
      from = at + 1;
    }
    return from - 1;
  };
}

const isMulti = (operation: Operation): boolean =>
  operation.kind === "request" && operation.body.record === "multi" && operation.body.parts.length >= 2;
const isWatch = (operation: Operation): boolean =>
  operation.kind === "request" && operation.body.record === "watch";

describe("shrinking", () => {
  it("leaves only what the difference needs, in its order", async () => {
    const shrunk = await shrinkSchedule(schedule, { differs: needing(isWatch, isMulti, isWatch) });
    expect(shrunk.operations).toHaveLength(3);
    expect(shrunk.operations.map(isMulti)).toEqual([false, true, false]);
    expect(shrunk).toMatchObject({ seed: 3, episode: 0 });
  });

  it("makes what is left plainer", async () => {
    const shrunk = await shrinkSchedule(schedule, { differs: needing(isWatch, isMulti) });
    const [watch, multi] = shrunk.operations;
    expect(watch).toMatchObject({ body: { watch: false } });
    expect(watch).not.toHaveProperty("isPipelined");
    expect(multi?.kind === "request" && multi.body.record === "multi" && multi.body.parts).toHaveLength(2);
  });

  it("brings what is left together: one session, znodes directly under the root", async () => {
    const isCreate = (operation: Operation): boolean =>
      operation.kind === "request" && operation.body.record === "create";
    const shrunk = await shrinkSchedule(schedule, { differs: needing(isCreate, isWatch, isMulti) });
    expect(new Set(shrunk.operations.map(({ slot }) => slot)).size).toBe(1);
    expect(JSON.stringify(shrunk.operations)).not.toMatch(/"\$\/[^"]+\/[^"]+"/);
  });

  it("keeps a schedule that does not differ, and one that needs all it has", async () => {
    expect(await shrinkSchedule(schedule, { differs: async () => -1 })).toBe(schedule);
    const all = schedule.operations.length;
    const differs = async ({ operations }: Schedule): Promise<number> =>
      operations.length < all ? -1 : all - 1;
    const shrunk = await shrinkSchedule(schedule, { differs });
    expect(shrunk.operations).toHaveLength(all);
  });

  it("ends after as many tries as it may make, and tells of each", async () => {
    const told: number[] = [];
    let asked = 0;
    const differs = needing(isWatch, isMulti);
    await shrinkSchedule(schedule, {
      differs: (candidate) => {
        asked++;
        return differs(candidate);
      },
      tries: 10,
      onTry: (tries) => told.push(tries),
    });
    expect(told).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // One more than the tries: the first look finds out where the schedule ends.
    expect(asked).toBe(11);
  });
});
