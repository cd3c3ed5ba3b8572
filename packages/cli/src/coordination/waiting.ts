/** Waiting in a line of the ensemble: any signal takes us out of it, and a session that ends is followed by another. */
import { constants } from "node:os";
import type { Client } from "@zk/client";
import type { CommandIo } from "../definition/command-io.js";
import { Interruption } from "../program/errors.js";
import { FORWARDED } from "./child.js";

/** What waiting needs of its run. */
export interface WaitingRun {
  readonly signal: AbortSignal;
  readonly io: Pick<CommandIo, "takeSignals">;
}

/** @throws Interruption for any of the forwarded signals; the run's reason; what the work throws */
export async function waitInLine<T>(
  client: Client,
  run: WaitingRun,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const giveBack = run.io.takeSignals?.(FORWARDED, (signal) => {
    controller.abort(new Interruption(signal, constants.signals[signal]));
    return true;
  });
  const forget = renewSessions(client, run.signal);
  try {
    return await work(AbortSignal.any([run.signal, controller.signal]));
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    run.signal.throwIfAborted();
    throw error;
  } finally {
    giveBack?.();
    forget();
  }
}

/** Begins another session whenever one has ended. @returns what ends that */
export function renewSessions(client: Client, signal: AbortSignal): () => void {
  const onState = (state: string): void => {
    // Whoever waits hears of the failure, too.
    if (state === "expired") client.connect({ signal }).catch(() => {});
  };
  client.on("state", onState);
  return () => client.off("state", onState);
}
