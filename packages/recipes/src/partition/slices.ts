/** The items that are ours, told as slices: one turn of a loop for each set of items that came to be. */
import type { Client } from "@zk/client";
import type { Patience } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import type { PartitionHold } from "./partition-hold.js";

/** What is ours for one turn of the loop. */
export interface Slice {
  /** The items, each with its hold, in the order in which they were given to the partitioner. */
  readonly holds: readonly PartitionHold[];
  /** The items alone. */
  readonly items: readonly string[];
  /**
   * Aborts when the slice is over, because an item is to be given up, or was lost, or others have come: the body should end then.
   * The items that stay are held on into the next slice. The reason is a RecipeError.
   */
  readonly signal: AbortSignal;
}

/** A turn that is under way. */
interface Turn {
  readonly holds: ReadonlySet<PartitionHold>;
  readonly over: AbortController;
  readonly done: Promise<void>;
  end(): void;
}

/** What {@link Slices} is made from. */
export interface SlicesDetails {
  readonly client: Client;
  readonly about: { readonly recipe: string; readonly path: string };
  /** Milliseconds for which a slice waits for the rest of the items, at most. */
  readonly gatherMs: number;
  /** Whether no more items are to come. */
  readonly isComplete: () => boolean;
  /** The place of an item in the set. */
  readonly place: (item: string) => number;
}

/** See the head of this file. */
export class Slices {
  readonly #details: SlicesDetails;
  readonly #ours = new Set<PartitionHold>();
  #turn: Turn | undefined;
  #wake = (): void => {};
  #cancelTimer: (() => void) | undefined;
  /** The rest has been waited for long enough. */
  #isDue = false;
  #isClosed = false;

  constructor(details: SlicesDetails) {
    this.#details = details;
  }

  /** Has the item in the slices until its signal aborts. Resolves when no turn uses it any more. */
  async use(hold: PartitionHold): Promise<void> {
    this.#ours.add(hold);
    this.#look();
    await aborted(hold.signal);
    this.#ours.delete(hold);
    const turn = this.#turn?.holds.has(hold) === true ? this.#turn : undefined;
    turn?.over.abort(hold.signal.reason);
    // The others may be complete without it.
    this.#look();
    await turn?.done;
  }

  /**
   * Waits for the next slice. The one before must have ended.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT
   */
  async next(patience: Patience): Promise<Slice> {
    for (;;) {
      patience.check();
      // A turn that begins when nobody asks for it any more would never end.
      if (!this.#isClosed && this.#ours.size > 0 && this.#isReady) return this.#begin();
      await patience.race(
        new Promise<void>((resolve) => {
          this.#wake = resolve;
          this.#look();
        }),
      );
    }
  }

  /** The turn is over, and what is to be given up can be. */
  end(): void {
    const turn = this.#turn;
    this.#turn = undefined;
    turn?.over.abort(this.#ended("the turn is over"));
    turn?.end();
  }

  /** Tells the turn that is under way to end: the loop is to. */
  stop(reason: unknown): void {
    this.#turn?.over.abort(reason);
  }

  /** There will be no other turn. */
  close(): void {
    this.#isClosed = true;
    this.#calm();
    this.end();
  }

  get #isReady(): boolean {
    return this.#isDue || this.#details.isComplete();
  }

  #begin(): Slice {
    this.#calm();
    let end = (): void => {};
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    const over = new AbortController();
    this.#turn = { holds: new Set(this.#ours), over, done, end };
    const { place } = this.#details;
    const holds = [...this.#ours].sort((a, b) => place(a.item) - place(b.item));
    return { holds, items: holds.map(({ item }) => item), signal: over.signal };
  }

  /** Something has changed: is there news that the loop should have now? */
  #look(): void {
    if (this.#isClosed) return;
    const known = this.#turn?.holds;
    const isNews =
      known === undefined ? this.#ours.size > 0 : [...this.#ours].some((hold) => !known.has(hold));
    if (!isNews) return this.#calm();
    if (!this.#isReady) {
      this.#cancelTimer ??= this.#details.client.clock.setTimer(this.#details.gatherMs, () => {
        this.#isDue = true;
        this.#look();
      });
      return;
    }
    this.#turn?.over.abort(this.#ended("there are other items"));
    this.#wake();
  }

  #calm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#isDue = false;
  }

  #ended(message: string): RecipeError {
    return new RecipeError({ code: "ABORTED", message, ...this.#details.about });
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
