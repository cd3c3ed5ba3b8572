/** Which instances have failed so often lately that they are left alone for a while. */

/** When an instance is left alone. */
export interface DownPolicy {
  /** So many failures. Default 2. */
  readonly failures?: number;
  /** Within so many milliseconds; after that they are forgotten. Default 30 000. */
  readonly windowMs?: number;
}

/** See the head of this file. Times are of a monotonic clock, in milliseconds. */
export class DownInstances {
  readonly #failuresMax: number;
  readonly #windowMs: number;
  readonly #failures = new Map<string, number[]>();

  constructor({ failures = 2, windowMs = 30_000 }: DownPolicy = {}) {
    this.#failuresMax = failures;
    this.#windowMs = windowMs;
  }

  failed(key: string, nowMs: number): void {
    const failures = [...this.#recent(key, nowMs), nowMs].slice(-this.#failuresMax);
    this.#failures.set(key, failures);
  }

  /** A success says that it is well again. */
  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  isDown(key: string, nowMs: number): boolean {
    return this.#recent(key, nowMs).length >= this.#failuresMax;
  }

  /** When it failed last, as far as that is remembered. */
  failedAtMs(key: string, nowMs: number): number | undefined {
    return this.#recent(key, nowMs).at(-1);
  }

  /** Milliseconds until the next one that is down is not any more; infinity when none is. */
  recoversInMs(nowMs: number): number {
    const endsAtMs = [...this.#failures.keys()]
      .filter((key) => this.isDown(key, nowMs))
      .map((key) => (this.#recent(key, nowMs)[0] ?? nowMs) + this.#windowMs);
    return Math.min(Number.POSITIVE_INFINITY, ...endsAtMs) - nowMs;
  }

  /** Forgets all but these. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of [...this.#failures.keys()]) if (!keys.has(key)) this.#failures.delete(key);
  }

  /** As {@link recoversInMs} counts, to the last bit: whoever waits for that time must not find that it is still to come. */
  #recent(key: string, nowMs: number): readonly number[] {
    return (this.#failures.get(key) ?? []).filter((atMs) => nowMs < atMs + this.#windowMs);
  }
}
