/** The model, and the model over TCP, beside a real 3.4.6: a short run of what `pnpm differential` does at length. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Comparison } from "../../src/differential/check.js";
import { describeFinding } from "../../src/differential/describe.js";
import { labTarget } from "../../src/differential/lab-target.js";
import { modelTarget } from "../../src/differential/model-target.js";
import { Runner } from "../../src/differential/runner.js";
import type { Target } from "../../src/differential/wire.js";
import { FOUND } from "./found.js";
import { linesOf } from "./lines-of.js";

let real: Target;
beforeAll(async () => {
  real = await labTarget();
});
afterAll(() => real[Symbol.asyncDispose]());

async function findDifference(expected: Target, actual: Target, operations: number): Promise<string> {
  const comparison = new Comparison({ expected, actual });
  const { found } = await comparison.check({ seed: 2014, operations });
  await comparison.close();
  return found === undefined ? "none" : describeFinding(found);
}

describe("ZooKeeper 3.4.6", () => {
  it("and the model say the same about 3000 operations", async () => {
    await using model = modelTarget();
    expect(await findDifference(real, model, 3000)).toBe("none");
  });

  it("and the model over TCP say the same about 1000 operations", async () => {
    await using model = await labTarget({ backend: "memory" });
    expect(await findDifference(real, model, 1000)).toBe("none");
  });

  it("does what the model was taught from it", async () => {
    const runner = new Runner(real);
    for (const { name, operations, says } of FOUND) {
      const trace = await runner.run({ seed: 0, episode: 0, operations }, { isPrecise: true });
      expect(linesOf(trace, says), name).toEqual(says);
    }
    await runner.close();
  });
});
