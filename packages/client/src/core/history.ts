/**
 * A record of what was asked and what came of it, for checkers of histories and for joining a client's view with the
 * server's log. (session id, xid) names one attempt for ever, as xids keep counting over reconnects.
 */

/**
 * One entry: the user's operation, or one attempt of it on the wire. Times are monotonic milliseconds.
 *
 * An operation is `invoked` and then ends, once, as `ok`, `failed` or `ambiguous` (a write that may have been applied).
 * Each attempt is `sent` and then `ok` or `failed` by its reply, or `ambiguous` when the connection was lost before.
 */
export interface HistoryRecord {
  readonly level: "operation" | "attempt";
  /** The same for an operation and all its attempts. */
  readonly operationId: number;
  readonly outcome: "invoked" | "sent" | "ok" | "failed" | "ambiguous";
  readonly operation: string;
  readonly opCode: number;
  readonly path: string;
  readonly sessionId: bigint;
  readonly epoch: number;
  readonly xid: number;
  readonly server: string | undefined;
  /** The version that the operation demands; undefined when it demands none. */
  readonly version: number | undefined;
  /** FNV-1a of the data sent, in hex; undefined when the operation carries none. */
  readonly dataDigest: string | undefined;
  /** zxid of the reply header; 0 when there was no reply. */
  readonly zxid: bigint;
  /** `version` of the stat in the reply; undefined when the reply carries none. */
  readonly resultVersion: number | undefined;
  /** `mzxid` of the stat in the reply. */
  readonly resultMzxid: bigint | undefined;
  readonly code: string | undefined;
  /** When the operation was called, or the attempt sent. */
  readonly startedAtMs: number;
  readonly atMs: number;
}

/** FNV-1a (32 bits) in hex: small, and enough to tell values apart in a history. Not for security. */
export function digestOf(data: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
