/** How long the model's disks and links take changes nothing of what its clients are told. */
import { describe, expect, it } from "vitest";
import { Comparison } from "../../src/differential/check.js";
import { describeFinding } from "../../src/differential/describe.js";
import { modelTarget } from "../../src/differential/model-target.js";

describe("a model whose disks and links take their time", () => {
  it.each([1, 3, 5])("says the same as one of %i servers where all happens at once", async (servers) => {
    await using expected = modelTarget({ servers, isSlow: false });
    await using actual = modelTarget({ servers });
    const comparison = new Comparison({ expected, actual });
    const { found, entries } = await comparison.check({ seed: 17, operations: 1500, isSpread: servers > 1 });
    expect(found === undefined ? "none" : describeFinding(found)).toBe("none");
    expect(entries).toBeGreaterThan(1500);
  });
});
