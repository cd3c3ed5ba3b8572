/** Time that passes when the test says so. */
import type { Clock } from "../io/ports.js";
import { systemClock } from "../io/system-ports.js";

interface Timer {
  readonly atMs: number;
  readonly number: number;
  readonly callback: () => void;
}

/** Turns of the event loop after which everything that was going to happen by itself has happened. */
const TURNS = 3;

/**
 * Lets everything that is due run: promise continuations, deliveries in memory, and what follows from them. It does not
 * wait for timers, and not for real sockets.
 */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) {
    await new Promise<void>((resolve) => systemClock.afterReads(resolve));
  }
}

/**
 * A clock that stands still until it is moved. Timers fire in the order of their times, those of one moment in the order
 * in which they were set; after each, everything that follows from it runs before the next.
 *
 * @example
 * ```ts
 * const clock = new ManualClock();
 * const client = createClient("10.0.0.1:2181", { ports: { clock, transport: network } });
 * await clock.advance(30_000);
 * ```
 */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<Timer>();
  #numbered = 0;
  #readsDue = 0;

  /** @param startMs where the clock stands at first, in milliseconds; the zero point means nothing */
  constructor(startMs = 1_000_000) {
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
    systemClock.afterContinuations(callback);
  }

  afterReads(callback: () => void): void {
    this.#readsDue += 1;
    systemClock.afterReads(() => {
      this.#readsDue -= 1;
      callback();
    });
  }

  /** The times at which timers are set, earliest first; empty when nobody would ever be called. */
  get timersAtMs(): number[] {
    return [...this.#timers].map(({ atMs }) => atMs).sort((one, other) => one - other);
  }

  /**
   * Lets time pass, firing the timers on the way.
   * @param forMs milliseconds; 0 fires what is overdue
   */
  async advance(forMs: number): Promise<void> {
    const untilMs = this.#nowMs + forMs;
    await this.settle();
    for (
      let timer = this.#earliest();
      timer !== undefined && timer.atMs <= untilMs;
      timer = this.#earliest()
    ) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.callback();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  /**
   * Time passes and nothing runs: a stopped process, a blocked event loop, a sleeping laptop. Timers that were due
   * meanwhile fire at the next {@link advance}.
   */
  stall(forMs: number): void {
    this.#nowMs += forMs;
  }

  /** Lets everything that is due run, without moving the time; see {@link settle}. */
  async settle(): Promise<void> {
    do await settle();
    while (this.#readsDue > 0);
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (
        earliest === undefined ||
        timer.atMs < earliest.atMs ||
        (timer.atMs === earliest.atMs && timer.number < earliest.number)
      ) {
        earliest = timer;
      }
    }
    return earliest;
  }
}
