/**
 * Which item to try next, of those that the last look at the queue showed.
 *
 * Many consumers who see the same list and all want its head would get in each other's way: one has it, the others have tried in
 * vain, and do so again at the next item. So each picks by chance among the first few. A lone consumer takes the very first one,
 * always; whoever comes too late picks from more the next time, and from fewer again after each success. Where an item is
 * gone, the head of the queue is farther on, so those before it are presumably gone as well and not tried. Items of one
 * priority are never passed over for those of a later one.
 *
 * A list grows old while others take from it: items that were given back lie before the head, and new ones may have to go
 * first. It is looked at again when it is used up, when several picks in a row came too late, and every so often: a long list,
 * whose answer is long, less often than a short one.
 */
import { compareSerials, inOrder } from "../core/sequence.js";
import type { QueueEntry } from "./layout.js";

/** Picks too late in a row after which the list is taken for old. */
const MISSES_MAX = 4;
/** Items to pick from at most. */
const WIDTH_MAX = 256;
/** How much wider the choice is after another was quicker; after an item was gone that another had before; after a success. */
const AFTER_BUSY = 2;
const AFTER_GONE = 1.5;
const AFTER_SUCCESS = 15 / 16;
/** Names that may be read for each item taken, so that a long list is not read again and again. */
const NAMES_PER_ITEM = 512;

/** See the head of this file. */
export class Candidates {
  readonly #takenMin: number;
  #entries: QueueEntry[] = [];
  #isUsable = false;
  #width = 1;
  #misses = 0;
  #taken = 0;
  #listed = 0;

  /** @param takenMin items to be taken from a list at least before it is old by that alone */
  constructor(takenMin: number) {
    this.#takenMin = takenMin;
  }

  /** Whether the queue has to be looked at again before the next pick. */
  get isOld(): boolean {
    if (!this.#isUsable || this.#entries.length === 0 || this.#misses >= MISSES_MAX) return true;
    return this.#taken >= this.#takenMin && this.#taken * NAMES_PER_ITEM >= this.#listed;
  }

  /** When the next item becomes due; undefined when there is none, or it has no time. */
  get nextDueMs(): number | undefined {
    return this.#entries[0]?.dueMs;
  }

  /**
   * Takes in a look at the queue.
   * @param entries those that nobody has, in order; see {@link inQueueOrder}
   * @param listed how many names were read for it
   */
  renew(entries: QueueEntry[], listed: number): void {
    this.#entries = entries;
    this.#listed = listed;
    this.#misses = 0;
    this.#taken = 0;
    this.#isUsable = true;
  }

  /** What was seen is of a queue that is gone. */
  discard(): void {
    this.#isUsable = false;
  }

  /**
   * Picks one and takes it from the list.
   * @param chance from 0 to less than 1
   * @param dueMs items that are due later are not to be picked yet
   */
  pick(chance: number, dueMs: number): QueueEntry | undefined {
    const [first] = this.#entries;
    if (first === undefined) return undefined;
    const wanted = Math.floor(this.#width);
    let width = 0;
    while (width < wanted && isAlike(first, this.#entries[width], dueMs)) width += 1;
    if (width === 0) return undefined;
    // Earlier ones a little more often, so that none is passed over for long.
    const [picked] = this.#entries.splice(Math.floor(chance ** 1.5 * width), 1);
    return picked;
  }

  /** The pick was in time. */
  inTime(): void {
    this.#misses = 0;
    this.#taken += 1;
    this.#width = Math.max(1, this.#width * AFTER_SUCCESS);
  }

  /** The pick came too late: another has the item (`busy`), or had it (`gone`). */
  tooLate(picked: QueueEntry, refusal: "busy" | "gone"): void {
    this.#misses += 1;
    this.#width = Math.min(WIDTH_MAX, this.#width * (refusal === "busy" ? AFTER_BUSY : AFTER_GONE));
    if (refusal === "busy") return;
    const behind = this.#entries.findIndex((entry) => byQueueOrder(entry, picked) > 0);
    this.#entries.splice(0, behind < 0 ? this.#entries.length : behind);
  }
}

/** Whether one may be picked in place of the first: both are due, and of the same priority. */
function isAlike(first: QueueEntry, other: QueueEntry | undefined, dueMs: number): boolean {
  if (other === undefined || first.priority !== other.priority) return false;
  return other.dueMs === undefined || other.dueMs <= dueMs;
}

/** By priority or due time, smaller first, and then by the order in which they were put, past the wrap of the numbers too. */
export function inQueueOrder(entries: readonly QueueEntry[]): QueueEntry[] {
  return inOrder(entries).sort(byPlacement);
}

function byPlacement(a: QueueEntry, b: QueueEntry): number {
  return (a.priority ?? 0) - (b.priority ?? 0) || (a.dueMs ?? 0) - (b.dueMs ?? 0);
}

function byQueueOrder(a: QueueEntry, b: QueueEntry): number {
  return byPlacement(a, b) || compareSerials(a.serial, b.serial);
}
