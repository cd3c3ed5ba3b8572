/** What happened, line by line, and a digest of it all: two runs of one seed must have the same. */
import { TRACE_LINES_MAX } from "../limits.js";

/** See the head of this file. */
export class Trace {
  readonly #lines: string[] = [];
  #dropped = 0;
  #low = 0x811c9dc5;
  #high = 0x01000193;
  #count = 0;
  /** Hears of every line as it comes; for watching a run. */
  readonly #listener: ((line: string) => void) | undefined;

  constructor(listener?: (line: string) => void) {
    this.#listener = listener;
  }

  /** @param atMs virtual milliseconds @param who the client, server or part that it is about */
  add(atMs: number, who: string, what: string): void {
    const line = `${atMs.toFixed(3).padStart(11)} ${who.padEnd(8)} ${what}`;
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < line.length; index += 1) {
      const unit = line.charCodeAt(index);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x85ebca6b) ^ (high >>> 13);
    }
    this.#low = low;
    this.#high = high;
    this.#count += 1;
    this.#listener?.(line);
    this.#lines.push(line);
    if (this.#lines.length < 2 * TRACE_LINES_MAX) return;
    this.#dropped += this.#lines.length - TRACE_LINES_MAX;
    this.#lines.splice(0, this.#lines.length - TRACE_LINES_MAX);
  }

  /** Sixteen hex digits over every line there ever was, kept or not. */
  get digest(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  /** How many lines there were. */
  get count(): number {
    return this.#count;
  }

  /** The newest lines, oldest first; the first says how many came before them. */
  lines(): readonly string[] {
    return this.#dropped === 0 ? this.#lines : [`(${this.#dropped} lines before)`, ...this.#lines];
  }
}
