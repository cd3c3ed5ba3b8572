import { findPathProblem } from "@zk/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isCreatablePath } from "./path-rules.js";

describe("isCreatablePath", () => {
  it.each([
    "/",
    "/a",
    "/a/b",
    "/.a",
    "/a.",
    "/...",
    "/..a",
    "/a..",
    "/a/...b",
    "/é",
    "/\ud7ff",
    "/\uf900",
    "/\uffef",
  ])("lets %j pass", (path) => expect(isCreatablePath(path)).toBe(true));

  it.each([
    "",
    "a",
    "a/b",
    "//",
    "/a/",
    "/a//b",
    "/.",
    "/..",
    "/./a",
    "/../a",
    "/a/.",
    "/a/..",
    "/a/./b",
    "/a/../b",
    "/😀",
  ])("stops %j", (path) => expect(isCreatablePath(path)).toBe(false));

  it("leaves both ends of each range open", () => {
    const passes = (unit: number) => isCreatablePath(`/${String.fromCharCode(unit)}`);
    const ends = [0x001f, 0x007f, 0x009f, 0xd800, 0xf8ff, 0xfff0, 0xffff];
    const inside = [0x0000, 0x0001, 0x001e, 0x0080, 0x009e, 0xd801, 0xf8fe, 0xfff1, 0xfffe];
    expect(ends.map(passes)).toEqual(ends.map(() => true));
    expect(inside.map(passes)).toEqual(inside.map(() => false));
  });

  it("agrees with the rules of later versions on everything else", () => {
    const unit = fc.constantFrom("/", "/", ".", ".", "a", "é", "\u0001", "\u0085", "\ue000", "\0");
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 8 }), (units) => {
        const path = units.join("");
        expect(isCreatablePath(path)).toBe(findPathProblem(path) === null);
      }),
      { numRuns: 500 },
    );
  });
});
