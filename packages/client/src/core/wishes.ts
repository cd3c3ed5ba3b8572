/** What users ask for: a connection, its end, a credential, an operation, and to forget about any of these. */
import { type Call, type CallWatch, isPersistentKind } from "./call.js";
import { attempt } from "./connecting.js";
import { end, stopIfNobodyWaits, whyOver } from "./ending.js";
import type { Ticket } from "./inputs.js";
import { failQueued } from "./losing.js";
import type { Machinery } from "./machinery.js";
import type { Credential } from "./options.js";
import { endPersistent, fail, failCall, moveTo, record, settle, tellQueue } from "./reporting.js";
import { sendAuth, sendClose } from "./sending.js";
import { isOver } from "./session-state.js";
import { forgetAuthTicket, forgetTicket, refusedCredential, ticketError } from "./tickets.js";
import type { Watcher } from "./watch-table.js";

/** connect() */
export function onConnect(machine: Machinery, ticket: Ticket): void {
  const { state } = machine;
  if (state === "closed" || machine.isClosing) {
    return fail(machine, ticket, ticketError("CLOSED", "the client was closed; create a new one"));
  }
  if (state === "connected" || state === "readonly") return settle(machine, ticket, undefined);
  if (state === "authFailed") {
    const { code, message } = whyOver(machine);
    return fail(machine, ticket, ticketError(code, message));
  }
  machine.connects.push(ticket);
  machine.deadlines.setEarlier("connect", ticket.deadlineMs);
  if (state === "suspended" || state === "connecting") return;
  if (state === "expired") {
    machine.session = undefined;
    machine.sessionIsGlobal = false;
    machine.trust.reset();
  }
  moveTo(machine, "connecting", "connect() was called");
  attempt(machine);
}

/** close() */
export function onClose(machine: Machinery, ticket: Ticket): void {
  if (machine.state === "closed") return settle(machine, ticket, { confirmed: machine.closeConfirmed });
  const isFirst = !machine.isClosing;
  machine.closes.push(ticket);
  machine.deadlines.setEarlier("close", ticket.deadlineMs);
  if (!isFirst) return;
  const { link, session } = machine;
  if (link.phase === "down" || session === undefined) {
    // Without a session there is nothing to end, unless a handshake is on its way: then a server may hold one. One that
    // was to be taken over, or that lost its credentials, lives on until it times out.
    const isNothingLeft =
      machine.state === "expired" || (session === undefined && link.phase !== "handshaking");
    return end(machine, "closed", "close() was called", isNothingLeft);
  }
  failQueued(machine);
  if (link.phase === "up") sendClose(machine, link);
}

/** addAuth() */
export function onAddAuth(machine: Machinery, ticket: Ticket, credential: Credential): void {
  const { limits } = machine.options;
  if (isOver(machine.state) || machine.isClosing) {
    const { code, message } = whyOver(machine);
    return fail(machine, ticket, ticketError(code, message));
  }
  const refusal = refusedCredential(credential, limits);
  if (refusal !== undefined) return fail(machine, ticket, refusal);
  if (machine.authTickets.length >= limits.queuedCallsMax) {
    const message = `${machine.authTickets.length} credentials wait already (queuedCallsMax)`;
    return fail(machine, ticket, ticketError("QUEUE_FULL", message));
  }
  if (!isKnown(machine, credential)) {
    if (machine.credentials.length >= limits.credentialsMax) {
      const message = `${limits.credentialsMax} credentials are held already (credentialsMax)`;
      return fail(machine, ticket, ticketError("INVALID_ARGUMENT", message));
    }
    machine.credentials.push(credential);
  }
  // Before connect() there is nothing to wait for: the credential is sent first thing when a server is there.
  if (machine.state === "idle") return settle(machine, ticket, undefined);
  machine.authTicketsSeen += 1;
  machine.authTickets.push({ ticket, number: machine.authTicketsSeen });
  machine.deadlines.setEarlier("callDeadlines", ticket.deadlineMs);
  if (machine.link.phase === "up") sendAuth(machine, machine.link, credential, machine.authTicketsSeen);
}

/** An operation. It waits in the queue until `pump` sends it, mostly at the end of the same step. */
export function onCall(machine: Machinery, call: Call): void {
  machine.inHand = call;
  admit(machine, call);
  machine.inHand = undefined;
}

/** Somebody does not want it any more. What was sent stays sent. */
export function onAbandon(machine: Machinery, target: Call | Ticket, cause: unknown): void {
  if ("ticket" in target) return abandonTicket(machine, target, cause);
  if (target.phase === "settled") return;
  machine.book.withdraw(target);
  // It keeps its place among the outstanding; should no answer ever come, the sweep frees it.
  if (target.phase === "sent") {
    machine.deadlines.setEarlier("callDeadlines", machine.nowMs + machine.times.timeoutMs);
  }
  const { server } = machine;
  failCall(machine, target, target.error("ABORTED", "the caller gave up", { server, cause }));
}

/** A watcher is not wanted any more at a path. The server is not told; what it still sends finds nobody. */
export function onUnwatch(machine: Machinery, path: string, watcher: Watcher): void {
  machine.watches.remove(path, watcher);
  machine.persistentWatches.remove(path, watcher);
  machine.pendingWatches.cancel(path, watcher);
}

function admit(machine: Machinery, call: Call): void {
  const { book, watches, pendingWatches, options } = machine;
  if (call.phase !== "new") throw new Error(`${call.spec.name} ${call.path} was called twice`);
  call.startedAtMs = machine.nowMs;
  call.deadlineMs = machine.nowMs + call.timeoutMs;
  if (options.recordHistory) record(machine, call, { level: "operation", outcome: "invoked" });
  if (machine.state === "idle") {
    return failCall(machine, call, call.error("NOT_CONNECTED", "call connect() first"));
  }
  if (isOver(machine.state) || machine.isClosing) {
    const { code, message } = whyOver(machine);
    return failCall(machine, call, call.error(code, message));
  }
  const refusal = book.refuses(call);
  if (refusal !== undefined) {
    tellQueue(machine);
    return failCall(machine, call, call.error("QUEUE_FULL", refusal));
  }
  if (call.watch !== undefined) {
    const count = watches.size + machine.persistentWatches.size + pendingWatches.size;
    if (count >= options.limits.watchesMax) {
      const message = `${count} watches stand or are being set (watchesMax)`;
      return failCall(machine, call, call.error("WATCHES_FULL", message));
    }
    if (!mayStand(machine, call, call.watch.kind)) return;
    pendingWatches.add(call);
  }
  book.enqueue(call);
  machine.deadlines.setEarlier("callDeadlines", call.deadlineMs);
}

/** What a persistent watch is told that has to make room. */
export const REPLACED =
  "a watch of another kind was asked for at the same path, and servers before 3.9.0 keep one of them";

/**
 * A server before 3.9.0 keeps one mode for a connection and a path: of a one-shot watch and a persistent one the later takes the
 * place of the earlier, without a word (ZOOKEEPER-4466). So a persistent one gives way, and is told so; it does not push in.
 */
function mayStand(machine: Machinery, call: Call, kind: CallWatch["kind"]): boolean {
  const { watches, persistentWatches, pendingWatches } = machine;
  const { serverPath: path } = call;
  if (!isPersistentKind(kind)) {
    if (persistentWatches.size > 0) endPersistent(machine, persistentWatches.takeAt(path), REPLACED);
    return true;
  }
  const standing = persistentWatches.kindAt(path);
  const isTaken = watches.standsAt(path) || pendingWatches.willStandAt(path, false);
  if (!isTaken && (standing === undefined || standing === kind)) return true;
  const message = "a watch of another kind stands at the path, and servers before 3.9.0 keep one of them";
  failCall(machine, call, call.error("WATCH_CONFLICT", message));
  return false;
}

function abandonTicket(machine: Machinery, ticket: Ticket, cause: unknown): void {
  const isWaiting = forgetTicket(machine.connects, ticket) || forgetAuthTicket(machine.authTickets, ticket);
  if (!isWaiting) return;
  fail(machine, ticket, ticketError("ABORTED", "the caller gave up", cause));
  if (ticket.ticket === "connect") stopIfNobodyWaits(machine, "every caller of connect() gave up");
}

function isKnown(machine: Machinery, { scheme, auth }: Credential): boolean {
  return machine.credentials.some((other) => other.scheme === scheme && other.auth.equals(auth));
}
