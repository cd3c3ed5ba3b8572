/** Chance that can be repeated: the seed is printed, and `ZK_FAILOVER_SEED` sets it. */
import { randomBytes } from "node:crypto";

/** See the head of this file; xorshift32. */
export class Random {
  #state: number;

  private constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** A generator for one test. */
  static forTest(what: string): Random {
    const seed = Number(process.env["ZK_FAILOVER_SEED"] ?? randomBytes(4).readUInt32BE(0));
    console.log(`seed: ${what}: ZK_FAILOVER_SEED=${seed}`);
    return new Random(seed);
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % end;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}
