/** From a server's name to a connect request on its way: whose turn it is, how long it lasts, what comes after it. */
import { FrameSplitter } from "@zk/protocol";
import { writeHandshake } from "./handshake.js";
import { attemptLimitMs } from "./liveness.js";
import type { Machinery } from "./machinery.js";
import { tell } from "./reporting.js";
import { formatServer } from "./server-ring.js";

/** Starts the turn of the next server, with its name. */
export function attempt(machine: Machinery): void {
  machine.epoch += 1;
  const server = machine.ring.advance();
  machine.link = { phase: "resolving", server };
  machine.deadlines.set("attempt", machine.nowMs + limitMs(machine));
  machine.outputs.push({ kind: "resolve", epoch: machine.epoch, host: server.host });
}

/** The resolver answered. */
export function onResolved(machine: Machinery, epoch: number, addresses: readonly string[]): void {
  if (machine.link.phase !== "resolving" || epoch !== machine.epoch) return;
  const address = machine.ring.resolved(addresses);
  if (address === undefined) return attemptFailed(machine, "its name resolves to no address");
  open(machine, address);
}

/** The resolver gave up. */
export function onUnresolved(machine: Machinery, epoch: number, reason: string): void {
  if (machine.link.phase !== "resolving" || epoch !== machine.epoch) return;
  attemptFailed(machine, `its name cannot be resolved: ${reason}`);
}

/** The connection stands: asks for the session. Nothing else is sent before the answer. */
export function onOpened(machine: Machinery, epoch: number): void {
  if (machine.link.phase !== "opening" || epoch !== machine.epoch) return;
  const { options } = machine;
  const asked = machine.sessionIsGlobal ? machine.session : undefined;
  const question = {
    lastZxid: machine.lastZxid,
    timeoutMs: options.sessionTimeoutMs,
    sessionId: asked?.id ?? 0n,
    password: asked?.password.reveal(),
    readOnly: options.readOnly,
  };
  writeHandshake(machine.outbox, question);
  machine.link = {
    phase: "handshaking",
    server: machine.link.server,
    splitter: new FrameSplitter({ frameBytesMax: options.limits.replyBytesMax }),
    question,
    askedAtMs: machine.nowMs,
  };
}

/** The turn of one address ended without a session: its next address, the next server, or a pause. */
export function attemptFailed(machine: Machinery, reason: string): void {
  const { phase } = machine.link;
  if (phase !== "resolving" && phase !== "opening" && phase !== "handshaking") return;
  dropSocket(machine);
  const { ring } = machine;
  const server = formatServer(ring.current());
  const another = ring.nextAddress();
  if (another !== undefined) {
    tell(machine, { type: "attemptFailed", server, reason, nextInMs: 0 });
    return open(machine, another);
  }
  const pauseMs = ring.failed(reason, machine.nowMs);
  tell(machine, { type: "attemptFailed", server, reason, nextInMs: pauseMs });
  goOn(machine, pauseMs);
}

/** The next server, now or after a pause. */
export function goOn(machine: Machinery, pauseMs: number): void {
  const { silentMs } = machine;
  if (Number.isFinite(silentMs) && silentMs > (machine.times.timeoutMs * 4) / 3) {
    tell(machine, { type: "sessionPresumedExpired", silentMs });
  }
  if (pauseMs === 0) return attempt(machine);
  machine.link = { phase: "waiting" };
  machine.deadlines.set("reconnect", machine.nowMs + pauseMs);
}

/** Lets go of the connection under way, if there is one, and of everything that was about it. */
export function dropSocket(machine: Machinery): void {
  const { phase } = machine.link;
  if (phase === "opening" || phase === "handshaking" || phase === "up") {
    machine.outputs.push({ kind: "disconnect", epoch: machine.epoch });
  }
  // Bytes that never left are not sent: their calls go back to the queue.
  machine.outbox.truncate(0);
  for (const name of OF_A_CONNECTION) machine.deadlines.clear(name);
}

/** Why there is no connection, server by server, for people. */
export function whyNoServer(machine: Machinery): string {
  const why = machine.ring.failures().map(({ server, reason }) => `${formatServer(server)}: ${reason}`);
  const { link } = machine;
  if (link.phase === "resolving" || link.phase === "opening" || link.phase === "handshaking") {
    why.push(`${formatServer(link.server)}: still ${link.phase}`);
  }
  return why.length === 0 ? "no server was asked yet" : why.join("; ");
}

const OF_A_CONNECTION = ["attempt", "receive", "ping", "partialFrame", "probe", "reconnect"] as const;

function open(machine: Machinery, address: string): void {
  const server = machine.ring.current();
  const limit = limitMs(machine);
  machine.epoch += 1;
  machine.link = { phase: "opening", server };
  machine.deadlines.set("attempt", machine.nowMs + limit);
  tell(machine, { type: "attempt", server: formatServer(server), address, limitMs: limit });
  machine.outputs.push({ kind: "open", epoch: machine.epoch, address, port: server.port });
}

function limitMs(machine: Machinery): number {
  const { ring } = machine;
  return attemptLimitMs({
    timeoutMs: machine.times.timeoutMs,
    servers: ring.size,
    addresses: ring.addressesInTurn,
    resuming: machine.sessionIsGlobal,
    rounds: ring.rounds,
  });
}
