import { describe, expect, it } from "vitest";
import { matchLines } from "./history-search.js";

describe("matchLines", () => {
  const lines = ["get /shop/config", "set /shop/config x", "ls /", "get /other"];

  it.each([
    ["", lines],
    ["config", ["get /shop/config", "set /shop/config x"]],
    ["SET", ["set /shop/config x"]],
    ["g/c", ["get /shop/config"]],
    ["set x", ["set /shop/config x"]],
    ["et /s", ["get /shop/config", "set /shop/config x"]],
    ["zzz", []],
  ])("%j", (pattern, found) => expect(matchLines(lines, pattern)).toEqual(found));

  it("has what is there as it is before what is there in pieces", () =>
    expect(matchLines(["a-b", "ab"], "ab")).toEqual(["ab", "a-b"]));
});
