import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  baseName,
  findPathProblem,
  joinPath,
  PathError,
  parentPath,
  sequenceOf,
  validatePath,
} from "./path.js";

// Far below a second on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 60_000 });

const char = (code: number) => String.fromCharCode(code);

describe("paths", () => {
  it.each([
    "/",
    "/a",
    "/a/b",
    "/.a",
    "/a.",
    "/...",
    "/a..b",
    "/ä",
    "/日本",
    "/ ",
    "/a b",
    "/zookeeper",
    "/\u00a0",
  ])("%j is valid", (path) => {
    expect(findPathProblem(path)).toBeNull();
    expect(findPathProblem(path, { sequential: true })).toBeNull();
    expect(() => validatePath(path)).not.toThrow();
  });

  it.each([
    ["", "it is empty", 0],
    ["a", "it does not start with /", 0],
    ["a/b", "it does not start with /", 0],
    ["/a/", "it ends with /", 2],
    ["//", "there is an empty name between two slashes", 1],
    ["//a", "there is an empty name between two slashes", 1],
    ["/a//b", "there is an empty name between two slashes", 3],
    ["/.", "the name . is not allowed", 1],
    ["/..", "the name .. is not allowed", 1],
    ["/a/./b", "the name . is not allowed", 3],
    ["/a/../b", "the name .. is not allowed", 3],
    ["/a/..", "the name .. is not allowed", 3],
    ["/a\u0000b", "the character U+0000 is not allowed", 2],
    ["/😀", "the character U+1F600 is not allowed", 1],
  ])("%j is refused", (path, reason, index) => {
    expect(findPathProblem(path)).toEqual({ reason, index });
    expect(() => validatePath(path)).toThrow(PathError);
  });

  it("are refused in whole ranges of characters, both ends included", () => {
    const ranges = [
      [0x0000, 0x001f],
      [0x007f, 0x009f],
      [0xd800, 0xf8ff],
      [0xfff0, 0xffff],
    ] as const;
    for (let code = 0; code <= 0xffff; code++) {
      if (char(code) === "/" || char(code) === ".") continue;
      const isIllegal = ranges.some(([from, to]) => code >= from && code <= to);
      if ((findPathProblem(`/a${char(code)}`) !== null) !== isIllegal) {
        expect.fail(`U+${code.toString(16)} is ${isIllegal ? "taken" : "refused"}`);
      }
    }
  });

  it.each(["/a/", "/a/.", "/a/..", "/", "/q-"])("%j is fine for a sequential create", (path) => {
    expect(findPathProblem(path, { sequential: true })).toBeNull();
  });

  it.each(["", "a", "/a//", "//", "/../b"])("%j is not, even for a sequential create", (path) => {
    expect(findPathProblem(path, { sequential: true })).not.toBeNull();
  });

  it.each([[null], [undefined], [5], [{}]])("%j is no path", (value) => {
    expect(findPathProblem(value as unknown as string)?.reason).toMatch(/^it is .*, not text$/);
    expect(() => validatePath(value as unknown as string)).toThrow(PathError);
  });

  it("say in the error what is wrong and where", () => {
    const error = new PathError("/a\n//b", { reason: "it is odd", index: 2 });
    expect(error).toMatchObject({ code: "INVALID_PATH", path: "/a\n//b", reason: "it is odd", index: 2 });
    expect(error.message).toBe('invalid path "/a\\n//b": it is odd (at index 2)');
  });

  it("come apart and together again", () => {
    expect([joinPath("/", "a"), joinPath("/a", "b")]).toEqual(["/a", "/a/b"]);
    expect([parentPath("/"), parentPath("/a"), parentPath("/a/b")]).toEqual(["/", "/", "/a"]);
    expect([baseName("/"), baseName("/a"), baseName("/a/b"), baseName("b")]).toEqual(["", "a", "b", "b"]);
    const name = fc.string({ minLength: 1 }).filter((text) => !text.includes("/"));
    fc.assert(
      fc.property(fc.array(name), name, (parents, last) => {
        const parent = parents.reduce(joinPath, "/");
        expect(parentPath(joinPath(parent, last))).toBe(parent);
        expect(baseName(joinPath(parent, last))).toBe(last);
      }),
    );
  });
});

/** How a server prints the counter: ten characters at least, the sign among them. */
const printed = (value: number) =>
  value < 0 ? `-${String(-value).padStart(9, "0")}` : String(value).padStart(10, "0");

describe("sequenceOf", () => {
  it.each([
    ["lock-0000000000", 0],
    ["lock-0000000001", 1],
    ["/q/0000000007", 7],
    ["lock-2147483647", 2_147_483_647],
    ["lock-1000000000", 1_000_000_000],
    ["lock--2147483648", -2_147_483_648],
    ["lock-2147483648", -2_147_483_648],
    ["lock--1000000000", -1_000_000_000],
    ["lock--999999999", -999_999_999],
    ["lock--000000001", -1],
    ["n000000000-000000005", -5],
    ["-0000000003", 3],
    ["0000000003", 3],
    ["_c_5ee4b4d2-0b4e-4c5b-8a2a-3a1f1a2b3c4d-lock-0000000012", 12],
    ["member9000000001", null],
    ["lock-4000000000", null],
    ["lock-1", null],
    ["lock", null],
    ["", null],
  ])("%j ends in %j", (name, value) => {
    expect(sequenceOf(name)).toBe(value);
  });

  it("is exact with the prefix", () => {
    expect(sequenceOf("a-2000000000", "a-")).toBe(2_000_000_000);
    expect(sequenceOf("a-2000000000", "a")).toBe(-2_000_000_000);
    expect(sequenceOf("a-0000000001", "b-")).toBeNull();
    expect(sequenceOf("a-00000000011", "a-")).toBeNull();
    expect(sequenceOf("a-4000000000", "a-")).toBeNull();
    expect(sequenceOf("a-", "a-")).toBeNull();
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (prefix, value) => {
        expect(sequenceOf(prefix + printed(value), prefix)).toBe(value);
      }),
    );
  });

  it("is right without the prefix where that ends in a minus sign, all the way round the counter", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (value) => {
        expect(sequenceOf(`lock-${printed(value)}`)).toBe(value);
      }),
      { numRuns: 2_000 },
    );
  });
});
