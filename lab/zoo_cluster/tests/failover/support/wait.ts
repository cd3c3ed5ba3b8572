/** The only place of the failover suite that uses the clock to wait: for named conditions, or for a named time. */
import { setTimeout as sleep } from "node:timers/promises";
import { timeScale, waitFor } from "../../../src/wait.js";

/** Limit of {@link until} unless told, in milliseconds; far above anything that is not a hang. */
export const defaultLimitMs = 30_000;

/** Looks every few milliseconds until there is something other than `undefined` and `false` to see, and gives that. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: { readonly limitMs?: number; readonly describe?: () => string | Promise<string> } = {},
): Promise<T> {
  return await waitFor<T>({
    what,
    timeoutMs: options.limitMs ?? defaultLimitMs,
    intervalMs: 5,
    look: async () => {
      const seen = await look();
      return seen === false ? undefined : seen;
    },
    ...(options.describe === undefined ? {} : { describe: options.describe }),
  });
}

/** The promise's value, or an error that says what took too long. */
export async function within<T>(what: string, limitMs: number, promise: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(limitMs * timeScale(), undefined, { signal: done.signal }).then(() => {
    throw new Error(`${what} took longer than ${limitMs * timeScale()} ms`);
  });
  // After the end of the race nobody listens any more.
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    done.abort();
  }
}

/**
 * Lets time pass because the passing of time is what is tested: how long a process stands still, say.
 * @returns how long it really was, in milliseconds
 */
export async function letPass(what: string, milliseconds: number): Promise<number> {
  if (!(milliseconds >= 0)) throw new Error(`${what}: ${milliseconds} ms is no time to wait`);
  const startedMs = performance.now();
  const endMs = startedMs + milliseconds;
  // Timers may be early by a fraction of a millisecond.
  for (let nowMs = startedMs; nowMs < endMs; nowMs = performance.now()) await sleep(Math.ceil(endMs - nowMs));
  return performance.now() - startedMs;
}
