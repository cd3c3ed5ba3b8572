/** What happens because time has passed, and what is made of time in which we did not run. */
import { attempt, attemptFailed, whyNoServer } from "./connecting.js";
import { end, stopIfNobodyWaits } from "./ending.js";
import type { UpLink } from "./link.js";
import { loseLink } from "./losing.js";
import type { Machinery } from "./machinery.js";
import { probe } from "./probing.js";
import { fail, failCall, moveTo, tell } from "./reporting.js";
import { sendPing } from "./sending.js";
import { ticketError } from "./tickets.js";

/** One slow answer can hold back the replies to some pings, but not to any number of them. */
const PINGS_UNANSWERED_MAX = 100;

/** Deals with every deadline that has passed. After it, none that has passed stands. */
export function onTime(machine: Machinery): void {
  const { deadlines, nowMs } = machine;
  if (deadlines.isDue("close", nowMs)) {
    return end(machine, "closed", "no server confirmed the close in time", false);
  }
  if (deadlines.isDue("connect", nowMs)) connectsDue(machine);
  if (deadlines.isDue("callDeadlines", nowMs)) callsDue(machine);
  if (deadlines.isDue("reconnect", nowMs)) {
    deadlines.clear("reconnect");
    if (machine.link.phase === "waiting") attempt(machine);
  }
  if (deadlines.isDue("attempt", nowMs)) attemptDue(machine);
  linkDue(machine);
}

/**
 * Nothing ran for longer than the session timeout: a stopped process, a blocked event loop, a sleeping laptop. The
 * session may be gone and others may hold our locks, so users hear `suspended` before any answer is handed to them.
 */
export function noticeStall(machine: Machinery): void {
  const { link, deadlines, nowMs, stepGapMs } = machine;
  if (link.phase === "handshaking") {
    tell(machine, { type: "timeGap", gapMs: stepGapMs });
    // The answer may have lain here for longer than the session lives. Ask again.
    return attemptFailed(machine, "this process did not run while the answer was due");
  }
  if (link.phase !== "up") return;
  tell(machine, { type: "timeGap", gapMs: stepGapMs });
  link.doubtSinceMs = nowMs;
  if (deadlines.at("partialFrame") !== Number.POSITIVE_INFINITY) {
    deadlines.set("partialFrame", nowMs + machine.options.limits.partialFrameTimeoutMs);
  }
  moveTo(machine, "suspended", `this process did not run for ${Math.round(stepGapMs)} ms`);
  grantGrace(machine, link);
}

/** Silence while we did not run proves nothing: ask once more and wait half as long again. */
function grantGrace(machine: Machinery, link: UpLink): void {
  link.graceGiven = true;
  sendPing(machine, link);
  machine.deadlines.set("receive", machine.nowMs + machine.times.receiveTimeoutMs / 2);
}

function attemptDue(machine: Machinery): void {
  const what =
    machine.link.phase === "handshaking" ? "it did not answer the connect request" : "no connection";
  attemptFailed(machine, `${what} within the time for one attempt`);
}

/** Each of these may lose the connection, so each looks whether it still stands. */
function linkDue(machine: Machinery): void {
  const { deadlines, nowMs, options } = machine;
  if (machine.link.phase === "up" && deadlines.isDue("partialFrame", nowMs)) {
    loseLink(machine, `one frame took longer than ${options.limits.partialFrameTimeoutMs} ms to arrive`);
  }
  if (machine.link.phase === "up" && deadlines.isDue("receive", nowMs)) receiveDue(machine, machine.link);
  if (machine.link.phase === "up" && deadlines.isDue("ping", nowMs)) pingDue(machine, machine.link);
  if (machine.link.phase === "up" && deadlines.isDue("probe", nowMs)) probe(machine);
}

function receiveDue(machine: Machinery, link: UpLink): void {
  if (!link.graceGiven && machine.stepGapMs > machine.times.pingIntervalMs * 1.5) {
    return grantGrace(machine, link);
  }
  loseLink(machine, `nothing was heard for ${Math.round(machine.silentMs)} ms`);
}

function pingDue(machine: Machinery, link: UpLink): void {
  if (link.pings.length < PINGS_UNANSWERED_MAX) return sendPing(machine, link);
  // Bytes come, or the receive deadline would have ended it, but the server does not answer.
  loseLink(machine, `${link.pings.length} pings were not answered`);
}

function connectsDue(machine: Machinery): void {
  const { deadlines, nowMs } = machine;
  deadlines.clear("connect");
  const waiting = machine.connects;
  machine.connects = [];
  for (const ticket of waiting) {
    if (ticket.deadlineMs > nowMs) {
      machine.connects.push(ticket);
      deadlines.setEarlier("connect", ticket.deadlineMs);
    } else {
      const message = `no server took us in: ${whyNoServer(machine)}`;
      fail(machine, ticket, ticketError("CONNECT_TIMEOUT", message));
    }
  }
  stopIfNobodyWaits(machine, "no server took us in");
}

function callsDue(machine: Machinery): void {
  const { book, deadlines, nowMs, server } = machine;
  const { due, nextMs } = book.sweep(nowMs);
  deadlines.set("callDeadlines", nextMs);
  for (const call of due) {
    const why =
      call.sends > 0 ? "no answer came in time" : `it could not be sent in time: ${whyNotSent(machine)}`;
    failCall(machine, call, call.error("OPERATION_TIMEOUT", why, { server }));
  }
  authsDue(machine);
  // A server that answers pings and never this request has lost it; only a new connection frees its place.
  const oldest = book.oldestInFlight();
  if (oldest?.phase !== "settled") return;
  const patienceEndsMs = oldest.sentAtMs + 2 * machine.times.timeoutMs;
  if (nowMs < patienceEndsMs) return deadlines.setEarlier("callDeadlines", patienceEndsMs);
  loseLink(machine, `${oldest.spec.name} ${oldest.path} was not answered although the server lives`);
}

function authsDue(machine: Machinery): void {
  const { deadlines, nowMs } = machine;
  const waiting = machine.authTickets;
  machine.authTickets = [];
  for (const auth of waiting) {
    if (auth.ticket.deadlineMs > nowMs) {
      machine.authTickets.push(auth);
      deadlines.setEarlier("callDeadlines", auth.ticket.deadlineMs);
    } else {
      const message = "no server answered; the credential stays for the next connect";
      fail(machine, auth.ticket, ticketError("OPERATION_TIMEOUT", message));
    }
  }
}

function whyNotSent(machine: Machinery): string {
  return machine.link.phase === "up" ? "too many requests were outstanding" : whyNoServer(machine);
}
