/** What is to happen later, in the order of time; at the same time, in the order in which it was asked for. */

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly task: () => void;
}

/** See the head of this file. A binary heap. */
export class Schedule {
  readonly #heap: Entry[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(atMs: number, task: () => void): void {
    const heap = this.#heap;
    const entry = { atMs, order: this.#order, task };
    this.#order += 1;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  /** When the next is due; infinity when nothing is. */
  nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Takes out what is due next, if it is due by `nowMs`. */
  take(nowMs: number): { readonly atMs: number; readonly task: () => void } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    const last = heap.pop() as Entry;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as Entry, heap[child] as Entry)) child = right;
      if (!isBefore(heap[child] as Entry, entry)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
