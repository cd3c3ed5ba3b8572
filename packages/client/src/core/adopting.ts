/** From the answer to the connect request to a connection that serves the session: credentials, watches, state. */
import { attemptFailed } from "./connecting.js";
import { end } from "./ending.js";
import { type HandshakeVerdict, judgeHandshake } from "./handshake.js";
import type { HandshakingLink, UpLink } from "./link.js";
import { livenessTimes } from "./liveness.js";
import { failpoint } from "./losing.js";
import type { Machinery } from "./machinery.js";
import { startProbing } from "./probing.js";
import { moveTo, settle, tell } from "./reporting.js";
import { Secret } from "./secret.js";
import { sendAuth, sendClose, sendSetWatches } from "./sending.js";
import { formatServer } from "./server-ring.js";
import { SET_WATCHES_BYTES_MAX } from "./watch-table.js";

/** The first frame of a connection. */
export function onHandshake(machine: Machinery, frame: Uint8Array, link: HandshakingLink): void {
  const verdict = judgeHandshake(frame, link.question);
  switch (verdict.verdict) {
    case "refused":
      return attemptFailed(machine, verdict.reason);
    case "expired":
      if (verdict.isAnother) tell(machine, { type: "sessionIgnored", reason: verdict.reason });
      // Whoever asked to close has what they wanted: the server holds nothing of ours any more.
      return end(machine, "expired", verdict.reason, true);
    case "accepted":
      return adopt(machine, verdict, link);
    default:
      return verdict satisfies never;
  }
}

function adopt(
  machine: Machinery,
  granted: Extract<HandshakeVerdict, { verdict: "accepted" }>,
  handshake: HandshakingLink,
): void {
  const { nowMs, deadlines } = machine;
  const { sessionId, timeoutMs, readOnly } = granted;
  const server = formatServer(handshake.server);
  const resumed = handshake.question.sessionId !== 0n;
  machine.session = { id: sessionId, password: new Secret(granted.password) };
  if (!readOnly) machine.sessionIsGlobal = true;
  machine.times = livenessTimes(timeoutMs);
  machine.trust.answered(handshake.askedAtMs);
  const link: UpLink = {
    phase: "up",
    server: handshake.server,
    splitter: handshake.splitter,
    readOnly,
    unknownOps: machine.capabilities.unknownTo(server, nowMs),
    isFrom35: undefined,
    upSinceMs: nowMs,
    pings: [],
    auths: [],
    rearms: 0,
    blocked: false,
    doubtSinceMs: undefined,
    graceGiven: false,
    closeXid: undefined,
  };
  machine.link = link;
  deadlines.clear("attempt");
  deadlines.set("receive", nowMs + machine.times.receiveTimeoutMs);
  deadlines.set("ping", nowMs + machine.times.pingIntervalMs);
  tell(machine, { type: "handshake", server, sessionId, timeoutMs, resumed, readOnly });
  if (failpoint(machine, "sessionAdopted")) return;
  if (machine.isClosing) return sendClose(machine, link);
  sendCredentials(machine, link);
  if (!rearm(machine, link)) return;
  moveTo(machine, readOnly ? "readonly" : "connected", `${server} took us in`);
  if (readOnly) startProbing(machine);
  deadlines.clear("connect");
  for (const ticket of machine.connects.splice(0)) settle(machine, ticket, undefined);
}

/** All credentials. Who waits for one is answered by the last: all before it are accepted then. */
function sendCredentials(machine: Machinery, link: UpLink): void {
  const last = machine.credentials.length - 1;
  for (const [index, credential] of machine.credentials.entries()) {
    sendAuth(machine, link, credential, index === last ? machine.authTicketsSeen : 0);
  }
}

/** Arms every watch again. False when a failpoint cut the connection. */
function rearm(machine: Machinery, link: UpLink): boolean {
  const watches = machine.watches.size;
  if (watches === 0) return true;
  const bytesMax = Math.min(SET_WATCHES_BYTES_MAX, machine.options.limits.requestBytesMax);
  for (const part of machine.watches.rearm(machine.lastZxid, bytesMax)) {
    if (link.rearms > 0 && failpoint(machine, "betweenChunks")) return false;
    sendSetWatches(machine, link, part);
  }
  tell(machine, { type: "watchesRearmed", watches, frames: link.rearms });
  return true;
}
