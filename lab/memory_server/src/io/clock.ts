/** Time as a driver needs it. */

/** A part of what `@zk/client` calls a clock, so that one clock can drive the servers and their clients. */
export interface DriverClock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Calls back once after at least `delayMs`. Gives a function that cancels. */
  setTimer(delayMs: number, callback: () => void): () => void;
  /** Calls back when the code now running has finished. */
  afterContinuations(callback: () => void): void;
}

/** Node's timers take no longer delay. */
const timerMsMax = 2 ** 31 - 1;

/**
 * The time of this machine.
 *
 * @param options.keepAlive whether a timer keeps the process running. Default: false, a forgotten ensemble ends with its tests.
 */
export function realClock(options: { readonly keepAlive?: boolean } = {}): DriverClock {
  return {
    nowMs: () => performance.now(),
    setTimer(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(timerMsMax, Math.max(0, Math.ceil(delayMs))));
      if (options.keepAlive !== true) timer.unref();
      return () => clearTimeout(timer);
    },
    afterContinuations: queueMicrotask,
  };
}
