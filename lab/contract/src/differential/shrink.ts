/** From a schedule that shows a difference to a small one that still does: delta debugging, then simpler operations. */
import type { Operation, Schedule } from "./operations.js";
import { plainerThan, unitedOf } from "./plainer.js";

/** What shrinking is told. */
export interface ShrinkOptions {
  /** Whether a schedule shows a difference, and at which step; -1 for none. */
  readonly differs: (schedule: Schedule) => Promise<number>;
  /** Most schedules tried. Default: {@link triesMax}. */
  readonly tries?: number;
  /** Called after every try, with the smallest number of operations so far. */
  readonly onTry?: (tries: number, length: number) => void;
}

/** Most schedules tried in one search for the smallest. */
export const triesMax = 1500;

/** A schedule from which no operation can be taken, as far as the tries go. It is the given one if that is all there is. */
export async function shrinkSchedule(schedule: Schedule, options: ShrinkOptions): Promise<Schedule> {
  const search = new Search(schedule, options);
  await search.cut();
  for (let before = ""; before !== search.signature && !search.isOver; ) {
    before = search.signature;
    await search.remove();
    await search.unite();
    await search.simplify();
  }
  return search.best;
}

class Search {
  best: Schedule;
  readonly #options: ShrinkOptions;
  #left: number;
  #tries = 0;

  constructor(schedule: Schedule, options: ShrinkOptions) {
    this.best = schedule;
    this.#options = options;
    this.#left = options.tries ?? triesMax;
  }

  get isOver(): boolean {
    return this.#left <= 0;
  }

  get signature(): string {
    return JSON.stringify(this.best.operations);
  }

  /** What comes behind the difference has nothing to do with it. */
  async cut(): Promise<void> {
    const step = await this.#options.differs(this.best);
    if (step >= 0) await this.#accept(this.best.operations.slice(0, step + 1));
  }

  /** Takes out ever smaller pieces for as long as the rest still differs. */
  async remove(): Promise<void> {
    for (let size = Math.ceil(this.best.operations.length / 2); size >= 1 && !this.isOver; ) {
      let isSmaller = false;
      // From the end, so that what is tried next has kept its place.
      for (let start = this.best.operations.length - size; start > -size && !this.isOver; start -= size) {
        const { operations } = this.best;
        const rest = [...operations.slice(0, Math.max(0, start)), ...operations.slice(start + size)];
        if (await this.#accept(rest)) isSmaller = true;
      }
      if (!isSmaller || size > 1) size = size === 1 ? 0 : Math.ceil(size / 2);
    }
  }

  /** Brings everything together: one session instead of two, znodes directly under the root. */
  async unite(): Promise<void> {
    for (let isUnited = true; isUnited && !this.isOver; ) {
      isUnited = false;
      for (const united of unitedOf(this.best.operations)) {
        if (!(await this.#accept(united))) continue;
        isUnited = true;
        break;
      }
    }
  }

  /** Puts a plainer operation in the place of each. */
  async simplify(): Promise<void> {
    for (let at = 0; at < this.best.operations.length && !this.isOver; at++) {
      for (let isPlainer = true; isPlainer && !this.isOver; ) {
        isPlainer = false;
        for (const plainer of plainerThan(this.best.operations[at] as Operation)) {
          if (!(await this.#accept(this.best.operations.with(at, plainer)))) continue;
          isPlainer = true;
          break;
        }
      }
    }
  }

  async #accept(operations: readonly Operation[]): Promise<boolean> {
    if (this.isOver) return false;
    this.#left--;
    this.#tries++;
    const candidate = { ...this.best, operations };
    const step = await this.#options.differs(candidate);
    if (step >= 0) this.best = candidate;
    this.#options.onTry?.(this.#tries, this.best.operations.length);
    return step >= 0;
  }
}
