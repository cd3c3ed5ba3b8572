/**
 * A set of strings that is walked through in the order of a Java HashSet.
 *
 * A server answers getChildren, and deletes the ephemeral znodes of a session, in the order in which its hash set hands
 * them out. That order follows from the strings and from how large the set once was, not from chance, so it can be the
 * same here: one chain a bucket, new strings at the end of their chain, twice the buckets when three quarters are used.
 *
 * Not followed: chains of nine or more strings in a table of 64 or more buckets, which Java turns into trees. It takes
 * strings that were chosen for it to get there.
 *
 * Source: ZooKeeper 3.4.6, DataNode.java, addChild; OpenJDK 8 and later, java.util.HashMap, putVal and resize
 */
export class JavaHashSet implements Iterable<string> {
  private buckets: (string[] | undefined)[];
  private used = 0;

  /** @param capacity buckets to begin with, a power of two; 16 by default */
  constructor(capacity = 16) {
    this.buckets = new Array<string[] | undefined>(capacity);
  }

  get size(): number {
    return this.used;
  }

  has(value: string): boolean {
    return this.buckets[this.bucketOf(value)]?.includes(value) ?? false;
  }

  /** Whether it was new. */
  add(value: string): boolean {
    const index = this.bucketOf(value);
    const chain = this.buckets[index];
    if (chain === undefined) {
      this.buckets[index] = [value];
    } else {
      if (chain.includes(value)) return false;
      chain.push(value);
      if (chain.length > CHAIN_MAX && this.buckets.length < TREE_BUCKETS_MIN) this.grow();
    }
    this.used++;
    if (this.used > this.buckets.length * LOAD) this.grow();
    return true;
  }

  /** Whether it was there. The number of buckets stays. */
  delete(value: string): boolean {
    const index = this.bucketOf(value);
    const chain = this.buckets[index];
    const at = chain?.indexOf(value) ?? -1;
    if (chain === undefined || at < 0) return false;
    if (chain.length === 1) this.buckets[index] = undefined;
    else chain.splice(at, 1);
    this.used--;
    return true;
  }

  *[Symbol.iterator](): Iterator<string> {
    for (const chain of this.buckets) if (chain !== undefined) yield* chain;
  }

  /** The same strings in the same order, as an array of its own. */
  toArray(): string[] {
    const values: string[] = [];
    for (const chain of this.buckets) if (chain !== undefined) for (const value of chain) values.push(value);
    return values;
  }

  private bucketOf(value: string): number {
    let hash = 0;
    for (let index = 0; index < value.length; index++)
      hash = (Math.imul(hash, 31) + value.charCodeAt(index)) | 0;
    return (hash ^ (hash >>> 16)) & (this.buckets.length - 1);
  }

  private grow(): void {
    const old = this.buckets;
    this.buckets = new Array<string[] | undefined>(old.length * 2);
    for (const chain of old) {
      if (chain === undefined) continue;
      for (const value of chain) {
        const index = this.bucketOf(value);
        const next = this.buckets[index];
        if (next === undefined) this.buckets[index] = [value];
        else next.push(value);
      }
    }
  }
}

const LOAD = 0.75;
/** A chain that is longer makes a small table grow. */
const CHAIN_MAX = 8;
const TREE_BUCKETS_MIN = 64;
