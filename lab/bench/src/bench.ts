/** `pnpm bench`: a server, the runs, the table. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { createClient } from "@zk/client";
import { type Ensemble, isLabError, startEnsemble } from "@zk/lab";
import { type BenchOptions, parseOptions, UsageError, usage } from "./options.js";
import { type Run, runRounds } from "./rounds.js";
import { cpuMicrosPerOp, opsPerSecond, rowsOf, tableOf } from "./summary.js";
import { VALUE_BYTES } from "./types.js";

const CONNECT_TIMEOUT_MS = 5000;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** As the lab's commands: what is needed to run servers is not there. */
const EXIT_UNAVAILABLE = 69;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: BenchOptions | "help";
  try {
    options = parseOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return EXIT_USAGE;
  }
  if (options === "help") {
    process.stdout.write(usage);
    return 0;
  }
  try {
    await bench(options);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    const isMissing = isLabError(error) && (error.code === "NO_JAVA" || error.code === "NO_RELEASE");
    return isMissing ? EXIT_UNAVAILABLE : EXIT_FAILED;
  }
}

async function bench(options: BenchOptions): Promise<void> {
  // Before minutes of work, not after.
  if (options.json !== undefined && options.json !== "-") writeFileSync(options.json, "", { flag: "a" });
  if (options.profileDir !== undefined) mkdirSync(options.profileDir, { recursive: true });
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  await using ensemble = options.server === undefined ? await startEnsemble({ onProgress: say }) : undefined;
  const server = options.server ?? (await leaderOf(ensemble!));
  const { host, port } = server;
  say(
    `${ensemble === undefined ? "using" : `3 servers of ${ensemble.version}; using the leader,`} ${host}:${port}`,
  );
  say(`Node ${process.version} on ${cpus().length} x ${cpus()[0]?.model ?? "an unknown processor"}`);

  const runs = await withZnode(server, (path) =>
    runRounds({ ...options, host, port, path }, (run) => say(lineOf(run))),
  );

  const json = `${JSON.stringify(rowsOf(runs), null, 2)}\n`;
  if (options.json === "-") process.stdout.write(json);
  else if (options.json !== undefined) writeFileSync(options.json, json);
  const out = options.json === "-" ? process.stderr : process.stdout;
  out.write(`\n${tableOf(runs)}\n`);
}

/** All the work goes to one server, so that both clients ask the same; to the leader, where a write has no detour. */
async function leaderOf(ensemble: Ensemble): Promise<{ readonly host: string; readonly port: number }> {
  const leader = await ensemble.leader();
  const { host, clientPort } = ensemble.servers.find(({ id }) => id === leader)!;
  return { host, port: clientPort };
}

async function withZnode<T>(
  { host, port }: { readonly host: string; readonly port: number },
  work: (path: string) => Promise<T>,
): Promise<T> {
  await using client = createClient(`${host.includes(":") ? `[${host}]` : host}:${port}`);
  await client.connect({ timeoutMs: CONNECT_TIMEOUT_MS });
  const path = `/zk-bench-${process.pid}`;
  await client.create(path, new Uint8Array(VALUE_BYTES));
  try {
    return await work(path);
  } finally {
    await client.remove(path);
  }
}

function lineOf(run: Run): string {
  const { work, window, client } = run.job;
  const ops = `${opsPerSecond(run).toFixed(0)} ops/s`.padStart(14);
  const cpu = `${cpuMicrosPerOp(run).toFixed(2)} µs/op`.padStart(14);
  return `${work} ${String(window).padStart(4)} ${client.padEnd(4)} ${ops} ${cpu}`;
}
