// `pnpm test:failover`: the tests that kill, stop and cut off real servers and clients, alone, and as often as wanted.
//
// Ends with a table of the outages that the tests measured. The very last line on stdout is `N passed, N failed`, over all
// runs; the exit code is 0 only when every run was green, and 2 for a command that makes no sense.
import { spawn } from "node:child_process";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { outageOf, outageTable } from "./outage-table.mjs";

const backends = /** @type {const} */ (["process", "docker"]);

const help = `pnpm test:failover [--repeat N] [--backend process|docker] [arguments of vitest]

Runs the failover suite on real ZooKeeper 3.4.6 servers and prints the outages that its tests measured, in milliseconds.

  --repeat N   run it N times (default 1); stop at the first run that is not green and keep its output
  --backend B  process (the default): servers run by zkServer.sh on this machine; docker: each in a container
  --help       say this

Everything else goes to vitest, for example: pnpm test:failover --repeat 5 -t leader
ZK_FAILOVER_SEED=N repeats the random choices of a test, which prints its seed. ZK_LAB_TIME_SCALE=2 doubles every limit on a
slow machine.
`;

const { repeat, backend, filters } = parse(process.argv.slice(2));
const root = fileURLToPath(new URL("..", import.meta.url));
// A stand-in for vitest lets this program's own tests play every way in which a run can end.
const vitest = process.env["ZK_FAILOVER_VITEST"] ?? join(root, "node_modules/vitest/vitest.mjs");
const folder = mkdtempSync(join(tmpdir(), "zk-failover-"));

/** @type {Map<string, number[]>} */
const figures = new Map();
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

let passed = 0;
let failed = 0;
let green = 0;
for (let run = 1; run <= repeat && failed === 0 && stopped === undefined; run += 1) {
  const log = join(folder, `run-${run}.log`);
  const started = performance.now();
  const result = await runOnce(log, join(folder, `counts-${run}.json`));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  passed += result.passed;
  failed += result.failed;
  if (result.failed === 0) green += 1;
  process.stdout.write(
    `\nrun ${run} of ${repeat}: ${result.failed === 0 ? "green" : "RED"}, ${result.passed} passed, ${result.failed} failed (${seconds} s)${result.failed === 0 ? "" : `; its output: ${log}`}\n`,
  );
  if (result.problem !== undefined) process.stderr.write(`${result.problem}\n`);
}
if (stopped !== undefined) process.stderr.write(`\nStopped by ${stopped}.\n`);
if (figures.size > 0) process.stdout.write(`\n${outageTable(figures)}\n`);
process.stdout.write(`\n${green} of ${repeat} runs green\n`);
if (failed === 0) rmSync(folder, { recursive: true, force: true });
process.exitCode = failed === 0 ? 0 : 1;
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);

/**
 * Runs vitest once, with its output here and in a file.
 * @param {string} log
 * @param {string} countsFile
 * @returns {Promise<{ readonly passed: number, readonly failed: number, readonly problem: string | undefined }>}
 */
async function runOnce(log, countsFile) {
  const file = createWriteStream(log);
  const status = await new Promise((resolve) => {
    child = spawn(process.execPath, [vitest, "run", "--project", "failover", ...filters], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        ZK_TEST_COUNTS: countsFile,
        ZK_FAILOVER_BACKEND: backend,
        ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}),
      },
    });
    for (const [stream, out] of /** @type {const} */ ([
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ])) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        out.write(`${line}\n`);
        file.write(`${line}\n`);
        const outage = outageOf(line);
        if (outage !== undefined) figures.set(outage.what, [...(figures.get(outage.what) ?? []), outage.ms]);
      });
    }
    child.once("error", (error) => {
      process.stderr.write(`${vitest}: ${error.message}\n`);
      resolve(1);
    });
    child.once("close", (code) => resolve(code ?? 1));
  });
  await new Promise((resolve) => file.end(() => resolve(undefined)));
  const counts = read(countsFile);
  if (stopped !== undefined)
    return { ...counts, failed: counts.failed + 1, problem: "The run did not finish." };
  if (status !== 0 && counts.failed === 0) {
    const problem = `The test runner ended with exit code ${status} although no test failed.`;
    return { ...counts, failed: 1, problem };
  }
  if (counts.passed === 0 && counts.failed === 0) {
    return { ...counts, failed: 1, problem: "No test ran, which proves nothing." };
  }
  return { ...counts, problem: undefined };
}

/**
 * What the reporter wrote, or nothing when the runner died before.
 * @param {string} countsFile
 * @returns {{ readonly passed: number, readonly failed: number }}
 */
function read(countsFile) {
  try {
    const { passed: good, failed: bad } = JSON.parse(readFileSync(countsFile, "utf8"));
    return { passed: good, failed: bad };
  } catch {
    return { passed: 0, failed: 0 };
  }
}

/**
 * Takes our own words out of the arguments.
 * @param {readonly string[]} words
 */
function parse(words) {
  let times = 1;
  /** @type {string} */
  let chosen = backends[0];
  /** @type {string[]} */
  const others = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--help" || word === "-h") {
      process.stdout.write(help);
      process.exit(0);
    }
    // `pnpm test:failover -- -t leader` is what npm has taught; vitest would take what follows for a file name.
    if (word === "--") continue;
    if (word === "--repeat" || word.startsWith("--repeat=")) {
      const value = word === "--repeat" ? rest.shift() : word.slice("--repeat=".length);
      if (value === undefined || !/^[1-9]\d{0,4}$/.test(value)) {
        process.stderr.write(
          `--repeat takes a whole number from 1 to 99999, not ${value === undefined ? "nothing" : JSON.stringify(value)}\n\n${help}`,
        );
        process.exit(2);
      }
      times = Number(value);
      continue;
    }
    if (word === "--backend" || word.startsWith("--backend=")) {
      const value = word === "--backend" ? rest.shift() : word.slice("--backend=".length);
      if (!backends.some((known) => known === value)) {
        const shown = value === undefined ? "nothing" : JSON.stringify(value);
        process.stderr.write(`--backend takes ${backends.join(" or ")}, not ${shown}\n\n${help}`);
        process.exit(2);
      }
      chosen = value ?? chosen;
      continue;
    }
    others.push(word);
  }
  return { repeat: times, backend: chosen, filters: others };
}
