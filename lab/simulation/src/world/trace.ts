/** What happened, line by line, and a digest of it all: two runs of one seed must have the same. */
import { TRACE_LINES_MAX } from "../limits.js";

/** One line, not written out yet: most are never read. */
interface Line {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
}

/** See the head of this file. */
export class Trace {
  readonly #lines: Line[] = [];
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
    this.#mix(Math.floor(atMs * 1000));
    for (let index = 0; index < who.length; index += 1) this.#mix(who.charCodeAt(index));
    for (let index = 0; index < what.length; index += 1) this.#mix(what.charCodeAt(index));
    this.#count += 1;
    const line = { atMs, who, what };
    this.#listener?.(written(line));
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
    const lines = this.#lines.map(written);
    return this.#dropped === 0 ? lines : [`(${this.#dropped} lines before)`, ...lines];
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ value, 0x85ebca6b) ^ (this.#high >>> 13);
  }
}

function written({ atMs, who, what }: Line): string {
  return `${atMs.toFixed(3).padStart(11)} ${who.padEnd(8)} ${what}`;
}
