import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CountedModule, countTests } from "./count-reporter.js";

const root = fileURLToPath(new URL("..", import.meta.url));

function moduleOf(state: string, ...tests: string[]): CountedModule {
  return {
    state: () => state,
    children: { allTests: () => tests.map((test) => ({ result: () => ({ state: test }) })) },
  };
}

describe("countTests", () => {
  it("adds up all modules", () => {
    const modules = [
      moduleOf("passed", "passed", "passed"),
      moduleOf("failed", "passed", "failed", "skipped"),
    ];
    expect(countTests(modules, 0)).toEqual({ passed: 3, failed: 1, skipped: 1 });
  });
  it("counts a module that does not load, or whose hook throws, as a failure", () => {
    expect(countTests([moduleOf("failed")], 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countTests([moduleOf("failed", "skipped", "skipped")], 0)).toEqual({
      passed: 0,
      failed: 1,
      skipped: 2,
    });
    expect(countTests([moduleOf("failed", "passed")], 0)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });
  it("counts unhandled errors, and tests that never came to an end", () => {
    expect(countTests([moduleOf("passed", "passed")], 2)).toEqual({ passed: 1, failed: 2, skipped: 0 });
    expect(countTests([moduleOf("pending", "passed", "pending")], 0)).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
    });
  });
});

describe("a real run", () => {
  const project = mkdtempSync(join(tmpdir(), "zk-count-"));
  const reporter = join(root, "tools/count-reporter.ts");
  const head = 'import { it } from "vitest";\n';

  beforeAll(() => {
    symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
    const config = `import { CountReporter } from ${JSON.stringify(reporter)};
export default { test: { reporters: ["default", new CountReporter()] } };`;
    writeFileSync(join(project, "package.json"), '{ "type": "module" }');
    writeFileSync(join(project, "vitest.config.ts"), config);
    writeFileSync(join(project, "good.test.ts"), `${head}it("a", () => {}); it("b", () => {});`);
    writeFileSync(join(project, "bad.test.ts"), `${head}it("a", () => { throw new Error("no"); });`);
    writeFileSync(join(project, "unloadable.test.ts"), `${head}import "./missing.js"; it("a", () => {});`);
    const stray = `${head}it("a", () => { void Promise.reject(new Error("stray")); });`;
    writeFileSync(join(project, "stray.test.ts"), stray);
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  function run(files: string[], env: Record<string, string> = {}): { status: number | null; last: string } {
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const { ZK_TEST_COUNTS: _, ...outer } = process.env;
    const result = spawnSync(process.execPath, [vitest, "run", ...files], {
      cwd: project,
      encoding: "utf8",
      env: { ...outer, ...env },
    });
    return { status: result.status, last: result.stdout.trimEnd().split("\n").at(-1) ?? "" };
  }

  it.each([
    { files: ["good"], last: "2 passed, 0 failed", status: 0 },
    { files: ["good", "bad"], last: "2 passed, 1 failed", status: 1 },
    { files: ["good", "unloadable"], last: "2 passed, 1 failed", status: 1 },
    { files: ["stray"], last: "1 passed, 1 failed", status: 1 },
  ])("$files ends with $last", ({ files, last, status }) => expect(run(files)).toEqual({ last, status }));

  it("leaves the last line to `pnpm test` when that asks for the figures", () => {
    const counts = join(project, "counts.json");
    const { last } = run(["good", "bad"], { ZK_TEST_COUNTS: counts });
    expect(last).not.toMatch(/passed, /);
    expect(JSON.parse(readFileSync(counts, "utf8"))).toEqual({ passed: 2, failed: 1, skipped: 0 });
  });
});

describe("the pnpm file", () => {
  const folder = mkdtempSync(join(tmpdir(), "zk-pnpmfile-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("ends a failed first install with what to do", () => {
    execFileSync("cp", [join(root, ".pnpmfile.cjs"), folder]);
    const fail = 'process.argv.splice(1, 0, "pnpm"); require("./.pnpmfile.cjs"); process.exit(1);';
    const { ZK_TOOLKIT_PNPM: _, ...env } = process.env;
    const say = (command: string, more: Record<string, string> = {}) =>
      spawnSync(process.execPath, ["-e", fail, command], {
        cwd: folder,
        encoding: "utf8",
        env: { ...env, ...more },
      }).stderr;
    expect(say("test")).toContain("run the same command again");
    expect(say("install")).toContain("run the same command again");
    // The install that `pnpm test` starts leaves the words to it.
    expect(say("install", { ZK_TOOLKIT_PNPM: "1" })).toBe("");
    execFileSync("mkdir", ["-p", join(folder, "node_modules")]);
    writeFileSync(join(folder, "node_modules/.pnpm-workspace-state-v1.json"), "{}");
    // Everything is installed: a command that fails has its own words, but an install that fails has these.
    expect(say("test")).toBe("");
    expect(say("install", { ZK_TOOLKIT_PNPM: "1" })).toContain("run the same command again");
  });
});
