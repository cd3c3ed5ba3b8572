import { describe, expect, it } from "vitest";
import { LabError } from "../../src/errors.js";
import { cacheDirectory } from "../../src/release/cache-directory.js";
import { checkVersion, isAtLeast, tarballName } from "../../src/release/version.js";

describe("versions", () => {
  it.each(["3.4.6", "3.5.4-beta", "3.10.0", "3.9.3"])("takes %s", (version) => {
    expect(checkVersion(version)).toBe(version);
  });

  it.each([
    "",
    "3",
    "3.4",
    "3.4.x",
    "v3.4.6",
    "3.4.6/..",
    "../3.4.6",
    "3.4.6 ",
    "3.4.6-<x>",
    "3.4.6\n",
    "latest",
  ])("refuses %j, which would end up in paths and URLs", (version) => {
    expect(() => checkVersion(version)).toThrow(LabError);
    expect(() => checkVersion(version)).toThrow(/exact ZooKeeper version/);
  });

  it("compares number by number", () => {
    expect(isAtLeast("3.10.0", 3, 9)).toBe(true);
    expect(isAtLeast("3.4.14", 3, 5)).toBe(false);
    expect(isAtLeast("3.5.4-beta", 3, 5, 5)).toBe(false);
    expect(isAtLeast("3.5.5", 3, 5, 5)).toBe(true);
  });

  it("knows both names of tarballs", () => {
    expect(tarballName("3.4.14")).toBe("zookeeper-3.4.14");
    expect(tarballName("3.5.4-beta")).toBe("zookeeper-3.5.4-beta");
    expect(tarballName("3.5.5")).toBe("apache-zookeeper-3.5.5-bin");
    expect(tarballName("3.9.3")).toBe("apache-zookeeper-3.9.3-bin");
  });
});

describe("the cache directory", () => {
  const HOME = "/somewhere";
  it.each([
    ["linux", { HOME, ZK_LAB_CACHE: "/own" }, "/own"],
    ["linux", { HOME, XDG_CACHE_HOME: "/xdg" }, "/xdg/zk-lab"],
    ["linux", { HOME, XDG_CACHE_HOME: "relative" }, "/somewhere/.cache/zk-lab"],
    ["linux", { HOME, ZK_LAB_CACHE: "" }, "/somewhere/.cache/zk-lab"],
    ["darwin", { HOME }, "/somewhere/Library/Caches/zk-lab"],
    ["darwin", { HOME, XDG_CACHE_HOME: "/xdg" }, "/xdg/zk-lab"],
  ] as const)("is on %s with %j: %s", (platform, env, expected) => {
    expect(cacheDirectory(env, platform)).toBe(expected);
  });
});
