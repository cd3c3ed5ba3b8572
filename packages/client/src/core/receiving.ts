/** What comes from the wire, in its order: outputs are made in the order in which their causes stand there. */
import { ProtocolError, WatchEventType, WatcherEvent, Xid } from "@zk/protocol";
import { onHandshake } from "./adopting.js";
import { onReply } from "./answering.js";
import { attemptFailed } from "./connecting.js";
import { end } from "./ending.js";
import { HANDSHAKE_BYTES_MAX } from "./handshake.js";
import type { UpLink } from "./link.js";
import { failpoint, loseLink } from "./losing.js";
import type { Machinery } from "./machinery.js";
import type { WatchNotice } from "./outputs.js";
import { failCall, settle, tell } from "./reporting.js";
import { formatServer } from "./server-ring.js";
import { authDemanded, isAuthDemand, proved, Violation } from "./verdicts.js";

/** Bytes came. Any byte is a sign of life, also of a frame that is not whole yet. */
export function onReceived(machine: Machinery, epoch: number, bytes: Uint8Array): void {
  const { link } = machine;
  if (epoch !== machine.epoch || (link.phase !== "up" && link.phase !== "handshaking")) return;
  machine.lastHeardMs = machine.nowMs;
  const { splitter } = link;
  let frames = 0;
  try {
    splitter.push(bytes);
    for (let frame = splitter.next(); frame !== null; frame = splitter.next()) {
      frames += 1;
      // A frame can end the connection; what stands behind it is then not looked at.
      const now = machine.link;
      if (now.phase === "up") onFrame(machine, frame, now);
      else if (now.phase === "handshaking") onHandshake(machine, frame, now);
      if (machine.link.phase !== "up" || machine.epoch !== epoch) return;
    }
  } catch (error) {
    if (!(error instanceof ProtocolError || error instanceof Violation)) throw error;
    return refuseFrame(machine, error);
  }
  if (machine.link.phase === "up") return noteProgress(machine, machine.link, frames);
  if (splitter.partialBytes > HANDSHAKE_BYTES_MAX)
    attemptFailed(machine, "it sent far more than a connect response");
}

const EVENT_NAMES: ReadonlyMap<number, Exclude<WatchNotice["type"], "None">> = new Map([
  [WatchEventType.NodeCreated, "NodeCreated"],
  [WatchEventType.NodeDeleted, "NodeDeleted"],
  [WatchEventType.NodeDataChanged, "NodeDataChanged"],
  [WatchEventType.NodeChildrenChanged, "NodeChildrenChanged"],
] as const);

function noteProgress(machine: Machinery, link: UpLink, frames: number): void {
  const { deadlines, nowMs } = machine;
  link.graceGiven = false;
  deadlines.set("receive", nowMs + machine.times.receiveTimeoutMs);
  const frameDueMs = nowMs + machine.options.limits.partialFrameTimeoutMs;
  if (link.splitter.partialBytes === 0) deadlines.clear("partialFrame");
  else if (frames > 0) deadlines.set("partialFrame", frameDueMs);
  else deadlines.setEarlier("partialFrame", frameDueMs);
}

/** The server broke the protocol: nothing more on this connection can be believed. */
function refuseFrame(machine: Machinery, error: ProtocolError | Violation): void {
  const { server } = machine;
  tell(machine, { type: "frameRefused", server: server ?? "", reason: error.message });
  const oldest = machine.book.oldestInFlight();
  const isTooLarge = error instanceof ProtocolError && error.code === "FRAME_TOO_LARGE";
  if (isTooLarge && oldest?.phase === "sent") {
    // Sent again it would only be too large again, for ever. Replies come in order, so it is the oldest's.
    const message = `${error.message}; raise replyBytesMax to take it`;
    failCall(machine, oldest, oldest.error("REPLY_TOO_LARGE", message, { server, cause: error }));
  }
  loseLink(machine, `the server broke the protocol: ${error.message}`);
}

function onFrame(machine: Machinery, frame: Uint8Array, link: UpLink): void {
  const { reader } = machine;
  reader.reset(frame);
  const xid = reader.int();
  const zxid = reader.long();
  const err = reader.int();
  if (xid > 0) return onReply(machine, link, xid, zxid, err);
  switch (xid) {
    case Xid.NOTIFICATION:
      return onEvent(machine);
    case Xid.PING:
      return onPong(machine, link, err);
    case Xid.AUTH:
      return onAuthReply(machine, link, err);
    case Xid.SET_WATCHES:
      return onRearmed(machine, link, err);
    default:
      throw new Violation(`a reply to request ${xid}, which is not outstanding`);
  }
}

function onEvent(machine: Machinery): void {
  const { type, path } = WatcherEvent.read(machine.reader);
  if (failpoint(machine, "eventDecoded")) return;
  const name = EVENT_NAMES.get(type);
  // Events of types that newer servers may have, and state events that no server should send, concern no watch here.
  if (name === undefined) return;
  const { watches, persistentWatches } = machine;
  const oneShot = watches.take(type, path);
  const watchers =
    persistentWatches.size === 0 ? oneShot : [...oneShot, ...persistentWatches.heard(type, path)];
  tell(machine, { type: "watchFired", event: name, path, watchers: watchers.length });
  for (const watcher of watchers) {
    machine.outputs.push({ kind: "watch", watcher, notice: { type: name, serverPath: path } });
  }
}

function onPong(machine: Machinery, link: UpLink, err: number): void {
  if (isAuthDemand(err)) return authDemanded(machine);
  const sentAtMs = link.pings.shift();
  if (sentAtMs === undefined) throw new Violation("a ping reply that was not asked for");
  machine.trust.answered(sentAtMs);
  tell(machine, { type: "pong", server: formatServer(link.server), roundTripMs: machine.nowMs - sentAtMs });
  proved(machine, link, sentAtMs);
}

function onAuthReply(machine: Machinery, link: UpLink, err: number): void {
  const pending = link.auths.shift();
  if (pending === undefined) throw new Violation("an auth reply that was not asked for");
  const { scheme, answersUpTo } = pending;
  tell(machine, { type: "auth", scheme, accepted: err === 0 });
  if (err !== 0) {
    return end(machine, "authFailed", `the server refused the credentials of scheme ${scheme} (${err})`);
  }
  // Replies come in order, so everybody who waited for this packet or an earlier one is answered.
  const waiting = machine.authTickets;
  let answered = 0;
  while (answered < waiting.length && (waiting[answered]?.number ?? 0) <= answersUpTo) answered += 1;
  for (const { ticket } of waiting.splice(0, answered)) settle(machine, ticket, undefined);
}

function onRearmed(machine: Machinery, link: UpLink, err: number): void {
  if (isAuthDemand(err)) return authDemanded(machine);
  link.rearms -= 1;
  if (link.rearms < 0) throw new Violation("a reply to SetWatches that was not asked for");
  if (err !== 0) loseLink(machine, `the server refused to set the watches again (${err})`);
}
