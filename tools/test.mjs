// `pnpm test`: build, type-check, lint, then every test. Arguments go to vitest: `pnpm test packages/client -t watch`.
//
// Tests on servers in containers run where there is an engine for them, and otherwise a line says that they did not.
//
// The tests run even when a check before them fails, so that one run tells everything, but each failed check counts as a
// failure. The very last line on stdout is always `N passed, N failed`, and the exit code is 0 only when it says 0 failed.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lookForContainers } from "./containers.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "zk-test-"));
const countsFile = join(scratch, "counts.json");

/** @type {string | undefined} */
let stopped;
/** @type {import("node:child_process").ChildProcess | undefined} */
let child;
// A terminal's Ctrl-C reaches the child by itself; a signal to this process alone has to be handed on.
process.on("SIGINT", () => {
  stopped = "SIGINT";
});
process.on("SIGTERM", () => {
  stopped = "SIGTERM";
  child?.kill("SIGTERM");
});

/**
 * @param {string} script a JavaScript file for this Node
 * @param {string[]} args
 * @returns {Promise<number>} the exit code; a signal counts as 1
 */
function node(script, args) {
  return new Promise((resolve) => {
    child = spawn(process.execPath, [join(root, script), ...args], {
      cwd: root,
      // Nothing may wait for a person: no step reads from the terminal.
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ZK_TEST_COUNTS: countsFile },
    });
    child.once("error", (error) => {
      process.stderr.write(`${script}: ${error.message}\n`);
      resolve(1);
    });
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** @returns {{ passed: number, failed: number }} what the reporter wrote, or nothing when the runner died before */
function counts() {
  try {
    return JSON.parse(readFileSync(countsFile, "utf8"));
  } catch {
    return { passed: 0, failed: 0 };
  }
}

/** @type {string[]} */
const failedChecks = [];
/** @type {Array<[name: string, script: string, args: string[]]>} */
const checks = [
  ["build", "tools/build.mjs", []],
  ["typecheck", "node_modules/typescript/bin/tsc", ["-b", "--pretty", "false"]],
  [
    "lint",
    "node_modules/@biomejs/biome/bin/biome",
    ["ci", `--colors=${process.stdout.isTTY ? "force" : "off"}`, "--error-on-warnings", "."],
  ],
];
for (const [name, script, args] of checks) {
  if (stopped) break;
  // The type check begins with what the build does and would only say the same again.
  if (name === "typecheck" && failedChecks.includes("build")) continue;
  const started = performance.now();
  const status = await node(script, args);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (status !== 0) failedChecks.push(name);
  process.stdout.write(`${name}: ${status === 0 ? "ok" : "FAILED"} (${seconds} s)\n`);
}

// `pnpm test -- -t watch` is what npm has taught; vitest would take everything after the dashes for a file name.
const filters = process.argv.slice(2).filter((argument) => argument !== "--");
// A narrow run has no use for an engine, unless it names the tests that need one.
const wantsContainers = filters.length === 0 || filters.some((filter) => filter.includes("docker"));
const containers =
  stopped || failedChecks.includes("build") || !wantsContainers ? undefined : await lookForContainers();
if (containers !== undefined) process.stdout.write(`${containers.line}\n`);
const projects = containers?.can === true ? [] : ["--project=!docker*"];
const status = stopped ? 1 : await node("node_modules/vitest/vitest.mjs", ["run", ...filters, ...projects]);
const { passed, failed: failedTests } = counts();
rmSync(scratch, { recursive: true, force: true });

let failed = failedTests + failedChecks.length;
if (stopped) process.stderr.write(`\nStopped by ${stopped}; the tests did not finish.\n`);
if (failedChecks.length > 0) process.stderr.write(`\nFailed before the tests: ${failedChecks.join(", ")}.\n`);
if (failedTests === 0 && (status !== 0 || stopped)) {
  if (!stopped)
    process.stderr.write(`\nThe test runner ended with exit code ${status} although no test failed.\n`);
  failed += 1;
}
if (passed === 0 && failed === 0) {
  process.stderr.write("\nNo test ran, which proves nothing.\n");
  failed = 1;
}
if (containers?.can === false) process.stdout.write(`\n${containers.line}\n`);
process.exitCode = failed === 0 ? 0 : 1;
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
