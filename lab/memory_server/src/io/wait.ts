/** Bounded waiting for the model to be in some state: looked at after each round, never by the clock. */
import type { ModelDriver } from "./driver.js";
import { MemoryServerError, type MemoryServerErrorCode } from "./errors.js";

/** How long and under which signal to wait. */
export interface WaitOptions {
  /** Milliseconds; on the real clock the limit is multiplied by `ZK_LAB_TIME_SCALE`. */
  readonly timeoutMs?: number;
  /** Ends the wait; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Calls back after a while of whichever time the ensemble lives in. Gives a function that cancels. */
export type SetLimit = (delayMs: number, callback: () => void) => () => void;

/** What is waited for and how a failure is told. */
export interface WaitFor<T> {
  readonly driver: ModelDriver;
  readonly setLimit: SetLimit;
  /** Completes the sentence "waited 10 s for …". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly code: MemoryServerErrorCode;
  /** Undefined means "not yet". What it throws ends the wait. */
  readonly look: () => T | undefined;
  /** Added to the message at the limit: what was seen last. */
  readonly describe: () => string;
}

/** A limit in real time that keeps the process running until it is over. */
export const realLimit: SetLimit = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs * timeScale());
  return () => clearTimeout(timer);
};

/** @throws MemoryServerError with the given code at the limit; the signal's reason when that ends the wait */
export function waitFor<T>(options: WaitFor<T>): Promise<T> {
  const { driver, signal, timeoutMs } = options;
  return new Promise<T>((resolve, reject) => {
    const stopListening = driver.listen({ settled: () => look() });
    const cancel = options.setLimit(timeoutMs, () =>
      finish(() => {
        const message = `Waited ${formatSeconds(timeoutMs)} for ${options.what}. ${options.describe()}`;
        reject(new MemoryServerError(options.code, message, { details: { waitedFor: options.what } }));
      }),
    );
    const onAbort = (): void => finish(() => reject(signal?.reason));
    const finish = (end: () => void): void => {
      stopListening();
      cancel();
      signal?.removeEventListener("abort", onAbort);
      end();
    };
    const look = (): void => {
      try {
        const seen = options.look();
        if (seen !== undefined) finish(() => resolve(seen));
      } catch (error) {
        finish(() => reject(error));
      }
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    else look();
  });
}

/** Resolves when something has happened in the ensemble. @throws the signal's reason */
export function nextRound(driver: ModelDriver, signal: AbortSignal): Promise<unknown> {
  let isFirstLook = true;
  return waitFor({
    driver,
    // The signal is the limit.
    setLimit: () => () => {},
    what: "something to happen",
    timeoutMs: 0,
    signal,
    code: "NOT_READY",
    look: () => {
      if (!isFirstLook) return true;
      isFirstLook = false;
      return undefined;
    },
    describe: () => "",
  });
}

/** Rejects when the work takes too long or the signal ends it; the work itself is told to end by `giveUp`. */
export async function withLimit<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: {
    readonly setLimit: SetLimit;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
    readonly late: () => Error;
  },
): Promise<T> {
  options.signal?.throwIfAborted();
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(options.signal?.reason);
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const cancel = options.setLimit(options.timeoutMs, () => controller.abort(options.late()));
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    cancel();
    options.signal?.removeEventListener("abort", onAbort);
  }
}

/** `500 ms`, `2.5 s`. */
export function formatSeconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${Math.round(milliseconds / 100) / 10} s`;
}

/** The factor that the lab's limits have, too. */
function timeScale(): number {
  const value = Number(process.env["ZK_LAB_TIME_SCALE"] ?? "1");
  return Number.isFinite(value) && value >= 0.1 && value <= 100 ? value : 1;
}
