import { describe, expect, it } from "vitest";
import { parseAgeTest, parseCountTest, parseGlob, parseRegex, parseSizeTest } from "./comparison.js";

describe("conditions", () => {
  it("compare sizes and counts by their sign", () => {
    expect([1023, 1024, 1025].map(parseSizeTest("+1k"))).toEqual([false, false, true]);
    expect([1023, 1024, 1025].map(parseSizeTest("-1k"))).toEqual([true, false, false]);
    expect([4, 5, 6].map(parseCountTest("5"))).toEqual([false, true, false]);
  });

  it("compare ages", () => {
    const [young, old] = [9_000n, 1_000n];
    expect([young, old].map(parseAgeTest("-5s", 10_000))).toEqual([true, false]);
    expect([young, old].map(parseAgeTest("+5s", 10_000))).toEqual([false, true]);
    expect([young, old].map(parseAgeTest("5s", 10_000))).toEqual([true, false]);
  });

  it("match globs, dots included", () => {
    expect(["lock-1", ".lock", "x"].map(parseGlob("*lock*"))).toEqual([true, true, false]);
    expect(["/a/b/c", "/a/c", "/b"].map(parseGlob("/a/**"))).toEqual([true, true, false]);
  });

  it.each([
    () => parseSizeTest("+x"),
    () => parseCountTest("1.5"),
    () => parseAgeTest("-", 0),
    () => parseRegex("("),
  ])("refuse what they cannot read", (parse) => expect(parse).toThrow(/must be|is no regular expression/));
});
