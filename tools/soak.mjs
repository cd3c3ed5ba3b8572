// Runs the survive example for a long time on a real ensemble of its own, and kills a random server every so often.
//
//   pnpm soak --minutes 30 --every 20 --seed 7
//
// Ends with one JSON line of figures on stdout, and with exit code 1 when an acknowledged write was lost or a promise
// rejection was left unhandled.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startEnsemble } from "../lab/zoo_cluster/dist/index.js";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    every: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    version: { type: "string", default: "3.4.6" },
  },
});
const seconds = Number(values.minutes) * 60;
const everyMs = Number(values.every) * 1000;
if (!(seconds > 0) || !(everyMs > 0)) {
  process.stderr.write("--minutes and --every must be numbers above 0\n");
  process.exit(2);
}

const say = (/** @type {string} */ text) => process.stderr.write(`[soak] ${text}\n`);
let state = Number(values.seed) | 0;
const random = (/** @type {number} */ below) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return Math.floor(((state >>> 0) / 4_294_967_296) * below);
};

const ensemble = await startEnsemble({ servers: 3, version: values.version, onProgress: say });
say(
  `${ensemble.connectionString}, ${values.minutes} minutes, a kill every ${values.every} s, seed ${values.seed}`,
);

const { code, kills, printed } = await run().finally(() => ensemble.stop());
const figures = JSON.parse(printed.trim().split("\n").at(-1) ?? "{}");
const outages = [...figures.outagesMs].sort((a, b) => a - b);
const at = (/** @type {number} */ part) =>
  outages[Math.min(outages.length - 1, Math.floor(outages.length * part))] ?? 0;
process.stdout.write(
  `${JSON.stringify({
    seed: Number(values.seed),
    minutes: Number(values.minutes),
    kills,
    ...figures,
    outagesMs: { count: outages.length, median: at(0.5), p95: at(0.95), max: outages.at(-1) ?? 0 },
    heapMiB: { first: figures.heapMiB[0], last: figures.heapMiB.at(-1), max: Math.max(...figures.heapMiB) },
  })}\n`,
);
process.exitCode = code === 0 ? 0 : 1;

async function run() {
  const survive = spawn(
    process.execPath,
    [
      fileURLToPath(new URL("../examples/dist/survive.js", import.meta.url)),
      "--json",
      "--seconds",
      String(seconds),
      "--interval-ms",
      "20",
    ],
    { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ZK_SERVERS: ensemble.connectionString } },
  );
  let printed = "";
  survive.stdout.setEncoding("utf8").on("data", (text) => {
    printed += text;
  });
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => survive.once("exit", resolve));

  let kills = 0;
  let over = false;
  ended.then(() => {
    over = true;
  });
  const endMs = performance.now() + seconds * 1000 - everyMs;
  while (!over) {
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, everyMs))]);
    if (over || performance.now() > endMs) break;
    const victim = ensemble.servers[random(ensemble.servers.length)];
    if (victim === undefined) break;
    say(`kill ${victim.id}`);
    await ensemble.kill(victim.id);
    kills += 1;
    await ensemble.start(victim.id, { timeoutMs: 60_000 });
  }
  return { code: await ended, kills, printed };
}
