import { describe, expect, it } from "vitest";
import { resolvePath } from "./znode-path.js";

describe("paths as people type them", () => {
  it.each<[string, string | undefined, string]>([
    ["/a/", undefined, "/a"],
    ["/", undefined, "/"],
    ["//", undefined, "/"],
    ["a", undefined, "a"],
    ["/a/../b", undefined, "/a/../b"],
    ["a", "/", "/a"],
    ["b/c", "/a", "/a/b/c"],
    ["../c", "/a/b", "/a/c"],
    ["../../..", "/a/b", "/"],
    [".", "/a", "/a"],
    ["/x/../y", "/a", "/y"],
  ])("%s from %s is %s", (path, znode, expected) => expect(resolvePath(path, znode)).toBe(expected));

  it("keep their last slash where it means something", () => {
    expect(resolvePath("/q/", undefined, true)).toBe("/q/");
    expect(resolvePath("q/", "/a", true)).toBe("/a/q/");
  });
});
