import { describe, expect, it } from "vitest";
import { Capabilities, UNKNOWN_OP_MEMORY_MS } from "./capabilities.js";

describe("Capabilities", () => {
  it("remembers of each server what it did not know, for a while", () => {
    const seen = new Capabilities();
    expect(seen.unknownTo("a:1", 0)).toBeUndefined();
    seen.refused("a:1", 105, 0);
    seen.refused("a:1", 107, 1000);
    expect(seen.unknownTo("a:1", 1000)).toEqual(new Set([105, 107]));
    expect(seen.unknownTo("b:1", 1000)).toBeUndefined();
    expect(seen.unknownTo("a:1", UNKNOWN_OP_MEMORY_MS)).toEqual(new Set([107]));
    expect(seen.unknownTo("a:1", UNKNOWN_OP_MEMORY_MS + 1000)).toBeUndefined();
  });
});
