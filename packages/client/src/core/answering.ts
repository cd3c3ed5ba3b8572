/** Replies to ordinary requests. */
import { type Call, isPersistentKind } from "./call.js";
import { end } from "./ending.js";
import { ZkError } from "./errors.js";
import { CONFIG_NODE, type UpLink } from "./link.js";
import { failpoint, loseLink } from "./losing.js";
import type { Machinery } from "./machinery.js";
import type { PersistentKind } from "./persistent-watches.js";
import { endPersistent, failCall, record, succeed, tell } from "./reporting.js";
import { formatServer } from "./server-ring.js";
import { authDemanded, isAuthDemand, proved, Violation } from "./verdicts.js";
import { REPLACED } from "./wishes.js";

const NO_NODE = -101;
const NO_AUTH = -102;
const UNIMPLEMENTED = -6;
const SESSION_EXPIRED = -112;
const SESSION_MOVED = -118;

/** The header of a reply was read; the machine's reader stands at its body. The hottest path there is: no garbage. */
export function onReply(machine: Machinery, link: UpLink, xid: number, zxid: bigint, err: number): void {
  if (xid === link.closeXid) {
    const reason =
      err === 0 ? "the server confirmed the close" : `the server refused to close the session (${err})`;
    return end(machine, "closed", reason, err === 0);
  }
  const call = machine.book.answered(xid);
  if (call === undefined) throw new Violation(`a reply to request ${xid}, which is not outstanding`);
  machine.inHand = call;
  if (zxid > machine.lastZxid) machine.lastZxid = zxid;
  if (call.spec.throughLeader && err === 0) machine.trust.answeredByLeader(call.sentAtMs);
  else machine.trust.answered(call.sentAtMs);
  proved(machine, link, call.sentAtMs);
  if (machine.options.failpoint !== undefined && cutBeforeSettling(machine, call, link)) {
    machine.inHand = undefined;
    return;
  }
  if (machine.options.recordHistory) {
    const outcome = err === 0 ? "ok" : "failed";
    record(machine, call, { level: "attempt", outcome, zxid, code: err === 0 ? undefined : String(err) });
  }
  // One that was given up has its reply taken in all the same: it held its place until now.
  if (call.phase !== "settled") {
    if (err === 0) onAnswer(machine, call, zxid, link);
    else onRefusal(machine, call, zxid, err, link);
  }
  machine.inHand = undefined;
}

function onAnswer(machine: Machinery, call: Call, zxid: bigint, link: UpLink): void {
  const { response } = call.spec;
  let reply: unknown;
  let value: unknown;
  try {
    reply = response === null ? undefined : response.read(machine.reader);
    value = call.finish(reply as never, zxid);
  } catch (error) {
    const message = `the reply cannot be read: ${(error as Error).message}`;
    const server = formatServer(link.server);
    failCall(machine, call, call.error("PROTOCOL", message, { server, cause: error }));
    throw new Violation(message);
  }
  if (value instanceof ZkError) {
    // A refusal of the second try says nothing of the first, which was never answered.
    const isUnsure = call.spec.isWrite && call.sends > 1;
    failCall(machine, call, isUnsure ? value.withApplied("maybe") : value, zxid);
    // Of a multi a server before 3.6.0 says so in the answer itself, and keeps the connection on which nothing can be written.
    if (value.code === "SESSION_MOVED") loseLink(machine, MOVED);
    return;
  }
  if (call.watch !== undefined) {
    const { kind } = call.watch;
    if (isPersistentKind(kind)) armPersistent(machine, call, kind);
    else arm(machine, call, kind);
  }
  if (call.spec.absentIsAnswer) learnAge(link, call, true);
  succeed(machine, call, value, zxid, reply);
}

function onRefusal(machine: Machinery, call: Call, zxid: bigint, err: number, link: UpLink): void {
  if (call.spec.absentIsAnswer && err === NO_NODE) {
    // The watch waits for the node to appear.
    if (call.watch !== undefined) arm(machine, call, "exist");
    learnAge(link, call, false);
    return succeed(machine, call, null, zxid, undefined);
  }
  // Whoever may not read it is told so by newer servers only, and only if it is there.
  if (call.spec.absentIsAnswer && err === NO_AUTH) learnAge(link, call, true);
  const server = formatServer(link.server);
  // With an ordinary zxid it is a feature that is switched off, and the connection stays.
  const isUnknownOp = err === UNIMPLEMENTED && zxid === -1n;
  failCall(machine, call, call.refusal(err, server, isUnknownOp), zxid);
  if (isUnknownOp) machine.capabilities.refused(server, call.spec.opCode, machine.nowMs);
  if (isAuthDemand(err)) return authDemanded(machine);
  // The word of a request is not the last one on the session: the next handshake is.
  if (err === SESSION_EXPIRED) return loseLink(machine, "the server says that the session is over");
  if (err === SESSION_MOVED) return loseLink(machine, MOVED);
}

function learnAge(link: UpLink, call: Call, isThere: boolean): void {
  if (call.serverPath === CONFIG_NODE) link.isFrom35 = isThere;
}

const MOVED = "the server says that the session has moved to another";

function arm(machine: Machinery, call: Call, kind: "data" | "exist" | "child"): void {
  if (call.watch === undefined) return;
  machine.watches.add(kind, call.serverPath, call.watch.watcher);
  tell(machine, { type: "watchArmed", kind, path: call.serverPath });
}

/** One that cannot stand, because of a one-shot watch that is on its way, is told so right behind the answer. */
function armPersistent(machine: Machinery, call: Call, kind: PersistentKind): void {
  const { serverPath: path, watch } = call;
  if (watch === undefined) return;
  const standing = machine.persistentWatches.kindAt(path);
  if (machine.pendingWatches.willStandAt(path, false) || (standing !== undefined && standing !== kind)) {
    return endPersistent(machine, [watch.watcher], REPLACED);
  }
  machine.persistentWatches.add(kind, path, watch.watcher);
  tell(machine, { type: "watchArmed", kind, path });
}

function cutBeforeSettling(machine: Machinery, call: Call, link: UpLink): boolean {
  if (!failpoint(machine, "replyDecoded")) return false;
  if (call.phase !== "settled") {
    const server = formatServer(link.server);
    failCall(machine, call, call.error("CONNECTION_LOSS", "failpoint replyDecoded", { server }));
  }
  return true;
}
