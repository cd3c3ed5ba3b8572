/**
 * Virtual time, single-threaded and deterministic: one event, then every promise continuation that follows from it, then
 * the next event. Node runs all microtasks between two immediates, so a turn is an immediate.
 */
import { TURNS_AT_ONCE, TURNS_MAX } from "../limits.js";

/** Something that is going to happen. */
export interface Planned {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once it was called off. */
  run: (() => void) | undefined;
}

/** See the head of this file. */
export class Timeline {
  nowMs = 0;
  /** Events that ran so far. */
  turns = 0;
  /** A program runs in this turn, so its continuations have to run before the next. */
  isTouched = false;
  /** Runs after each turn, when all continuations have run. */
  afterTurn: () => void = () => {};
  readonly #heap: Planned[] = [];
  #soon: (() => void)[] = [];
  #soonAt = 0;
  #order = 0;
  #isStopped = false;

  /** Plans an event; those of one moment happen in the order in which they were planned. */
  at(atMs: number, run: () => void): Planned {
    this.#order += 1;
    const planned: Planned = { atMs: Math.max(atMs, this.nowMs), order: this.#order, run };
    push(this.#heap, planned);
    return planned;
  }

  /** Plans an event so many milliseconds from now. */
  after(delayMs: number, run: () => void): Planned {
    return this.at(this.nowMs + delayMs, run);
  }

  /** The next turn, before anything else: when the code now running has finished, continuations included. */
  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Ends the run at the end of this turn. */
  stop(): void {
    this.#isStopped = true;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * Lets events happen until `untilMs` of virtual time, or until `isDone` says so, or until {@link stop}.
   * @returns whether `isDone` was met
   */
  run(untilMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const finish = (met: boolean): void => {
        isOver = true;
        resolve(met);
      };
      const turn = (): void => {
        if (isOver) return;
        try {
          this.afterTurn();
          this.isTouched = false;
          // What concerns only the servers leaves no continuations.
          while (!this.isTouched) {
            if (this.#isStopped) return finish(false);
            if (isDone()) return finish(true);
            if (!this.#step(untilMs)) return finish(false);
          }
          if (this.turns > TURNS_MAX) throw new Error(`no end after ${TURNS_MAX} turns`);
        } catch (error) {
          isOver = true;
          reject(error);
        }
      };
      const batch = (): void => {
        if (isOver) return;
        for (let count = 1; count < TURNS_AT_ONCE; count += 1) setImmediate(turn);
        setImmediate(() => {
          turn();
          batch();
        });
      };
      batch();
    });
  }

  #step(untilMs: number): boolean {
    const soon = this.#soon[this.#soonAt];
    if (soon !== undefined) {
      this.#soonAt += 1;
      if (this.#soonAt === this.#soon.length) {
        this.#soon = [];
        this.#soonAt = 0;
      }
      this.turns += 1;
      soon();
      return true;
    }
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      pop(this.#heap);
      if (next.run === undefined) continue;
      this.nowMs = next.atMs;
      this.turns += 1;
      const { run } = next;
      next.run = undefined;
      run();
      return true;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    return false;
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

function push(heap: Planned[], planned: Planned): void {
  let place = heap.length;
  heap.push(planned);
  while (place > 0) {
    const above = (place - 1) >> 1;
    const parent = heap[above] as Planned;
    if (!isBefore(planned, parent)) break;
    heap[place] = parent;
    place = above;
  }
  heap[place] = planned;
}

function pop(heap: Planned[]): void {
  const last = heap.pop() as Planned;
  const size = heap.length;
  if (size === 0) return;
  let place = 0;
  for (;;) {
    let below = 2 * place + 1;
    if (below >= size) break;
    if (below + 1 < size && isBefore(heap[below + 1] as Planned, heap[below] as Planned)) below += 1;
    const child = heap[below] as Planned;
    if (!isBefore(child, last)) break;
    heap[place] = child;
    place = below;
  }
  heap[place] = last;
}
