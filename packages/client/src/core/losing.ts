/** How connections are lost, and what becomes of the calls that were on them. */
import { attemptFailed, dropSocket, goOn } from "./connecting.js";
import type { Machinery } from "./machinery.js";
import type { FailpointName } from "./options.js";
import { endPersistent, failCall, moveTo, recordLostAttempts, tell } from "./reporting.js";
import { formatServer } from "./server-ring.js";
import { isOver } from "./session-state.js";

/** A connection that died younger than this counts as a fruitless try, so that no server can make us spin. */
const USEFUL_LINK_MS = 500;

/** The transport says that the connection is gone, or never came to be. */
export function onDisconnected(machine: Machinery, epoch: number, reason: string): void {
  if (epoch !== machine.epoch) return;
  switch (machine.link.phase) {
    case "opening":
      return attemptFailed(machine, reason);
    case "handshaking":
      // Servers have one answer to many questions.
      return attemptFailed(
        machine,
        `it closed the connection without an answer (${reason}): no quorum, behind what we have seen, or too many connections`,
      );
    case "up":
      return loseLink(machine, reason);
    default:
      return;
  }
}

/** Gives the connection up, whoever ended it. The session may live on; calls wait, are sent again, or fail. */
export function loseLink(machine: Machinery, reason: string): void {
  const { link, book, isClosing } = machine;
  if (link.phase !== "up") return attemptFailed(machine, reason);
  const server = formatServer(link.server);
  tell(machine, { type: "connectionLost", server, reason });
  dropSocket(machine);
  machine.link = { phase: "waiting" };
  // A link that fell before the state was told was never seen by the user.
  if (machine.state === "connected" || machine.state === "readonly") moveTo(machine, "suspended", reason);
  endPersistent(machine, machine.persistentWatches.clear(), `the connection was lost: ${reason}`);
  const { lost, resent } = book.connectionLost(!isClosing);
  recordLostAttempts(machine, lost, "CONNECTION_LOSS");
  recordLostAttempts(machine, resent, "CONNECTION_LOSS");
  for (const call of lost) {
    const message = `the connection was lost before the answer: ${reason}`;
    failCall(machine, call, call.error("CONNECTION_LOSS", message, { server }));
  }
  for (const { spec, path, resends } of resent) {
    tell(machine, { type: "retry", operation: spec.name, path, resends });
  }
  if (isClosing) failQueued(machine);
  goOn(machine, pauseAfter(machine, machine.nowMs - link.upSinceMs, reason));
}

/** Calls that were not sent when the client was closed are not sent any more. */
export function failQueued(machine: Machinery): void {
  for (const call of machine.book.drainQueued()) {
    failCall(machine, call, call.error("CLOSED", "the client was closed before the request was sent"));
  }
}

/** Asks the failpoint, if there is one. @returns whether it cut the connection */
export function failpoint(machine: Machinery, name: FailpointName): boolean {
  if (machine.options.failpoint === undefined || machine.options.failpoint(name) !== "drop") return false;
  loseLink(machine, `failpoint ${name}`);
  return true;
}

/** A fault of ours, not of the peer: the connection goes, the host process never hears an exception. */
export function internalError(machine: Machinery, error: unknown): void {
  tell(machine, { type: "internalError", error });
  const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
  const call = machine.inHand;
  machine.inHand = undefined;
  try {
    loseLink(machine, message);
  } catch (second) {
    tell(machine, { type: "internalError", error: second });
    if (!isOver(machine.state) && machine.state !== "idle") {
      dropSocket(machine);
      machine.link = { phase: "waiting" };
      machine.deadlines.set("reconnect", machine.nowMs + machine.options.reconnect.roundDelayMaxMs);
    }
  }
  // One that went back to the queue when the connection was dropped is in nobody's hand any more.
  if (call === undefined || call.phase === "settled" || machine.book.holds(call)) return;
  failCall(machine, call, call.error("INTERNAL", message, { cause: error }));
}

function pauseAfter(machine: Machinery, livedMs: number, reason: string): number {
  const { ring, nowMs } = machine;
  if (livedMs < USEFUL_LINK_MS) return ring.failed(reason, nowMs);
  ring.succeeded();
  ring.lost(reason, nowMs);
  return 0;
}
