/** Chance that repeats itself: the same seed, the same choices. Everything in a simulation that could be otherwise asks here. */

/** A stream of choices. Streams that are forked by name do not disturb each other. */
export class Chance {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;
  readonly #seed: number;
  readonly #name: string;

  /** @param seed any integer @param name tells streams of one seed apart */
  constructor(seed: number, name = "") {
    this.#seed = seed;
    this.#name = name;
    let hash = 0x811c9dc5;
    for (let index = 0; index < name.length; index += 1) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    }
    this.#a = seed | 0;
    this.#b = hash | 0;
    this.#c = Math.floor(seed / 4_294_967_296) | 0;
    for (let round = 0; round < 12; round += 1) this.next();
  }

  /** Another stream of the same seed. */
  fork(name: string): Chance {
    return new Chance(this.#seed, `${this.#name}/${name}`);
  }

  /** A number from 0 to below 1. */
  next(): number {
    // Small fast counting generator, 32 bits, by Chris Doty-Humphrey.
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return (sum >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** A number from `min` to below `max`. */
  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  /** True so often. */
  is(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of them. @throws RangeError when there is none */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("there is nothing to pick from");
    return items[this.below(items.length)] as T;
  }

  /** Gives one name at each call, each as often as its weight says. @throws RangeError when all weights are 0 */
  chooser<Name extends string>(weights: Readonly<Record<Name, number>>): () => Name {
    const names = Object.keys(weights) as Name[];
    const shares = names.map((name) => weights[name]);
    const total = shares.reduce((sum, share) => sum + share, 0);
    if (!(total > 0)) throw new RangeError("all weights are 0");
    return () => {
      let left = this.next() * total;
      let place = 0;
      while (place < shares.length - 1 && left >= (shares[place] as number)) {
        left -= shares[place] as number;
        place += 1;
      }
      return names[place] as Name;
    };
  }

  /** A number with the distribution of waiting times: mostly short, sometimes long. */
  wait(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }
}
