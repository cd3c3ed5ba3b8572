/** What goes onto the wire, frame by frame. Everything is gathered in one buffer, which `drain` hands over whole. */
import { AuthPacket, nextXid, OpCode, SetWatches, Xid } from "@zk/protocol";
import type { Call } from "./call.js";
import type { UpLink } from "./link.js";
import { failpoint } from "./losing.js";
import type { Machinery } from "./machinery.js";
import type { Credential } from "./options.js";
import { failCall, record } from "./reporting.js";
import { formatServer } from "./server-ring.js";
import { REARM_OVERHEAD_BYTES } from "./watch-table.js";

/** Sends what waits, as far as the limits allow. */
export function pump(machine: Machinery): void {
  const { book, link } = machine;
  // A client that closes has an empty queue and takes nothing in, so nothing follows the request to close.
  if (book.queuedSize === 0 || link.phase !== "up") return;
  while (!link.blocked && machine.link === link) {
    const call = book.next();
    if (call === undefined) break;
    machine.inHand = call;
    if (link.unknownOps?.has(call.spec.opCode) === true) refuseUnknown(machine, call, link);
    else if (call.spec.from35 === true && link.isFrom35 !== true) refuseUnasked(machine, call, link);
    else send(machine, call);
    machine.inHand = undefined;
  }
}

/** Sends a ping and notes when. */
export function sendPing(machine: Machinery, link: UpLink): void {
  link.pings.push(machine.nowMs);
  closeFrame(machine, openFrame(machine, Xid.PING, OpCode.PING));
}

/** Sends a credential. `answersUpTo`: see {@link UpLink.auths}. */
export function sendAuth(
  machine: Machinery,
  link: UpLink,
  credential: Credential,
  answersUpTo: number,
): void {
  link.auths.push({ scheme: credential.scheme, answersUpTo });
  const start = openFrame(machine, Xid.AUTH, OpCode.AUTH);
  AuthPacket.write(machine.outbox, { type: 0, scheme: credential.scheme, auth: credential.auth.reveal() });
  closeFrame(machine, start);
}

/** Sends one part of the watches that are to be armed again. */
export function sendSetWatches(machine: Machinery, link: UpLink, watches: SetWatches): void {
  const start = openFrame(machine, Xid.SET_WATCHES, OpCode.SET_WATCHES);
  SetWatches.write(machine.outbox, watches);
  closeFrame(machine, start);
  link.rearms += 1;
}

/** Asks the server to end the session. Nothing is sent after it. */
export function sendClose(machine: Machinery, link: UpLink): void {
  if (failpoint(machine, "duringClose")) return;
  link.closeXid = machine.xid;
  closeFrame(machine, openFrame(machine, machine.xid, OpCode.CLOSE_SESSION));
  machine.xid = nextXid(machine.xid);
}

function openFrame(machine: Machinery, xid: number, opCode: number): number {
  const { outbox } = machine;
  const start = outbox.beginFrame();
  outbox.int(xid);
  outbox.int(opCode);
  return start;
}

function closeFrame(machine: Machinery, start: number): void {
  machine.outbox.endFrame(start);
  machine.deadlines.set("ping", machine.nowMs + machine.times.pingIntervalMs);
}

function send(machine: Machinery, call: Call): void {
  const { outbox, options } = machine;
  const { request, opCode } = call.spec;
  const start = outbox.beginFrame();
  try {
    outbox.int(machine.xid);
    outbox.int(opCode);
    if (request !== null) request.write(outbox, call.record);
  } catch (error) {
    outbox.truncate(start);
    return refuse(machine, call, "INVALID_ARGUMENT", (error as Error).message, error);
  }
  const bytes = outbox.endFrame(start);
  const limit = options.limits.requestBytesMax;
  // A watch must also fit into the frame that sets it again, or it would cost every later connection.
  if (bytes > limit || (call.watch !== undefined && bytes + REARM_OVERHEAD_BYTES > limit)) {
    outbox.truncate(start);
    const message = `the request has ${bytes} bytes, ${limit} is the limit (requestBytesMax, the servers' jute.maxbuffer)`;
    return refuse(machine, call, "REQUEST_TOO_LARGE", message);
  }
  machine.book.sent(call, machine.xid, machine.nowMs);
  machine.xid = nextXid(machine.xid);
  machine.deadlines.set("ping", machine.nowMs + machine.times.pingIntervalMs);
  if (options.recordHistory) record(machine, call, { level: "attempt", outcome: "sent" });
  if (options.failpoint !== undefined) failpoint(machine, "beforeWrite");
}

function refuse(
  machine: Machinery,
  call: Call,
  code: "INVALID_ARGUMENT" | "REQUEST_TOO_LARGE",
  message: string,
  cause?: unknown,
): void {
  machine.book.dropped(call);
  failCall(machine, call, call.error(code, message, { cause }));
}

function refuseUnknown(machine: Machinery, call: Call, link: UpLink): void {
  machine.book.dropped(call);
  const message = "this server said lately that it does not know the operation; it was not asked again";
  failCall(machine, call, call.error("UNIMPLEMENTED", message, { server: formatServer(link.server) }));
}

/** Asking has a place of its own, before the call is made; this connection came after it. */
function refuseUnasked(machine: Machinery, call: Call, link: UpLink): void {
  machine.book.dropped(call);
  const server = formatServer(link.server);
  const error =
    link.isFrom35 === false
      ? call.error("UNIMPLEMENTED", "the server is older than 3.5.0", { server })
      : call.error("CONNECTION_LOSS", "another server took over that was not asked whether it knows this", {
          server,
        });
  failCall(machine, call, error);
}
