// The whole benchmark as `pnpm bench` runs it, for a moment: that it works and what it writes. How fast anything is, is not
// for a test to say.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Ensemble, startEnsemble } from "@zk/lab";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function node(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

const bench = (...args: string[]): Promise<Outcome> => node("lab/bench/dist/bench.js", ...args);

const nodes = async (): Promise<number | null> => (await ensemble.status()).servers[0]!.nodes;

let ensemble: Ensemble;
let folder: string;

beforeAll(async () => {
  // As `pnpm bench` does first: the processes of the runs are what was built, and must not be what was built once.
  expect(await node("tools/build.mjs", "lab/bench")).toMatchObject({ code: 0 });
  folder = await mkdtemp(join(tmpdir(), "zk-bench-"));
  ensemble = await startEnsemble({ servers: 1 });
});

afterAll(async () => {
  await ensemble?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe("pnpm bench", () => {
  it("writes a row for each work, window and client", async () => {
    const file = join(folder, "rows.json");
    const outcome = await bench(
      ...["--servers", ensemble.connectionString, "--json", file],
      ...["--rounds", "1", "--seconds", "0.1", "--warm-up", "0.2"],
    );
    expect(outcome).toMatchObject({ code: 0 });
    const rows = JSON.parse(await readFile(file, "utf8"));
    const expected = ["get", "set"].flatMap((work) =>
      [1, 100, 1000].flatMap((window) => ["bare", "zk"].map((client) => ({ work, window, client }))),
    );
    expect(rows).toEqual(
      expected.map((row) => ({
        ...row,
        opsPerSecond: expect.any(Number),
        cpuMicrosPerOp: expect.any(Number),
      })),
    );
    for (const { opsPerSecond, cpuMicrosPerOp } of rows) {
      expect(opsPerSecond).toBeGreaterThan(0);
      expect(cpuMicrosPerOp).toBeGreaterThan(0);
    }
    expect(outcome.stdout).toMatch(/^set +1000 +zk /m);
  });

  it("keeps stdout for the rows when they go there, and leaves nothing on the server", async () => {
    const before = await nodes();
    const outcome = await bench(
      ...["--servers", ensemble.connectionString, "--json", "-", "--work", "get", "--windows", "2"],
      ...["--rounds", "2", "--seconds", "0.05", "--warm-up", "0"],
    );
    expect(outcome).toMatchObject({ code: 0 });
    expect(JSON.parse(outcome.stdout)).toHaveLength(2);
    expect(await nodes()).toBe(before);
  });

  it("says what it does not understand, and ends with 2", async () => {
    const outcome = await bench("--faster");
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain("--faster");
    expect(outcome.stderr).toContain("Usage: pnpm bench");
  });

  it("says which server does not answer, and ends with 1", async () => {
    const { clientPort } = ensemble.servers[0]!;
    await ensemble.kill(1);
    const outcome = await bench("--servers", `127.0.0.1:${clientPort}`, "--seconds", "0.1");
    await ensemble.start(1);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(`127.0.0.1:${clientPort}`);
  });
});
