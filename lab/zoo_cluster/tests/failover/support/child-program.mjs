// The program behind child-client.ts. It runs the built client, as users do, and writes one JSON record a line.
import { createInterface } from "node:readline";
import { CreateMode, createClient, systemPorts } from "@zk/client";

const options = JSON.parse(process.argv[2] ?? "{}");
const nowMs = () => performance.timeOrigin + performance.now();
const tell = (/** @type {object} */ record) =>
  process.stdout.write(`${JSON.stringify({ atMs: nowMs(), ...record })}\n`);

process.on("unhandledRejection", (reason) =>
  tell({ type: "accident", text: `unhandled rejection: ${reason}` }),
);
process.on("uncaughtException", (error) =>
  tell({ type: "accident", text: `uncaught exception: ${error.stack}` }),
);

let onlyPort = options.on === undefined ? undefined : Number(options.on.split(":")[1]);
const transport = {
  open(
    /** @type {import("@zk/client").ConnectionTarget} */ target,
    /** @type {import("@zk/client").ConnectionEvents} */ events,
  ) {
    if (onlyPort === undefined || target.port === onlyPort) return systemPorts.transport.open(target, events);
    queueMicrotask(() => events.closed("kept away by the test"));
    return { write: () => true, close: () => {} };
  },
};

const client = createClient(options.servers, {
  sessionTimeoutMs: options.sessionTimeoutMs,
  ports: { transport },
});

// Every continuation comes through here first, so that the first one after a stall is known.
let lastMs = nowMs();
function continues(/** @type {string} */ what) {
  const gapMs = nowMs() - lastMs;
  lastMs = nowMs();
  if (gapMs > (options.gapMs ?? Number.POSITIVE_INFINITY))
    tell({ type: "gap", gapMs, first: what, state: client.state });
}

client.on("state", (state, reason) => {
  continues(`state ${state}`);
  tell({ type: "state", state, reason });
});

await client.connect();
onlyPort = undefined;
await client.create(options.ephemeral, `${process.pid}`, { mode: CreateMode.EPHEMERAL });
tell({
  type: "ready",
  sessionId: String(client.sessionId),
  password: Buffer.from(client.sessionPassword.reveal()).toString("hex"),
  sessionTimeoutMs: client.sessionTimeoutMs,
  server: client.server,
});

// Timers of the user's own, which run before the client's after a stall: they must not see the state of before it.
if (options.gapMs !== undefined) {
  setInterval(() => {
    const { state } = client;
    if (nowMs() - lastMs > options.gapMs) tell({ type: "seenByTimer", gapMs: nowMs() - lastMs, state });
  }, 20).unref();
}

createInterface({ input: process.stdin }).on("line", async (line) => {
  if (line === "stand still") {
    // From a turn of its own: nothing is half done then, and a write is on its way to the server. Stopped from outside, the
    // process may be between an answer and the caller who waits for it, and that caller hears of the answer first.
    return setImmediate(() => process.kill(process.pid, "SIGSTOP"));
  }
  if (line !== "touch") return tell({ type: "accident", text: `what is ${line}?` });
  const sentAtMs = nowMs();
  await client.sync("/");
  tell({ type: "touched", sentAtMs });
});

if (options.writes !== undefined) {
  let count = 0;
  while (client.state !== "expired") {
    try {
      // At the pace of the quorum: each write waits for the disk of two servers.
      await client.setData(options.writes, String(count));
      continues("write acknowledged");
      count += 1;
      if (count === 1 || count % 100 === 0) tell({ type: "wrote", count });
    } catch (error) {
      continues("write failed");
      tell({ type: "writeFailed", code: error.code, applied: error.applied });
    }
  }
}
