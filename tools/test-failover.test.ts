// What `pnpm test:failover` makes of the ways in which its runs can end. A stand-in for vitest plays each of them.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { outageOf, outageTable } from "./outage-table.mjs";

const script = fileURLToPath(new URL("./test-failover.mjs", import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zk-test-failover-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the program with a stand-in whose body knows `run` (from 1), `counts(passed, failed)` and its arguments. */
async function failover(
  args: readonly string[],
  body: string,
): Promise<{ code: number | null; lines: string[]; out: string; errors: string }> {
  const standIn = join(folder, "vitest.mjs");
  writeFileSync(
    standIn,
    `import { existsSync, readFileSync, writeFileSync } from "node:fs";
    const memory = ${JSON.stringify(join(folder, "runs"))};
    const run = existsSync(memory) ? Number(readFileSync(memory, "utf8")) + 1 : 1;
    writeFileSync(memory, String(run));
    const counts = (passed, failed) => writeFileSync(process.env["ZK_TEST_COUNTS"], JSON.stringify({ passed, failed, skipped: 0 }));
    ${body}`,
  );
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, ZK_FAILOVER_VITEST: standIn, TMPDIR: folder },
  });
  let out = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, lines: out.trimEnd().split("\n"), out, errors };
}

describe("pnpm test:failover", () => {
  it("runs the suite once, hands on what is vitest's, and leaves nothing behind", async () => {
    const { code, lines } = await failover(
      ["--", "-t", "leader", "--bail", "1"],
      "console.log(process.argv.slice(2).join(' ')); counts(7, 0);",
    );
    expect(lines[0]).toBe("run --project failover -t leader --bail 1");
    expect(lines.at(-1)).toBe("7 passed, 0 failed");
    expect(lines).toContain("1 of 1 runs green");
    expect(code).toBe(0);
    expect(existsSync(join(folder, "runs"))).toBe(true);
  });

  it("repeats it, and tells the figures of all runs together", async () => {
    const body =
      "console.log('outage: leader killed: ' + [300, 100, 200, 1000][run - 1] + ' ms'); counts(2, 0);";
    const { code, lines } = await failover(["--repeat", "4"], body);
    expect(readFileSync(join(folder, "runs"), "utf8")).toBe("4");
    expect(lines.find((line) => line.startsWith("leader killed"))?.split(/ {2,}/)).toEqual([
      "leader killed",
      "4",
      "100",
      "250",
      "1000",
    ]);
    expect(lines).toContain("4 of 4 runs green");
    expect(lines.at(-1)).toBe("8 passed, 0 failed");
    expect(code).toBe(0);
  });

  it("stops at the first red run and keeps its output", async () => {
    const body = "console.log('hear me'); if (run === 3) { counts(1, 1); process.exit(1); } counts(2, 0);";
    const { code, lines, out } = await failover(["--repeat=9"], body);
    expect(readFileSync(join(folder, "runs"), "utf8")).toBe("3");
    const log = /run 3 of 9: RED, 1 passed, 1 failed .*; its output: (.*)/.exec(out)?.[1] ?? "";
    expect(readFileSync(log, "utf8")).toBe("hear me\n");
    expect(lines).toContain("2 of 9 runs green");
    expect(lines.at(-1)).toBe("5 passed, 1 failed");
    expect(code).toBe(1);
  });

  it("takes neither a runner that died nor one that ran nothing for green", async () => {
    const died = await failover([], "process.exit(134);");
    expect(died.lines.at(-1)).toBe("0 passed, 1 failed");
    expect(died.errors).toContain("exit code 134");
    expect(died.code).toBe(1);
    const killed = await failover([], "counts(3, 0); process.kill(process.pid, 'SIGKILL');");
    expect(killed.lines.at(-1)).toBe("3 passed, 1 failed");
    const idle = await failover([], "counts(0, 0);");
    expect(idle.errors).toContain("No test ran");
    expect(idle.code).toBe(1);
  });

  it.each(["--repeat", "--repeat 0", "--repeat two", "--repeat=-1", "--repeat=", "--repeat 1.5"])(
    "refuses %s with exit code 2 and runs nothing",
    async (words) => {
      const { code, errors } = await failover(words.split(" "), "");
      expect(code).toBe(2);
      expect(errors).toMatch(/--repeat takes a whole number/);
      expect(existsSync(join(folder, "runs"))).toBe(false);
    },
  );

  it("hands the kind of servers on, and refuses one that there is not", async () => {
    const body = "console.log(process.env['ZK_FAILOVER_BACKEND']); counts(1, 0);";
    expect((await failover([], body)).out).toContain("process\n");
    expect((await failover(["--backend", "docker"], body)).out).toContain("docker\n");
    for (const words of [["--backend", "memory"], ["--backend="], ["--backend"]]) {
      const { code, errors } = await failover(words, body);
      expect(code).toBe(2);
      expect(errors).toContain("--backend takes process or docker");
    }
  });

  it("says what it can do", async () => {
    const { code, out } = await failover(["--repeat", "3", "--help"], "");
    expect(code).toBe(0);
    expect(out).toContain("--repeat N");
    expect(existsSync(join(folder, "runs"))).toBe(false);
  });
});

describe("outages", () => {
  it("are read from lines of their own, coloured or not", () => {
    expect(outageOf("outage: a: b: 12 ms")).toEqual({ what: "a: b", ms: 12 });
    expect(outageOf("\u001b[22m\u001b[39moutage: killed: 3 ms")).toEqual({ what: "killed", ms: 3 });
    for (const line of ["an outage: x: 1 ms", "outage: x: soon", "outage: x: 1.5 ms", ""])
      expect(outageOf(line)).toBe(undefined);
  });

  it("have a median also of an even number of runs", () => {
    const table = outageTable(
      new Map([
        ["one", [5]],
        ["two", [1, 4]],
        ["three", [9, 1, 3]],
      ]),
    );
    expect(table.split("\n").map((row) => row.split(/ {2,}/))).toEqual([
      ["outage", "runs", "min", "median", "max"],
      ["one", "1", "5", "5", "5"],
      ["two", "2", "1", "3", "4"],
      ["three", "3", "1", "3", "9"],
    ]);
  });
});
