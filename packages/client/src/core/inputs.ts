/**
 * Everything that can happen to a session machine. Each input carries the monotonic time at which it happened; inputs
 * about a connection carry its epoch, so that the last words of a dead socket are told from those of the living one.
 */
import type { Call } from "./call.js";
import type { Secret } from "./secret.js";
import type { Watcher } from "./watch-table.js";

/** A wish of the user that is not an operation on a znode. Settled through the same outputs as a call. */
export interface Ticket {
  readonly ticket: "connect" | "close" | "addAuth";
  /** Monotonic time after which the wish fails; infinity for never. */
  readonly deadlineMs: number;
}

/** One input of {@link SessionMachine.step}. */
export type Input =
  | { readonly kind: "connect"; readonly nowMs: number; readonly ticket: Ticket }
  | { readonly kind: "close"; readonly nowMs: number; readonly ticket: Ticket }
  | {
      readonly kind: "addAuth";
      readonly nowMs: number;
      readonly ticket: Ticket;
      readonly scheme: string;
      readonly auth: Secret;
    }
  | { readonly kind: "call"; readonly nowMs: number; readonly call: Call }
  | {
      readonly kind: "abandon";
      readonly nowMs: number;
      readonly target: Call | Ticket;
      readonly reason: unknown;
    }
  | { readonly kind: "unwatch"; readonly nowMs: number; readonly path: string; readonly watcher: Watcher }
  | {
      readonly kind: "resolved";
      readonly nowMs: number;
      readonly epoch: number;
      readonly addresses: readonly string[];
    }
  | { readonly kind: "unresolved"; readonly nowMs: number; readonly epoch: number; readonly reason: string }
  | { readonly kind: "opened"; readonly nowMs: number; readonly epoch: number }
  | { readonly kind: "received"; readonly nowMs: number; readonly epoch: number; readonly bytes: Uint8Array }
  | { readonly kind: "blocked"; readonly nowMs: number; readonly epoch: number }
  | { readonly kind: "drained"; readonly nowMs: number; readonly epoch: number }
  | { readonly kind: "disconnected"; readonly nowMs: number; readonly epoch: number; readonly reason: string }
  | { readonly kind: "probed"; readonly nowMs: number; readonly epoch: number; readonly isReadWrite: boolean }
  | { readonly kind: "time"; readonly nowMs: number };
