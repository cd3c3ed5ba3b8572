import { describe, expect, it } from "vitest";
import { type CacheFilter, Shape } from "./shape.js";

function kept(filter: CacheFilter, paths: readonly string[]): readonly string[] {
  const shape = new Shape({ filter });
  return paths.filter((path) => shape.roleOf(path).keep);
}

describe("a pattern", () => {
  const paths = ["", "a", "ab", "a/b", "a/b/c", "x.json", "a/x.json", "a/b/x.json", "a.b"];

  it.each([
    ["**", paths],
    ["*", ["a", "ab", "x.json", "a.b"]],
    ["a", ["a"]],
    ["a?", ["ab"]],
    ["a.b", ["a.b"]],
    ["*/b", ["a/b"]],
    ["**/*.json", ["x.json", "a/x.json", "a/b/x.json"]],
    ["a/**", ["a", "a/b", "a/b/c", "a/x.json", "a/b/x.json"]],
    ["a/**/c", ["a/b/c"]],
    ["**/b/**", ["a/b", "a/b/c", "a/b/x.json"]],
  ])("%j keeps what it says", (pattern, expected) => {
    expect(kept(pattern, paths)).toEqual(expected);
  });

  it("looks only where it can find something", () => {
    const shape = new Shape({ filter: "a/*/c" });
    const descends = ["", "a", "b", "a/b", "a/b/c"].filter((path) => shape.roleOf(path).descend);
    expect(descends).toEqual(["", "a", "a/b"]);
    const deep = new Shape({ filter: "a/**" });
    expect(deep.roleOf("a/b/c/d").descend).toBe(true);
    expect(deep.roleOf("b").descend).toBe(false);
  });

  it("takes what means something to regular expressions as it is", () => {
    expect(kept("a+(b)|c", ["a+(b)|c", "aab", "c"])).toEqual(["a+(b)|c"]);
  });
});

describe("a shape", () => {
  it("ends at its depth", () => {
    const shape = new Shape({ depth: 1 });
    expect(shape.roleOf("")).toEqual({ keep: true, descend: true });
    expect(shape.roleOf("a")).toEqual({ keep: true, descend: false });
    expect(new Shape({ depth: 0 }).roleOf("")).toEqual({ keep: true, descend: false });
  });

  it("asks a regular expression afresh each time, whatever its flags", () => {
    const shape = new Shape({ filter: /a/g });
    expect([1, 2, 3].map(() => shape.roleOf("a").keep)).toEqual([true, true, true]);
  });

  it("looks everywhere for a function, unless told where not to", () => {
    const shape = new Shape({ filter: (path) => path.endsWith("c"), descend: (path) => path !== "b" });
    expect(shape.roleOf("a")).toEqual({ keep: false, descend: true });
    expect(shape.roleOf("b")).toEqual({ keep: false, descend: false });
    expect(shape.roleOf("a/c")).toEqual({ keep: true, descend: true });
  });
});
