/** The figures of the suite: how long a client was not served. `tools/test-failover.mjs` collects these lines. */

/** Prints `outage: WHAT: N ms`. */
export function reportOutage(what: string, milliseconds: number): void {
  if (!(milliseconds >= 0)) throw new Error(`${what}: ${milliseconds} ms is no outage`);
  console.log(`outage: ${what}: ${Math.round(milliseconds)} ms`);
}

/** Times at which something succeeded, and the longest pause between two of them. */
export class Successes {
  readonly #atMs: number[] = [];

  get count(): number {
    return this.#atMs.length;
  }

  add(): void {
    this.#atMs.push(performance.now());
  }

  /** How many came after a moment (of `performance.now()`). */
  countSince(sinceMs: number): number {
    return this.#atMs.length - this.#firstAfter(sinceMs);
  }

  /**
   * The longest time without a success that ended after `sinceMs`.
   * @throws Error when none came after it: the outage is not over then
   */
  longestPauseMs(sinceMs: number): number {
    const from = this.#firstAfter(sinceMs);
    if (from === this.#atMs.length) throw new Error("nothing succeeded any more");
    let longest = 0;
    for (let index = Math.max(1, from); index < this.#atMs.length; index += 1) {
      longest = Math.max(longest, (this.#atMs[index] as number) - (this.#atMs[index - 1] as number));
    }
    return longest;
  }

  /** When the first success after a moment came; undefined when there is none yet. */
  firstSince(sinceMs: number): number | undefined {
    return this.#atMs[this.#firstAfter(sinceMs)];
  }

  #firstAfter(sinceMs: number): number {
    const index = this.#atMs.findIndex((atMs) => atMs > sinceMs);
    return index < 0 ? this.#atMs.length : index;
  }
}
