/**
 * A small number that all see and anybody may change: a {@link SharedValue} that counts.
 *
 * Layout: `curator` four bytes, the highest first, as Curator's SharedCount, its DistributedAtomicInteger, and kazoo's Counter made
 * with `support_curator=True`. `kazoo` ASCII such as `5` or `6.5`, as kazoo's Counter; what is whole there is exact up to 2^53 and
 * refused beyond. A kazoo process whose counter is whole cannot read fractions. kazoo makes its znode empty first, on which
 * Curator's SharedCount fails; here an empty one is the seed, and none is left empty.
 */
import type { Client } from "@zk/client";
import type { WaitOptions } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import { decimalCodec, intCodec } from "./numbers.js";
import { SharedValue, type SharedValueOptions, type VersionedValue } from "./shared-value.js";

/** Options of {@link SharedCount}. */
export interface SharedCountOptions extends Omit<SharedValueOptions<number>, "codec"> {
  /** Whose form the number has. Default `curator`: whole numbers of 32 bits. `kazoo`: any number. */
  readonly dialect?: "curator" | "kazoo";
}

/** See the head of this file. */
export class SharedCount extends SharedValue<number> {
  readonly #seed: number;

  /**
   * @param path the znode; made with the seed, by default 0, where there is none
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * using workers = new SharedCount(client, "/counts/workers", { seed: 4 });
   * await workers.ready;
   * await workers.add(1);
   * ```
   */
  constructor(client: Client, path: string, options: SharedCountOptions = {}) {
    const { dialect = "curator", ...rest } = options;
    if (dialect !== "curator" && dialect !== "kazoo") {
      const message = `dialect must be "curator" or "kazoo", not ${String(dialect)}`;
      throw new RecipeError({ code: "INVALID_ARGUMENT", message, recipe: "SharedCount", path });
    }
    const codec = dialect === "kazoo" ? decimalCodec : intCodec;
    const { seed = 0 } = options;
    super(client, path, { ...rest, seed, codec }, "SharedCount");
    this.#seed = seed;
  }

  /**
   * Adds to the number, exactly once.
   * @throws as {@link SharedValue.update}; INVALID_ARGUMENT when the sum has no such form, or would be rounded although both are whole
   */
  async add(delta: number, options: WaitOptions = {}): Promise<VersionedValue<number>> {
    const now = await this.update((value = this.#seed) => this.#sum(value, delta), options);
    // It was written, so there is one.
    return now as VersionedValue<number>;
  }

  #sum(value: number, delta: number): number {
    const sum = value + delta;
    const isExact = !Number.isSafeInteger(value) || !Number.isInteger(delta) || Number.isSafeInteger(sum);
    if (isExact) return sum;
    const message = `${value} + ${delta} is beyond 2^53, and would be rounded`;
    throw new RecipeError({ code: "INVALID_ARGUMENT", message, recipe: "SharedCount", path: this.path });
  }
}
