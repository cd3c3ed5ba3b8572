/** A leader function under its term: told to stop when the term ends, and complained of when it does not. */
import type { Client } from "@zk/client";
import { telemetryOf } from "../core/telemetry.js";
import { warn } from "../io/process-warning.js";
import type { Term } from "./term.js";

/** What the leader does. It should end soon after the term's signal has aborted. */
export type LeaderWork<T> = (term: Term) => Promise<T> | T;

/** How long a leader may go on, and who hears of one that does. */
export interface GraceOptions {
  /** Milliseconds that the leader function may go on after the term's signal has aborted. Default 5 000. */
  readonly graceMs?: number;
  /** Hears of a leader function that goes on for longer. Default: a process warning. */
  readonly onOverstay?: (term: Term, forMs: number) => void;
}

/** The default of {@link GraceOptions.graceMs}. */
export const DEFAULT_GRACE_MS = 5_000;

/** Runs the function. Resolves or rejects as it does, and never before: a term whose leader goes on has not ended. */
export async function runLeader<T>(
  client: Client,
  term: Term,
  work: LeaderWork<T>,
  { graceMs = DEFAULT_GRACE_MS, onOverstay }: GraceOptions,
): Promise<T> {
  let cancelTimer = (): void => {};
  const overstays = (): void => {
    const { recipe, path, token } = term;
    telemetryOf(client).tell({ type: "overstay", recipe, path, token, forMs: graceMs });
    if (onOverstay === undefined) {
      warn(`${recipe} ${path}: the leader goes on ${graceMs} ms after it was told to stop: ${told(term)}`);
      return;
    }
    try {
      onOverstay(term, graceMs);
    } catch {
      // It must not come between the leader and its end.
    }
  };
  const aborted = (): void => {
    cancelTimer = client.clock.setTimer(graceMs, overstays);
  };
  const { signal } = term;
  signal.addEventListener("abort", aborted, { once: true });
  if (signal.aborted) aborted();
  try {
    return await work(term);
  } finally {
    signal.removeEventListener("abort", aborted);
    cancelTimer();
  }
}

function told({ signal }: Term): string {
  return signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
}
