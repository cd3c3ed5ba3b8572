// Builds the workspace. Says nothing when all is well and quick, and speaks on stderr only, so that commands with `--json`
// keep stdout for themselves.
//
//   node tools/build.mjs                    everything, through turbo and its cache
//   node tools/build.mjs lab/zoo_cluster    that package and what its tsconfig.build.json stands on, nothing more
//
// Both ways end in the same `tsc -b tsconfig.build.json`, so neither compiles again what the other has built.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pruneDist } from "./prune-dist.mjs";
import { packageDirectories } from "./workspace.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv.slice(2);

const turbo = [join(root, "node_modules/turbo/bin/turbo"), "run", "build", "--output-logs=errors-only"];
const tsc = [join(root, "node_modules/typescript/bin/tsc"), "-b", "--pretty", "false"];

/** Packages whose tests and scripts start the bundled `zk`. */
const bundled = ["packages/cli", "lab/cli"];

/** @param {string[]} directories */
function compile(directories) {
  return run([...tsc, ...directories.map((directory) => `${directory}/tsconfig.build.json`)]);
}

/**
 * @param {string[]} command a script for this Node, then its arguments
 * @returns {Promise<number>} the exit code; what the command said comes out when that is not 0
 */
function run(command) {
  const child = spawn(process.execPath, command, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1", DO_NOT_TRACK: "1" },
  });
  // A first build takes some seconds, and on a busy machine more; to a person silence would look like hanging.
  const isWatched = process.stderr.isTTY;
  const patience = setTimeout(
    () => isWatched && process.stderr.write("Building what has changed ...\n"),
    2_000,
  );
  /** @type {Buffer[]} */
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => said.push(piece));
  return new Promise((resolve) => {
    child.once("error", (error) => said.push(Buffer.from(`${error.message}\n`)));
    child.once("close", (code, signal) => {
      clearTimeout(patience);
      if (code !== 0) process.stderr.write(Buffer.concat(said));
      if (signal) process.stderr.write(`The build was ended by ${signal}.\n`);
      resolve(code === null || code < 0 ? 1 : code);
    });
  });
}

/** Turbo runs each package's script through pnpm and gives up when that is not on the PATH. */
function pnpmIsOnPath() {
  const names = process.platform === "win32" ? ["pnpm.exe", "pnpm.cmd"] : ["pnpm"];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => names.some((name) => existsSync(join(folder, name))));
}

const all = packageDirectories(root);
for (const directory of wanted) {
  if (!all.includes(directory)) {
    process.stderr.write(
      `tools/build.mjs: there is no package "${directory}". Packages: ${all.join(", ")}\n`,
    );
    process.exit(64);
  }
}

const isTurbo = wanted.length === 0 && pnpmIsOnPath();
let status = await (isTurbo ? run(turbo) : compile(wanted.length > 0 ? wanted : all));
// Turbo runs the package's own script, which bundles too.
if (
  status === 0 &&
  !isTurbo &&
  (wanted.length === 0 || wanted.some((directory) => bundled.includes(directory)))
) {
  status = await run([join(root, "tools/bundle-cli.mjs")]);
}
if (status !== 0) {
  process.stderr.write(
    "\nThe build failed; the compiler's own words are above. `pnpm build` runs it alone. If what they say has nothing to do\n" +
      "with your change, `pnpm clean` forgets all build output and caches.\n",
  );
  process.exit(status);
}
for (const directory of all) pruneDist(join(root, directory));
