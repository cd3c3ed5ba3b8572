/** What the machine tells those who look inside: one event type a fact, each with epoch and monotonic time. */
import type { SessionState } from "./session-state.js";

/** The facts. */
export type DiagnosticFact =
  | { readonly type: "state"; readonly state: SessionState; readonly reason: string }
  | { readonly type: "attempt"; readonly server: string; readonly address: string; readonly limitMs: number }
  | {
      readonly type: "attemptFailed";
      readonly server: string;
      readonly reason: string;
      readonly nextInMs: number;
    }
  | {
      readonly type: "handshake";
      readonly server: string;
      readonly sessionId: bigint;
      readonly timeoutMs: number;
      readonly resumed: boolean;
      readonly readOnly: boolean;
    }
  | { readonly type: "connectionLost"; readonly server: string; readonly reason: string }
  | { readonly type: "pong"; readonly server: string; readonly roundTripMs: number }
  | {
      readonly type: "operation";
      readonly operation: string;
      readonly path: string;
      readonly xid: number;
      readonly durationMs: number;
      readonly code: string | undefined;
    }
  | { readonly type: "retry"; readonly operation: string; readonly path: string; readonly resends: number }
  | { readonly type: "auth"; readonly scheme: string; readonly accepted: boolean }
  | { readonly type: "watchArmed"; readonly kind: string; readonly path: string }
  | { readonly type: "watchFired"; readonly event: string; readonly path: string; readonly watchers: number }
  | { readonly type: "watchesRearmed"; readonly watches: number; readonly frames: number }
  | { readonly type: "frameRefused"; readonly server: string; readonly reason: string }
  | { readonly type: "queue"; readonly queued: number; readonly inFlight: number; readonly bytes: number }
  | { readonly type: "timeGap"; readonly gapMs: number }
  | { readonly type: "sessionPresumedExpired"; readonly silentMs: number }
  | { readonly type: "sessionIgnored"; readonly reason: string }
  | { readonly type: "internalError"; readonly error: unknown };

/** A fact with its place in time. */
export type Diagnostic = DiagnosticFact & {
  /** Counts the attempts to connect; the same number as in the driver's view of the socket. */
  readonly epoch: number;
  /** Monotonic milliseconds. */
  readonly atMs: number;
};
