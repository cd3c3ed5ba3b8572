// `pnpm test:contract`: how a ZooKeeper behaves as its clients see it, on real servers, on the model, or on both. Real servers
// are processes, or containers.
//
// Ends with a table of what each backend showed. The very last line on stdout is `N passed, N failed`, over all backends;
// the exit code is 0 only when every one was green and showed the same behaviours, and 2 for a command that makes no sense.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const backends = /** @type {const} */ (["process", "docker", "memory"]);
/** Asked when none is named: who has no container engine misses nothing that a client could see. */
const usual = /** @type {const} */ (["process", "memory"]);
/** The only release of which there is a model. */
const modelVersion = "3.4.6";

const help = `pnpm test:contract [--backend process|docker|memory] [--version V] [arguments of vitest]

Runs the contract suite: every behaviour of a ZooKeeper that a client can see, field by field. Where real servers and the
model differ, the real ones are right.

  --backend B   process: real servers, run by zkServer.sh; docker: the same in containers; memory: the model inside this
                process. Default: process, then memory
  --version V   release of the real servers, default ${modelVersion}. The suite tells how ${modelVersion} behaves, so others show where
                they differ. The model is one of ${modelVersion} alone
  --help        say this

Everything else goes to vitest, for example: pnpm test:contract --backend memory -t watches
ZK_LAB_TIME_SCALE=2 doubles every limit on a slow machine.
`;

const { chosen, version, filters } = parse(process.argv.slice(2));
const root = fileURLToPath(new URL("..", import.meta.url));
// A stand-in for vitest lets this program's own tests play every way in which a run can end.
const vitest = process.env["ZK_CONTRACT_VITEST"] ?? join(root, "node_modules/vitest/vitest.mjs");
const folder = mkdtempSync(join(tmpdir(), "zk-contract-"));

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
/** @type {string[]} */
const lines = [];
/** @type {Set<number>} */
const sizes = new Set();
for (const backend of chosen) {
  if (stopped !== undefined) break;
  const started = performance.now();
  const result = await runOn(backend);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  passed += result.passed;
  failed += result.failed;
  sizes.add(result.passed + result.failed);
  lines.push(
    `${backend.padEnd(8)} ${result.failed === 0 ? "green" : "RED  "} ${result.passed} passed, ${result.failed} failed (${seconds} s)`,
  );
  if (result.problem !== undefined) process.stderr.write(`${backend}: ${result.problem}\n`);
}
rmSync(folder, { recursive: true, force: true });
if (failed === 0 && sizes.size > 1) {
  process.stderr.write("The backends were not asked for the same behaviours.\n");
  failed = 1;
}
if (stopped !== undefined) {
  process.stderr.write(`\nStopped by ${stopped}.\n`);
  failed = Math.max(failed, 1);
}
process.exitCode = failed === 0 ? 0 : 1;
process.stdout.write(`\n${lines.join("\n")}\n\n${passed} passed, ${failed} failed\n`);

/**
 * Runs vitest for one backend.
 * @param {string} backend
 * @returns {Promise<{ readonly passed: number, readonly failed: number, readonly problem: string | undefined }>}
 */
async function runOn(backend) {
  const countsFile = join(folder, `${backend}.json`);
  const file = `lab/contract/tests/${backend}.test.ts`;
  const project = backend === "docker" ? "docker" : "contract";
  const status = await new Promise((resolve) => {
    child = spawn(process.execPath, [vitest, "run", "--project", project, file, ...filters], {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        ZK_TEST_COUNTS: countsFile,
        ...(version === undefined ? {} : { ZK_CONTRACT_VERSION: version }),
      },
    });
    child.once("error", (error) => {
      process.stderr.write(`${vitest}: ${error.message}\n`);
      resolve(1);
    });
    child.once("close", (code) => resolve(code ?? 1));
  });
  const counts = read(countsFile);
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
 * @returns {{ readonly chosen: readonly string[], readonly version: string | undefined, readonly filters: readonly string[] }}
 */
function parse(words) {
  /** @type {string | undefined} */
  let backend;
  /** @type {string | undefined} */
  let release;
  /** @type {string[]} */
  const others = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--help" || word === "-h") {
      process.stdout.write(help);
      process.exit(0);
    }
    // `pnpm test:contract -- -t watches` is what npm has taught; vitest would take what follows for a file name.
    if (word === "--") continue;
    const [name, ...values] = word.split("=");
    if (name !== "--backend" && name !== "--version") {
      others.push(word);
      continue;
    }
    const value = values.length > 0 ? values.join("=") : rest.shift();
    const shown = value === undefined ? "nothing" : JSON.stringify(value);
    if (name === "--backend") {
      if (!backends.some((known) => known === value))
        refuse(`--backend takes ${backends.join(", ")}, not ${shown}`);
      backend = value;
    } else {
      if (value === undefined || !/^\d+\.\d+\.\d+$/.test(value))
        refuse(`--version takes a release such as ${modelVersion}, not ${shown}`);
      release = value;
    }
  }
  const isOther = release !== undefined && release !== modelVersion;
  if (isOther && backend === "memory")
    refuse(`--version ${release} has no model: --backend memory is one of ${modelVersion} alone`);
  // The model has nothing to say about other releases.
  const all = isOther ? ["process"] : usual;
  return { chosen: backend === undefined ? all : [backend], version: release, filters: others };
}

/**
 * @param {string} reason
 * @returns {never}
 */
function refuse(reason) {
  process.stderr.write(`${reason}\n\n${help}`);
  process.exit(2);
}
