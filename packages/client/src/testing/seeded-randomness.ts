/** Chance that repeats itself. */
import { Prng } from "../core/index.js";
import type { Randomness } from "../io/ports.js";

/** The same seed gives the same seeds and the same identifiers, in the same order. Not for secrets. */
export class SeededRandomness implements Randomness {
  readonly #prng: Prng;

  /** @param seed any integer; only its low 32 bits count. Default 1 */
  constructor(seed = 1) {
    this.#prng = new Prng(seed);
  }

  seed(): number {
    return this.#prng.below(4_294_967_296) | 0;
  }

  uuid(): string {
    const digits = Array.from({ length: 32 }, () => this.#prng.below(16).toString(16));
    digits[12] = "4";
    digits[16] = (8 + this.#prng.below(4)).toString(16);
    const text = digits.join("");
    const parts = [
      text.slice(0, 8),
      text.slice(8, 12),
      text.slice(12, 16),
      text.slice(16, 20),
      text.slice(20),
    ];
    return parts.join("-");
  }
}
