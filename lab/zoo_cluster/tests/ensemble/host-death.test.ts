import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { processTable } from "../../src/process/process-table.js";
import { runCommand } from "../../src/release/run-command.js";
import { waitFor } from "../../src/wait.js";
import { pidsOf, waitForNoServers } from "./processes.js";

/** The promise of the library: after the death of its process no server is left for longer. */
const limitMs = 5_000;

const fixtures = fileURLToPath(new URL("./fixtures/", import.meta.url));
const root = fileURLToPath(new URL("../../../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "zk-lab-host-death-"));
let hosts: ChildProcess[] = [];

afterEach(() => {
  for (const host of hosts) host.kill("SIGKILL");
  hosts = [];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(program: string, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const host = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  hosts.push(host);
  return host;
}

function uniqueName(): string {
  return `host-${randomBytes(4).toString("hex")}`;
}

interface Report {
  readonly pid: number;
  readonly dir: string;
}

/** Starts a whole test run that holds an ensemble, and waits until it has come to that stage. */
async function startTestRun(
  stage: string,
  pool: "forks" | "threads",
): Promise<{ host: ChildProcess; name: string; report: Report }> {
  const name = uniqueName();
  const path = join(folder, `${name}.json`);
  const host = run(
    process.execPath,
    [join(root, "node_modules/vitest/vitest.mjs"), "run", "--config", join(fixtures, "vitest.config.ts")],
    {
      FIXTURE_NAME: name,
      FIXTURE_STAGE: stage,
      FIXTURE_REPORT: path,
      FIXTURE_POOL: pool,
    },
  );
  let output = "";
  host.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  const report = await waitFor({
    what: `the test run to be ${stage}`,
    timeoutMs: 60_000,
    look: () => {
      if (host.exitCode !== null) throw new Error(`the test run ended too early:\n${output}`);
      return existsSync(path)
        ? ((JSON.parse(readFileSync(path, "utf8") || "null") as Report | null) ?? undefined)
        : undefined;
    },
  });
  return { host, name, report };
}

describe("when a test run is killed", () => {
  it.each(["forks", "threads"] as const)("leaves no server after 5 s (%s)", async (pool) => {
    const { host, name, report } = await startTestRun("ready", pool);
    expect(pidsOf(name)).toHaveLength(3);
    host.kill("SIGKILL");
    await waitForNoServers(name, limitMs);
    await waitFor({
      what: "the folder to be removed",
      timeoutMs: limitMs,
      look: () => (existsSync(report.dir) ? undefined : true),
    });
  });

  it("leaves no server after 5 s, although one is paused", async () => {
    const { host, name } = await startTestRun("paused", "forks");
    expect(pidsOf(name)).toHaveLength(3);
    host.kill("SIGKILL");
    await waitForNoServers(name, limitMs);
  });

  it("leaves no server after 5 s when its worker alone is killed", async () => {
    const { name, report } = await startTestRun("ready", "forks");
    process.kill(report.pid, "SIGKILL");
    await waitForNoServers(name, limitMs);
  });

  // Each word shows in some process's command line at one moment of a start.
  const moments: [moment: string, word: string][] = [
    ["before the first script runs", "watchdog.mjs"],
    ["while a control script runs", "bin/zkServer.sh"],
    ["while the first server comes up", "-Dzk.lab="],
  ];
  it.each(moments)("leaves no server that was just being started: %s", async (_, word) => {
    const { report, name, host } = await startTestRun("starting", "forks");
    const isOurs = (args: readonly string[]): boolean =>
      args.some((arg) => arg.includes(word)) &&
      (word === "watchdog.mjs" || args.some((arg) => arg.includes(name)));
    await waitFor({
      what: `a process with ${word}`,
      timeoutMs: 20_000,
      intervalMs: 1,
      look: () => (processTable.list().some(({ args }) => isOurs(args)) ? true : undefined),
    });
    process.kill(report.pid, "SIGKILL");
    host.kill("SIGKILL");
    await waitForNoServers(name, limitMs);
    // The watchdog removes the folder and leaves when it has seen no server for a while: until then one could come up.
    await waitFor({
      what: "the watchdog to leave",
      timeoutMs: 10_000,
      look: () =>
        readdirSync(tmpdir()).some((entry) => entry.startsWith(`zk-lab-${name}`)) ? undefined : true,
    });
    expect(pidsOf(name)).toEqual([]);
  });
});

describe("when a program with an ensemble ends", () => {
  beforeAll(async () => {
    await runCommand(process.execPath, [join(root, "tools/build.mjs"), "@zk/lab"], {
      env: process.env,
      timeoutMs: 120_000,
    });
  });

  const ways: [how: string, signal: NodeJS.Signals | null, exitCode: number | null][] = [
    ["return", null, 0],
    ["forget", null, 0],
    ["exit", null, 7],
    ["throw", null, 1],
    ["signal", "SIGINT", null],
    ["signal", "SIGTERM", null],
    ["signal", "SIGHUP", null],
  ];
  it.each(ways)("leaves neither server nor folder (%s %s)", async (how, signal, exitCode) => {
    const name = uniqueName();
    const host = run(process.execPath, [join(fixtures, "host.mjs"), how, name]);
    const exited = once(host, "exit");
    const [line] = (await once(host.stdout!, "data")) as [Buffer];
    const { dir } = JSON.parse(line.toString()) as { dir: string };
    if (signal !== null) {
      expect(pidsOf(name)).toHaveLength(3);
      host.kill(signal);
    }
    // The program's own way to end is not changed by the library.
    expect(await exited).toEqual([exitCode, signal]);
    await waitForNoServers(name, limitMs);
    await waitFor({
      what: "the folder to be removed",
      timeoutMs: limitMs,
      look: () => (existsSync(dir) ? undefined : true),
    });
  });
});
