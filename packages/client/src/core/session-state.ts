/** What a user sees of the session, and which state may follow which. */

/** The states of a client. */
export const SESSION_STATES = [
  "idle",
  "connecting",
  "connected",
  "readonly",
  "suspended",
  "expired",
  "authFailed",
  "closed",
] as const;

/**
 * - `idle`: `connect()` was not called yet, or gave up.
 * - `connecting`: no session yet.
 * - `connected`: a server of the quorum serves the session.
 * - `readonly`: a server that is cut off from the quorum serves reads.
 * - `suspended`: the connection is lost or in doubt; the session may live on.
 * - `expired`: a server said that the session is over. Its ephemerals are gone.
 * - `authFailed`: the server refused the credentials. Final.
 * - `closed`: `close()` ended the session. Final.
 */
export type SessionState = (typeof SESSION_STATES)[number];

// Only a handshake can say that a session is expired, and only a connection that stands can refuse credentials.
const MOVES: Readonly<Record<SessionState, readonly SessionState[]>> = {
  idle: ["connecting", "closed"],
  connecting: ["connected", "readonly", "idle", "expired", "closed"],
  connected: ["suspended", "authFailed", "closed"],
  readonly: ["suspended", "authFailed", "closed"],
  suspended: ["connected", "readonly", "expired", "authFailed", "closed"],
  // A new connect() after expiry starts a new session.
  expired: ["connecting", "closed"],
  authFailed: ["closed"],
  closed: [],
};

/** Whether `next` may follow `state`. */
export function isLegalMove(state: SessionState, next: SessionState): boolean {
  return MOVES[state].includes(next);
}

/** Whether no operation can succeed any more without a new `connect()` or a new client. */
export function isOver(state: SessionState): state is "expired" | "authFailed" | "closed" {
  return state === "expired" || state === "authFailed" || state === "closed";
}
