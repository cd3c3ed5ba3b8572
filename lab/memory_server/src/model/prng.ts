/** Chance from a seed: the same seed and the same inputs give the same ensemble. */
import type { Range } from "./types.js";

/** See the head of this file. Mulberry32: 32 bits of state. */
export class Prng {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** At least 0 and below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** From a range, both ends included. A range of one number draws nothing. */
  within([minMs, maxMs]: Range): number {
    return maxMs <= minMs ? minMs : minMs + this.next() * (maxMs - minMs);
  }
}
