import { describe, expect, it } from "vitest";
import { argument, optional } from "../definition/specs.js";
import { absolutePaths, resolvePath } from "./znode-path.js";

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

  it("are the current znode when they are left out in a shell, and nobody's business elsewhere", () => {
    const command = {
      arguments: { path: optional("", "path"), to: argument("", "path"), word: optional("") },
    };
    const given = { path: undefined, to: "b", word: undefined };
    expect(absolutePaths(command, given, "/a")).toEqual({ path: "/a", to: "/a/b", word: undefined });
    expect(absolutePaths(command, given, undefined)).toEqual(given);
  });

  it("of another ensemble begin at nobody's current znode", () => {
    expect(resolvePath("zk://prod/a", "/x")).toBe("zk://prod/a");
  });
});
