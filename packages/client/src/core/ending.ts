/** The ends of a session, and of the attempt to get one: everything is settled, nothing goes on by itself. */
import { dropSocket } from "./connecting.js";
import type { ZkErrorCode } from "./errors.js";

import type { Machinery } from "./machinery.js";
import { endPersistent, fail, failCall, moveTo, recordLostAttempts, settle } from "./reporting.js";
import { isOver } from "./session-state.js";
import { ticketError } from "./tickets.js";

/** The session is over, for good or until the next connect(). Everything is settled, every watcher hears of it. */
export function end(
  machine: Machinery,
  over: "expired" | "authFailed" | "closed",
  reason: string,
  confirmed = false,
): void {
  // Whoever closes wants it closed, however it comes about.
  const state = machine.isClosing ? "closed" : over;
  if (state === "closed") machine.closeConfirmed = confirmed;
  stop(machine);
  const { lost } = machine.book.connectionLost(false);
  const queued = machine.book.drainQueued();
  moveTo(machine, state, reason);
  const code = OVER_CODES[state];
  recordLostAttempts(machine, lost, code);
  for (const call of lost) failCall(machine, call, call.error(code, reason));
  for (const call of queued) failCall(machine, call, call.error(code, reason));
  for (const { path, watcher } of machine.watches.clear()) {
    machine.outputs.push({ kind: "watch", watcher, notice: { type: "None", serverPath: path, state } });
  }
  endPersistent(machine, machine.persistentWatches.clear(), reason);
  for (const ticket of machine.connects.splice(0)) fail(machine, ticket, ticketError(code, reason));
  for (const { ticket } of machine.authTickets.splice(0)) fail(machine, ticket, ticketError(code, reason));
  for (const ticket of machine.closes.splice(0)) settle(machine, ticket, { confirmed });
}

/** Nobody waits for a first connection any more: back to idle, so that the process may end. */
export function stopIfNobodyWaits(machine: Machinery, reason: string): void {
  if (machine.state !== "connecting" || machine.connects.length > 0 || machine.isClosing) return;
  stop(machine);
  for (const call of machine.book.drainQueued()) failCall(machine, call, call.error("NOT_CONNECTED", reason));
  // The credentials are kept, and sent first thing by the next connect().
  for (const { ticket } of machine.authTickets.splice(0)) settle(machine, ticket, undefined);
  moveTo(machine, "idle", reason);
}

/** What a wish is told that comes after the end, or while it is being brought about. */
export function whyOver(machine: Machinery): { readonly code: ZkErrorCode; readonly message: string } {
  const state = isOver(machine.state) ? machine.state : "closed";
  return { code: OVER_CODES[state], message: OVER_REASONS[state] };
}

const OVER_CODES = {
  expired: "SESSION_EXPIRED",
  authFailed: "AUTH_FAILED",
  closed: "CLOSED",
} as const satisfies Record<string, ZkErrorCode>;

const OVER_REASONS = {
  expired: "the session has expired; connect() starts a new one",
  authFailed: "a server refused the credentials; create a new client",
  closed: "the client was closed",
} as const;

function stop(machine: Machinery): void {
  dropSocket(machine);
  machine.link = { phase: "down" };
  machine.deadlines.clearAll();
}
