// What `pnpm test:contract` makes of its arguments and of the ways in which its runs can end. A stand-in for vitest plays them.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("./test-contract.mjs", import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zk-test-contract-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the program with a stand-in whose body knows `backend`, `counts(passed, failed)` and its arguments. */
async function contract(
  args: readonly string[],
  body = "console.log(process.argv.slice(2).join(' ')); counts(5, 0);",
): Promise<{ code: number | null; lines: string[]; out: string; errors: string }> {
  const standIn = join(folder, "vitest.mjs");
  writeFileSync(
    standIn,
    `import { writeFileSync } from "node:fs";
    const backend = process.argv.some((each) => each.includes("memory.test")) ? "memory" : "process";
    const counts = (passed, failed) => writeFileSync(process.env["ZK_TEST_COUNTS"], JSON.stringify({ passed, failed, skipped: 0 }));
    ${body}`,
  );
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, ZK_CONTRACT_VITEST: standIn, TMPDIR: folder },
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

describe("pnpm test:contract", () => {
  it("asks real servers and then the model, and adds up", async () => {
    const { code, lines } = await contract([]);
    expect(lines.slice(0, 2)).toEqual([
      "run --project contract lab/contract/tests/process.test.ts",
      "run --project contract lab/contract/tests/memory.test.ts",
    ]);
    expect(lines.at(-1)).toBe("10 passed, 0 failed");
    expect(code).toBe(0);
  });

  it("asks one backend alone, and hands on what is vitest's", async () => {
    const { code, lines } = await contract(["--", "--backend", "memory", "-t", "watches"]);
    expect(lines[0]).toBe("run --project contract lab/contract/tests/memory.test.ts -t watches");
    expect(lines.at(-1)).toBe("5 passed, 0 failed");
    expect(code).toBe(0);
  });

  it("asks servers in containers when told so, with the tests that need an engine", async () => {
    const { code, lines } = await contract(["--backend=docker"]);
    expect(lines[0]).toBe("run --project docker lab/contract/tests/docker.test.ts");
    expect(lines.at(-1)).toBe("5 passed, 0 failed");
    expect(code).toBe(0);
  });

  it("asks real servers of another release, of which there is no model", async () => {
    const body = "console.log(backend, process.env['ZK_CONTRACT_VERSION']); counts(5, 0);";
    const { lines } = await contract(["--version=3.4.14"], body);
    expect(lines[0]).toBe("process 3.4.14");
    expect(lines.at(-1)).toBe("5 passed, 0 failed");
    const refused = await contract(["--version", "3.4.14", "--backend", "memory"]);
    expect(refused.code).toBe(2);
    expect(refused.errors).toContain("--version 3.4.14 has no model");
  });

  it("goes on with the model when real servers are red, and is red", async () => {
    const body = "if (backend === 'process') { counts(4, 1); process.exit(1); } counts(5, 0);";
    const { code, lines } = await contract([], body);
    expect(lines.some((line) => /^process +RED +4 passed, 1 failed/.test(line))).toBe(true);
    expect(lines.some((line) => /^memory +green +5 passed, 0 failed/.test(line))).toBe(true);
    expect(lines.at(-1)).toBe("9 passed, 1 failed");
    expect(code).toBe(1);
  });

  it("is red when the backends were asked for different behaviours", async () => {
    const { code, lines, errors } = await contract([], "counts(backend === 'memory' ? 4 : 5, 0);");
    expect(errors).toContain("not asked for the same behaviours");
    expect(lines.at(-1)).toBe("9 passed, 1 failed");
    expect(code).toBe(1);
  });

  it("is red when no test ran, and when the runner died", async () => {
    expect((await contract(["--backend", "memory"], "counts(0, 0);")).errors).toContain("No test ran");
    const died = await contract(["--backend", "memory"], "counts(3, 0); process.exit(7);");
    expect(died.errors).toContain("ended with exit code 7");
    expect(died.lines.at(-1)).toBe("3 passed, 1 failed");
    expect(died.code).toBe(1);
  });

  it("explains itself", async () => {
    const { code, out } = await contract(["--help"]);
    expect(out).toContain("--backend B");
    expect(code).toBe(0);
  });

  it.each([
    [["--backend", "cloud"], '--backend takes process, docker, memory, not "cloud"'],
    [["--backend"], "--backend takes process, docker, memory, not nothing"],
    [["--version", "new"], '--version takes a release such as 3.4.6, not "new"'],
    [["--version="], '--version takes a release such as 3.4.6, not ""'],
  ])("refuses %j", async (args, message) => {
    const { code, errors } = await contract(args);
    expect(code).toBe(2);
    expect(errors).toContain(message);
  });
});
