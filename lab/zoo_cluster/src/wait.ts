/** Bounded waiting: every wait has a name, a limit and an end by signal. */
import { setTimeout as sleep } from "node:timers/promises";
import { LabError, type LabErrorCode } from "./errors.js";

/** How long and under which signal to wait. */
export interface WaitOptions {
  /** Milliseconds. The limit is multiplied by `ZK_LAB_TIME_SCALE`. */
  readonly timeoutMs?: number;
  /** Ends the wait; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What is waited for and how a failure is told. */
export interface WaitFor<T> extends WaitOptions {
  /** Completes the sentence "waited 10 s for …". */
  readonly what: string;
  readonly timeoutMs: number;
  /** Milliseconds between two looks, 25 unless told. */
  readonly intervalMs?: number;
  /** Code of the error at the limit, `NOT_READY` unless told. */
  readonly code?: LabErrorCode;
  /** One look; undefined means "not yet". What it throws ends the wait. */
  readonly look: () => T | undefined | Promise<T | undefined>;
  /** Added to the message at the limit: what was seen last, tails of logs, what to do. */
  readonly describe?: () => string | Promise<string>;
}

/**
 * Factor for every limit of the lab, from `ZK_LAB_TIME_SCALE` (default 1, from 0.1 to 100): one setting for slow
 * machines instead of many.
 */
export function timeScale(env: Readonly<Record<string, string | undefined>> = process.env): number {
  const value = Number(env["ZK_LAB_TIME_SCALE"] ?? "1");
  return Number.isFinite(value) && value >= 0.1 && value <= 100 ? value : 1;
}

/**
 * Looks until there is something to see.
 *
 * @throws LabError with the given code at the limit; the signal's reason when it ends the wait.
 */
export async function waitFor<T>(options: WaitFor<T>): Promise<T> {
  const limitMs = options.timeoutMs * timeScale();
  const deadline = performance.now() + limitMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const seen = await options.look();
    if (seen !== undefined) return seen;
    if (performance.now() >= deadline) break;
    await pause(options.intervalMs ?? 25, options.signal);
  }
  const details = await options.describe?.();
  throw new LabError(
    options.code ?? "NOT_READY",
    `Waited ${formatSeconds(limitMs)} for ${options.what}.${details ? `\n${details}` : ""}`,
    { details: { waitedMs: Math.round(limitMs), waitedFor: options.what } },
  );
}

/** Waits a while, or rejects with the signal's reason. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await sleep(milliseconds, undefined, signal ? { signal } : {});
  } catch (error) {
    // The timer wraps the reason; the caller is promised the reason itself.
    signal?.throwIfAborted();
    throw error;
  }
}

/** `500 ms`, `2.5 s`. */
export function formatSeconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${Math.round(milliseconds / 100) / 10} s`;
}
