/**
 * Connects and survives: a small writer that shows each state change while servers die beside it.
 *
 * Every write names the version it replaces, so a write that was acknowledged and then lost would show: the znode would
 * have an older version than the acknowledgement said. A write whose answer was lost is looked up before going on.
 *
 *   pnpm example:survive                       run it, and `pnpm lab:kill leader` in another terminal
 *   pnpm example:survive --seconds 60 --json   end by itself and print the figures
 */
import { parseArgs } from "node:util";
import { type Client, createClient, isZkError } from "@zk/client";
import { SERVERS, untilInterrupted } from "./servers.js";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string" },
    json: { type: "boolean", default: false },
    "interval-ms": { type: "string", default: "50" },
    "session-timeout-ms": { type: "string", default: "6000" },
  },
});

const figures = {
  acknowledged: 0,
  ambiguous: 0,
  ambiguousApplied: 0,
  refused: 0,
  lostAcknowledged: 0,
  expirations: 0,
  stateChanges: 0,
  unhandledRejections: 0,
  outagesMs: [] as number[],
  heapMiB: [] as number[],
};

process.on("unhandledRejection", (reason) => {
  figures.unhandledRejections += 1;
  console.error("unhandled rejection:", reason);
});

const startedMs = performance.now();
const endMs =
  options.seconds === undefined ? Number.POSITIVE_INFINITY : startedMs + Number(options.seconds) * 1000;
const stop = untilInterrupted();
const client = createClient(SERVERS, { sessionTimeoutMs: Number(options["session-timeout-ms"]) });
let suspendedAtMs: number | undefined;

client.on("state", (state, reason) => {
  figures.stateChanges += 1;
  const atMs = performance.now();
  let note = "";
  if (state === "suspended") suspendedAtMs ??= atMs;
  if (state === "connected" && suspendedAtMs !== undefined) {
    const outageMs = Math.round(atMs - suspendedAtMs);
    figures.outagesMs.push(outageMs);
    suspendedAtMs = undefined;
    note = ` after ${outageMs} ms`;
  }
  say(`${state}${note}: ${reason}`);
});

await client.connect({ signal: stop });
const path = `/examples/survive-${client.sessionId.toString(16)}`;
await client.create(path, "0", { createParents: true });
/** The version that the znode has for certain: the last one acknowledged or read. */
let version = 0;
let reportAtMs = startedMs;

while (!stop.aborted && performance.now() < endMs) {
  await writeOnce(client);
  if (performance.now() >= reportAtMs) report();
  await pause(Number(options["interval-ms"]));
}

const { stat } = await client.getData(path);
if (stat.version < version) figures.lostAcknowledged += version - stat.version;
await client.remove(path);
const { confirmed } = await client.close();
report();
if (options.json) console.log(JSON.stringify({ ...figures, closeConfirmed: confirmed }));
if (figures.lostAcknowledged > 0 || figures.unhandledRejections > 0) process.exitCode = 1;

async function writeOnce(client: Client): Promise<void> {
  const payload = `${version + 1}`;
  try {
    check((await client.setData(path, payload, { version })).version, version + 1);
    version += 1;
    figures.acknowledged += 1;
  } catch (error) {
    if (!isZkError(error)) throw error;
    if (error.code === "SESSION_EXPIRED") {
      figures.expirations += 1;
      await client.connect({ timeoutMs: 60_000, signal: stop }).catch(() => {});
    } else if (error.applied === "no") {
      figures.refused += 1;
      say(`not written: ${error.message}`);
    }
    if (error.applied === "maybe") figures.ambiguous += 1;
    await lookUp(client, error.applied === "maybe");
  }
}

/** What became of a write whose answer was lost. */
async function lookUp(client: Client, mayBeThere: boolean): Promise<void> {
  while (!stop.aborted) {
    try {
      await client.sync(path);
      const { stat } = await client.getData(path);
      if (stat.version === version) return;
      if (mayBeThere && stat.version === version + 1) figures.ambiguousApplied += 1;
      else check(stat.version, version);
      version = stat.version;
      return;
    } catch (error) {
      if (!isZkError(error)) throw error;
      if (error.code === "SESSION_EXPIRED")
        await client.connect({ timeoutMs: 60_000, signal: stop }).catch(() => {});
      else await pause(100);
    }
  }
}

function check(found: number, expected: number): void {
  if (found === expected) return;
  figures.lostAcknowledged += Math.abs(expected - found);
  console.error(`version ${found} where ${expected} was acknowledged`);
}

function report(): void {
  reportAtMs = performance.now() + 10_000;
  figures.heapMiB.push(Math.round(process.memoryUsage().heapUsed / 1024 / 1024));
  say(
    `${figures.acknowledged} acknowledged, ${figures.ambiguous} without an answer (${figures.ambiguousApplied} of them applied), ` +
      `${figures.lostAcknowledged} lost, on ${client.server ?? "no server"}`,
  );
}

function say(text: string): void {
  // With --json, stdout is for the figures alone.
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(2).padStart(8);
  (options.json ? console.error : console.log)(`${seconds} s  ${text}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    stop.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      stop.removeEventListener("abort", done);
      resolve();
    }
  });
}
