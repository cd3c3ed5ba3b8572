/** A function under its hold: told to stop by the hold's signal, and complained of when it goes on. */
import type { Client } from "@zk/client";
import { warn } from "../io/process-warning.js";
import type { Hold } from "./hold.js";
import { telemetryOf } from "./telemetry.js";

/** The time for which a function may go on after its hold's signal has aborted, in milliseconds, unless it is told. */
export const DEFAULT_GRACE_MS = 5_000;

/** Who runs, and who hears of one that does not stop. */
export interface Grace<Held extends Hold> {
  /** For people, such as `the leader`. */
  readonly who: string;
  readonly graceMs?: number | undefined;
  /** Default: a process warning. */
  readonly onOverstay?: ((hold: Held, forMs: number) => void) | undefined;
}

/** Runs the function. Resolves or rejects as it does, and never before: what is still used is still held. */
export async function runWithGrace<Held extends Hold, T>(
  client: Client,
  hold: Held,
  work: (hold: Held) => Promise<T> | T,
  { who, graceMs = DEFAULT_GRACE_MS, onOverstay }: Grace<Held>,
): Promise<T> {
  let cancelTimer = (): void => {};
  const overstays = (): void => {
    const { recipe, path, token } = hold;
    telemetryOf(client).tell({ type: "overstay", recipe, path, token, forMs: graceMs });
    if (onOverstay === undefined) {
      warn(`${recipe} ${path}: ${who} goes on ${graceMs} ms after it was told to stop: ${told(hold)}`);
      return;
    }
    try {
      onOverstay(hold, graceMs);
    } catch {
      // It must not come between the function and its end.
    }
  };
  const aborted = (): void => {
    cancelTimer = client.clock.setTimer(graceMs, overstays);
  };
  const { signal } = hold;
  signal.addEventListener("abort", aborted, { once: true });
  if (signal.aborted) aborted();
  try {
    return await work(hold);
  } finally {
    signal.removeEventListener("abort", aborted);
    cancelTimer();
  }
}

function told({ signal }: Hold): string {
  return signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
}
