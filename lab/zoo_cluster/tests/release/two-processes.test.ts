import { type ChildProcess, spawn } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { listFilesBelow } from "../../src/release/files.js";
import { provisionRelease, type Release } from "../../src/release/index.js";
import { compileRelease } from "./compiled-sources.js";
import { fakeMaven, mavenJars, temporaryDirectory } from "./support.js";

const version = "3.4.99";
const program = `
import { provisionRelease } from "./dist/release/index.js";
const onProgress = (line) => console.error(line);
const release = await provisionRelease({ version: process.argv[2], onProgress });
process.stdout.write(JSON.stringify(release));
`;
let compiled: string;

beforeAll(async () => {
  compiled = await compileRelease({ "provision.mjs": program });
  return () => rm(compiled, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ status: number | null; stdout: string; stderr: string }>;
  stderr(): string;
}

function start(env: NodeJS.ProcessEnv): Run {
  const child = spawn(process.execPath, [join(compiled, "provision.mjs"), version], { env });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, ended: ended.then((status) => ({ status, stdout, stderr })), stderr: () => stderr };
}

/** A Maven that waits for the file `go` beside it, so that the test says when it is done. */
const waiting =
  'n=0; while [ ! -e "$(dirname $0)/../go" ] && [ $n -lt 600 ]; do n=$((n+1)); sleep 0.05; done';

describe("processes that need the same release at once", () => {
  it("have it made once, by one of them", async () => {
    const dir = await temporaryDirectory();
    const maven = await fakeMaven(dir, mavenJars(version), waiting);
    const runs = [start(maven.env), start(maven.env), start(maven.env)];
    // Two wait and say for whom; the third goes into Maven.
    await expect
      .poll(() => runs.filter((run) => run.stderr().includes("waiting for process")).length, {
        timeout: 20_000,
      })
      .toBe(2);
    await expect.poll(() => maven.calls(), { timeout: 20_000 }).toHaveLength(1);
    await writeFile(join(dir, "go"), "");
    const results = await Promise.all(runs.map((run) => run.ended));
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0]);
    const releases = results.map(({ stdout }) => JSON.parse(stdout) as Release);
    expect(new Set(releases.map((release) => release.dir)).size).toBe(1);
    expect(releases.map(({ source }) => source).sort()).toEqual(["cache", "cache", "maven"]);
    expect(await maven.calls()).toHaveLength(1);
    expect(await listFilesBelow(join(dir, "cache", "locks"))).toEqual([]);
  });

  it("are not held up by one that was killed in the middle, and sweep what it left", async () => {
    const dir = await temporaryDirectory();
    const maven = await fakeMaven(dir, mavenJars(version), waiting);
    const first = start(maven.env);
    await expect.poll(() => maven.calls(), { timeout: 20_000 }).toHaveLength(1);
    const second = start(maven.env);
    await expect
      .poll(() => second.stderr(), { timeout: 20_000 })
      .toContain(`waiting for process ${first.child.pid}`);
    first.child.kill("SIGKILL");
    await expect.poll(() => maven.calls(), { timeout: 20_000 }).toHaveLength(2);
    expect(second.stderr()).toContain(`its owner (process ${first.child.pid}) is gone`);
    await writeFile(join(dir, "go"), "");
    const { status, stdout } = await second.ended;
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ source: "maven", version });
    expect(await listFilesBelow(join(dir, "cache", "making"))).toEqual([]);
    expect(await provisionRelease({ version, env: maven.env })).toMatchObject({ source: "cache" });
    const record = join(dir, "cache", "releases", `${version}-maven`, ".zk-lab-release.json");
    expect(JSON.parse(await readFile(record, "utf8"))).toMatchObject({ origin: "maven" });
  });
});
