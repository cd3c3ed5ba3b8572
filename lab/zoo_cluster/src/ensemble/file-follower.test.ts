import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileFollower } from "./file-follower.js";

let folder = "";
let path = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "zk-follow-"));
  path = join(folder, "zookeeper.out");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const begin = (bytesMax = 100): Promise<FileFollower> => FileFollower.atEnd(() => path, bytesMax);

describe("a file that is followed", () => {
  it("gives each line once: before, or with a read", async () => {
    await writeFile(path, "one\ntwo\n");
    const follower = await begin();
    await appendFile(path, "three\n");
    expect(follower.before).toBe("one\ntwo\n");
    expect(await follower.read()).toEqual(["three"]);
    expect(await follower.read()).toEqual([]);
  });

  it("gives a line that is being written once it is whole, also one that was begun before", async () => {
    await writeFile(path, "one\ntw");
    const follower = await begin();
    expect(follower.before).toBe("one\n");
    await appendFile(path, "o\nthr");
    expect(await follower.read()).toEqual(["two"]);
    await appendFile(path, "ee\n");
    expect(await follower.read()).toEqual(["three"]);
  });

  it("keeps whole lines of a long file", async () => {
    await writeFile(path, `${"x".repeat(99)}\n`.repeat(5000));
    const { before } = await begin(70_000);
    expect(before.length).toBe(69_900);
    expect(before.split("\n").every((line) => line === "" || line.length === 99)).toBe(true);
  });

  it("gives a new run from its beginning", async () => {
    await writeFile(path, "old\n");
    const follower = await begin();
    await rename(path, `${path}.1`);
    await writeFile(path, "new\n");
    expect(await follower.read()).toEqual(["new"]);
  });

  it("waits for a file that is not there yet", async () => {
    const follower = await begin();
    expect(follower.before).toBe("");
    expect(await follower.read()).toEqual([]);
    await writeFile(path, "first\n");
    expect(await follower.read()).toEqual(["first"]);
  });
});
