/** A first-in first-out queue with cheap `shift`, which remembers how many items ever passed through it. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;
  #shifted = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** The place that the next pushed item will have, counted from the first item ever pushed. */
  get end(): number {
    return this.#shifted + this.size;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    this.#shifted += 1;
    // Not at once when it becomes empty: an array that is emptied and filled for every request allocates each time.
    if (this.#head >= 256 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes out the first item that fits, wherever it stands among the first `among`. */
  takeWhere(fits: (item: T) => boolean, among: number = this.size): T | undefined {
    const end = this.#head + Math.min(among, this.size);
    for (let index = this.#head; index < end; index += 1) {
      const item = this.#items[index] as T;
      if (!fits(item)) continue;
      this.#items.splice(index, 1);
      this.#shifted += 1;
      return item;
    }
    return undefined;
  }

  /** Takes out every item that fits; the others keep their order. */
  takeAll(fits: (item: T) => boolean): T[] {
    const taken: T[] = [];
    const kept: T[] = [];
    for (const item of this.toArray()) (fits(item) ? taken : kept).push(item);
    if (taken.length === 0) return taken;
    this.#items = kept;
    this.#head = 0;
    this.#shifted += taken.length;
    return taken;
  }

  /** Puts items before all others, in the order given. */
  unshiftAll(items: readonly T[]): void {
    if (items.length === 0) return;
    this.#items = [...items, ...this.toArray()];
    this.#head = 0;
    this.#shifted -= items.length;
  }

  /** Empties the queue and gives what was in it, oldest first. */
  drain(): T[] {
    const items = this.toArray();
    this.#shifted += items.length;
    this.#items = [];
    this.#head = 0;
    return items;
  }

  toArray(): T[] {
    return this.#items.slice(this.#head) as T[];
  }
}
