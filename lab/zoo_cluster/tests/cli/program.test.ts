// The program as a process of its own, as `pnpm lab:…` runs it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "../../src/release/run-command.js";
import { waitFor } from "../../src/wait.js";
import { pidsOf, waitForNoServers } from "../ensemble/processes.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const program = join(root, "lab/zoo_cluster/dist/cli/main.js");
const name = `program${process.pid}`;
let dir: string;
let where: string[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "zk-lab-program-"));
  where = ["--name", name, "--dir", dir];
  const build = await runCommand(process.execPath, [join(root, "tools/build.mjs"), "lab/zoo_cluster"], {
    env: process.env,
    timeoutMs: 120_000,
  });
  expect(build).toMatchObject({ status: 0 });
});
afterEach(async () => {
  await finish(lab("down"));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

function lab(word: string, ...more: string[]): ChildProcess {
  return spawn(process.execPath, [program, word, ...more, ...where], { stdio: ["ignore", "pipe", "pipe"] });
}

async function finish(
  child: ChildProcess,
): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const texts = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    texts.stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    texts.stderr += chunk;
  });
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, ...texts };
}

/** Resolves when the program says something that matches, on stderr. */
async function said(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = "";
  child.stderr?.on("data", (chunk) => {
    text += chunk;
  });
  await waitFor({
    what: `the words ${pattern}`,
    timeoutMs: 30_000,
    look: () => (pattern.test(text) ? true : undefined),
  });
}

describe("the program", () => {
  it("leaves its lab running when it has ended", async () => {
    const up = await finish(lab("up", "--json"));
    expect(up).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(up.stdout)).toMatchObject({ status: { state: "up" } });
    const pids = pidsOf(name);
    expect(pids).toHaveLength(3);
    expect(await finish(lab("status", "--json"))).toMatchObject({ exitCode: 0, stderr: "" });
    expect(pidsOf(name)).toEqual(pids);
    expect(await finish(lab("down"))).toMatchObject({ exitCode: 0 });
    expect(pidsOf(name)).toEqual([]);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "ends on %s in the middle of up with nothing left behind, and says so",
    async (signal, exitCode) => {
      const up = lab("up", "--json");
      const end = finish(up);
      await said(up, /waiting for a leader/);
      up.kill(signal);
      const ended = await end;
      expect(ended.exitCode).toBe(exitCode);
      expect(ended.stderr).toContain("stopping what was started: server 1, 2, 3");
      expect(ended.stderr).toContain(`error: ended by ${signal}; nothing that was begun is left half done`);
      expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: "INTERRUPTED" } });
      expect(pidsOf(name)).toEqual([]);
    },
  );

  it("can be killed in the middle of up: the next one goes on from there", async () => {
    for (const moment of [/starting server 3/, /waiting for a leader/]) {
      const up = lab("up");
      const end = finish(up);
      await said(up, moment);
      up.kill("SIGKILL");
      await end;
      const again = await finish(lab("up", "--json"));
      expect(again).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(again.stdout)).toMatchObject({ status: { state: "up" } });
      expect(pidsOf(name)).toHaveLength(3);
      expect(await finish(lab("down"))).toMatchObject({ exitCode: 0 });
      await waitForNoServers(name, 1_000);
    }
  });

  it("ends quietly when nobody reads its output any more", async () => {
    expect(await finish(lab("up"))).toMatchObject({ exitCode: 0 });
    const logs = lab("logs", "-n", "1000");
    logs.stdout?.destroy();
    const [exitCode] = (await once(logs, "exit")) as [number];
    expect(exitCode).toBe(0);
  });
});
