/** Time that passes when the test says so. */
import type { DriverClock } from "./clock.js";

interface Timer {
  readonly atMs: number;
  readonly number: number;
  readonly callback: () => void;
}

/** Turns of the event loop after which everything that follows from one event has happened. */
const settleTurns = 3;

/**
 * A clock that stands still until it is moved. Timers fire in the order of their times, those of one moment in the order
 * in which they were set; after each, whatever follows from it in promises runs before the next.
 *
 * It fits the clock of a driver and the `clock` port of `@zk/client` alike: give both the same one.
 */
export class VirtualClock implements DriverClock {
  #nowMs: number;
  #numbered = 0;
  #readsDue = 0;
  readonly #timers = new Set<Timer>();

  /** @param startMs where the clock stands at first, in milliseconds. Default: 0. */
  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.#numbered += 1;
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), number: this.#numbered, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  afterContinuations(callback: () => void): void {
    process.nextTick(callback);
  }

  afterReads(callback: () => void): void {
    this.#readsDue += 1;
    setImmediate(() => {
      this.#readsDue -= 1;
      callback();
    });
  }

  /** When the next timer fires; infinity when none is set. */
  get nextTimerMs(): number {
    return this.#earliest()?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** How many timers are set: 0 when nobody would ever be called again. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /**
   * Lets time pass, firing the timers on the way.
   *
   * @param forMs milliseconds; 0 fires what is overdue
   */
  async advance(forMs: number): Promise<void> {
    const untilMs = this.#nowMs + forMs;
    await this.runUntilIdle();
    while (this.nextTimerMs <= untilMs) await this.#fireNext();
    this.#nowMs = untilMs;
  }

  /** Everything that is due now happens, promises and deliveries included. No time passes. */
  async runUntilIdle(): Promise<void> {
    do {
      for (let turn = 0; turn < settleTurns; turn += 1) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    } while (this.#readsDue > 0);
  }

  /**
   * Lets time pass from timer to timer until something is so.
   *
   * @param limitMs of virtual time; default 60 000
   * @throws Error when it is not so by then, or when nothing would ever happen any more
   */
  async runUntil(isSo: () => boolean, limitMs = 60_000): Promise<void> {
    const untilMs = this.#nowMs + limitMs;
    await this.runUntilIdle();
    while (!isSo()) {
      if (this.nextTimerMs > untilMs) {
        throw new Error(`after ${limitMs} ms of virtual time it is still not so: ${isSo}`);
      }
      await this.#fireNext();
    }
  }

  /** Time passes and nothing runs: a blocked event loop. Timers that were due meanwhile fire at the next {@link advance}. */
  stall(forMs: number): void {
    this.#nowMs += forMs;
  }

  async #fireNext(): Promise<void> {
    const timer = this.#earliest();
    if (timer === undefined) return;
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    timer.callback();
    await this.runUntilIdle();
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      // A set keeps the order of insertion, so among equals the first is the one that was set first.
      if (earliest === undefined || timer.atMs < earliest.atMs) earliest = timer;
    }
    return earliest;
  }
}
