/** Differences that were found once do not come back. */
import { describe, expect, it } from "vitest";
import { modelTarget } from "../../src/differential/model-target.js";
import { Runner } from "../../src/differential/runner.js";
import { FOUND } from "./found.js";
import { linesOf } from "./lines-of.js";

describe("the model, where it once differed from 3.4.6:", () => {
  it.each(FOUND)("$name", async ({ operations, says }) => {
    await using target = modelTarget();
    const trace = await new Runner(target).run({ seed: 0, episode: 0, operations }, { isPrecise: true });
    expect(linesOf(trace, says)).toEqual(says);
  });
});
