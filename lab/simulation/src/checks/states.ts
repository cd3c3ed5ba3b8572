/** Whether a client tells the truth about its session. */
import type { SessionState } from "@zk/client";
import type { Findings } from "./findings.js";

/** Which state may follow which; as documented, not as programmed. */
const MOVES: Readonly<Record<SessionState, readonly SessionState[]>> = {
  idle: ["connecting", "closed"],
  connecting: ["connected", "readonly", "idle", "expired", "closed"],
  connected: ["suspended", "authFailed", "closed"],
  readonly: ["suspended", "authFailed", "closed"],
  suspended: ["connected", "readonly", "expired", "authFailed", "closed"],
  expired: ["connecting", "closed"],
  authFailed: ["closed"],
  closed: [],
};

/** A client told of another state. */
export function checkMove(who: string, from: SessionState, to: SessionState, findings: Findings): void {
  if (!MOVES[from].includes(to)) findings.report("states", `${who}: from ${from} to ${to}`);
}

/** What is known from outside of a client that says that it is connected. */
export interface Served {
  readonly who: string;
  readonly isServed: boolean;
  /** By the client's clock. */
  readonly nowMs: number;
  readonly lastHeardMs: number;
  /** When the client last stood still, or its clock jumped. */
  readonly disturbedAtMs: number;
  readonly sessionTimeoutMs: number;
}

/** A client says that it is connected: looks whether it is. */
export function checkServed(served: Served, findings: Findings): void {
  const { who, nowMs } = served;
  if (!served.isServed) findings.report("states", `${who}: connected without a connection`);
  // Two thirds of the timeout without a word, and a third more after a stall, is when it must give up.
  const silentMs = nowMs - Math.max(served.lastHeardMs, served.disturbedAtMs);
  if (silentMs > served.sessionTimeoutMs + 100) {
    findings.report("states", `${who}: connected after ${Math.round(silentMs)} ms of silence`);
  }
}
