import { describe, expect, it } from "vitest";
import { nearest } from "./suggest.js";

describe("nearest", () => {
  it.each([
    ["gte", "get"],
    ["delte", "delete"],
    ["GET", "get"],
    ["touhc", "touch"],
    ["exsits", "exists"],
    ["xyzzy", undefined],
    ["q", undefined],
    ["get", undefined],
  ])("of %s is %s", (word, expected) =>
    expect(nearest(word, ["get", "delete", "touch", "exists"])).toBe(expected),
  );
});
