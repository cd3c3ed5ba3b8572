import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listFilesBelow } from "../../src/release/files.js";
import { explainRelease, provisionRelease, type ReleaseAttempt } from "../../src/release/index.js";
import { fakeMaven, mavenJars, releaseFiles, temporaryDirectory, writeTree } from "./support.js";

const version = "3.4.99";

async function setUp() {
  const dir = await temporaryDirectory();
  const maven = await fakeMaven(dir, mavenJars(version));
  return { dir, maven, cache: join(dir, "cache") };
}

describe("explainRelease", () => {
  const outcomes = (chain: readonly ReleaseAttempt[]): string[] =>
    chain.map(({ step, outcome }) => `${step} ${outcome}`);

  it("tells what would happen and does none of it", async () => {
    const { maven, cache, dir } = await setUp();
    const env = maven.env;
    expect(outcomes(await explainRelease({ version, env }))).toEqual([
      "home miss",
      "cache miss",
      "archive miss",
      "maven possible",
      "asf-archive miss",
    ]);
    expect(await listFilesBelow(cache)).toEqual([]);
    await provisionRelease({ version, env });
    expect(outcomes(await explainRelease({ version, env }))).toEqual([
      "home miss",
      "cache available",
      "archive not-reached",
      "maven not-reached",
      "asf-archive not-reached",
    ]);
    const home = await writeTree(join(dir, "home"), releaseFiles(version));
    expect(outcomes(await explainRelease({ version, env: { ...env, ZK_LAB_HOME: home } }))[0]).toBe(
      "home available",
    );
    expect(await maven.calls()).toHaveLength(1);
  });

  it("knows the tarballs whose digest is pinned, and an archive that is there", async () => {
    const { maven, dir } = await setUp();
    await mkdir(join(dir, "x"));
    await writeFile(join(dir, "x", "zookeeper-3.4.6.tar.gz"), "not looked into");
    const env = {
      ...maven.env,
      ZK_LAB_ARCHIVE: join(dir, "x", "zookeeper-3.4.6.tar.gz"),
      ZK_LAB_MVN: "/nowhere",
    };
    const chain = await explainRelease({ env });
    expect(outcomes(chain)).toEqual([
      "home miss",
      "cache miss",
      "archive possible",
      "maven miss",
      "asf-archive possible",
    ]);
    expect(chain.at(-1)!.reason).toMatch(/zookeeper-3\.4\.6\/zookeeper-3\.4\.6\.tar\.gz would be downloaded/);
    const offline = await explainRelease({ env: { ...env, ZK_LAB_OFFLINE: "1" } });
    expect(outcomes(offline).slice(3)).toEqual(["maven miss", "asf-archive miss"]);
  });

  it("tells a step that cannot be looked at like any other miss", async () => {
    const { maven, dir } = await setUp();
    await writeFile(join(dir, "cache"), "a file where a folder should be");
    const env = { ...maven.env, ZK_LAB_HOME: join(dir, "gone"), ZK_LAB_ARCHIVE: dir, ZK_LAB_SHA512: "beef" };
    const chain = await explainRelease({ version, env });
    expect(outcomes(chain)).toEqual([
      "home miss",
      "cache miss",
      "archive miss",
      "maven possible",
      "asf-archive miss",
    ]);
    expect(chain.map(({ reason }) => reason).join("\n")).toMatch(
      /is not a directory.*is no file.*128 hexadecimal/s,
    );
  });
});
