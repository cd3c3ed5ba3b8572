/**
 * A stream of items, each claimed for whoever iterates.
 *
 * Back-pressure: no more than `prefetch` items are claimed and not yet ended (acknowledged, given back, lost) at any time, those
 * that wait to be handed out among them.
 */
import type { Client } from "@zk/client";
import { checkInteger, checkOneOf } from "../core/checks.js";
import { Patience } from "../core/patience.js";
import { isRecipeError } from "../errors.js";
import type { QueueItem } from "./item.js";
import type { QueueSetup } from "./setup.js";
import type { Taker } from "./taker.js";

/**
 * When an item is acknowledged:
 * - `manual`: when the consumer says so. At least once.
 * - `after`: when the next item is asked for, which the consumer does when it has done its work; also when the signal has
 *   aborted by then. An item from whose work the loop is left, by an error or a `break`, is given back. At least once.
 * - `before`: before it is handed out. At most once: what a consumer that dies was working on is lost.
 */
export type AckMode = "manual" | "after" | "before";

const PREFETCH_MAX = 1000;

/** Options of {@link Queue.consume}. */
export interface ConsumeOptions {
  /** Default `manual`. */
  readonly ack?: AckMode;
  /** Items that may be claimed and not ended at the same time. Default 1. More keep a consumer busy while it waits for servers. */
  readonly prefetch?: number;
  /** Ends the stream: iterating rejects with ABORTED. */
  readonly signal?: AbortSignal;
}

/** See the head of this file. Leaving the loop, `return()` and disposing of it end it: items not handed out are given back. */
export class QueueConsumer<T> implements AsyncIterableIterator<QueueItem<T>, undefined>, AsyncDisposable {
  readonly #client: Client;
  readonly #taker: Taker<T>;
  readonly #ack: AckMode;
  readonly #prefetch: number;
  readonly #patience: Patience;
  readonly #ending = new AbortController();
  /** Claimed, and to be handed out in this order. */
  readonly #ready: QueueItem<T>[] = [];
  /** Claimed and not ended. */
  readonly #held = new Set<QueueItem<T>>();
  /** With `after` the one whose work is under way. */
  #current: QueueItem<T> | undefined;
  #running: Promise<void> | undefined;
  /** One `next` goes after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #isEnded = false;
  #changed: Promise<void>;
  #change: () => void = () => {};

  /** Made by the queue. */
  constructor(setup: QueueSetup, taker: Taker<T>, options: ConsumeOptions) {
    const { client, recipe, path } = setup;
    const { prefetch = 1 } = options;
    checkInteger(setup, "prefetch", prefetch, { min: 1, max: PREFETCH_MAX });
    checkOneOf(setup, "ack", options.ack, ["manual", "after", "before"]);
    this.#client = client;
    this.#taker = taker;
    this.#ack = options.ack ?? "manual";
    this.#prefetch = prefetch;
    const { signal } = options;
    const ending = this.#ending.signal;
    this.#patience = new Patience(
      client,
      { recipe, path },
      { signal: signal === undefined ? ending : AbortSignal.any([ending, signal]) },
    );
    this.#patience.signal.addEventListener("abort", () => this.#tell(), { once: true });
    this.#changed = this.#nextChange();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The next item, as soon as there is one.
   * @throws RecipeError ABORTED, SESSION_EXPIRED; ZkError for what a server refuses. The stream is over then.
   */
  next(): Promise<IteratorResult<QueueItem<T>, undefined>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => {
      // Told to whoever asked; the one behind it is told that there are no more.
    });
    return result;
  }

  /** Ends the stream. Resolves when the items that were not handed out are given back. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#isEnded = true;
    this.#ending.abort();
    await this.#running;
    const rest = this.#ready.splice(0);
    if (this.#current !== undefined) rest.push(this.#current);
    this.#current = undefined;
    await Promise.all(rest.map((item) => item.release()));
    this.#patience[Symbol.dispose]();
    return DONE;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #next(): Promise<IteratorResult<QueueItem<T>, undefined>> {
    try {
      await this.#endCurrent();
      for (;;) {
        if (this.#isEnded) return DONE;
        this.#patience.check();
        this.#running ??= this.#claimAhead();
        const [item] = this.#ready;
        if (item?.state === "held") {
          this.#ready.shift();
          if (this.#ack !== "before" || (await takeOut(item, this.#patience)))
            return { done: false, value: this.#handOut(item) };
        } else if (item?.state === "lost" || item?.state === "released") {
          this.#ready.shift();
        } else if (item === undefined && this.#failure !== undefined) {
          throw this.#failure.error;
        } else {
          await this.#changed;
        }
      }
    } catch (error) {
      if (this.#isEnded) return DONE;
      await this.return();
      throw error;
    }
  }

  /** Claims items as long as there may be more. Never rejects. */
  async #claimAhead(): Promise<void> {
    try {
      for (;;) {
        while (this.#held.size >= this.#prefetch) await this.#patience.race(this.#changed);
        const item = await this.#taker.take(this.#patience);
        this.#held.add(item);
        this.#ready.push(item);
        item.onState((state) => {
          if (state === "lost" || state === "released") this.#held.delete(item);
          this.#tell();
        });
        // It may have been lost before anybody listened.
        if (item.state === "lost") this.#held.delete(item);
        this.#tell();
      }
    } catch (error) {
      this.#failure = { error };
      this.#tell();
    }
  }

  #handOut(item: QueueItem<T>): QueueItem<T> {
    if (this.#ack === "after") this.#current = item;
    return item;
  }

  /** With `after`: the consumer asks for more, so it has done its work. */
  async #endCurrent(): Promise<void> {
    const item = this.#current;
    this.#current = undefined;
    if (item === undefined || item.state === "released") return;
    const { signal } = this.#patience;
    try {
      // The work is done, whether or not more is to come: told to end, it is said all the same, if that takes no longer than a release.
      const limit = signal.aborted ? { timeoutMs: this.#client.sessionTimeoutMs / 3 } : { signal };
      await item.ack(undefined, limit);
    } catch (error) {
      // Another gets it, or got it: that is what "at least once" means, and the loss was told.
      if (!isRecipeError(error, "HOLD_LOST") && !isRecipeError(error, "AMBIGUOUS")) {
        await item.release();
        this.#patience.check();
        throw error;
      }
    }
  }

  #tell(): void {
    const change = this.#change;
    this.#changed = this.#nextChange();
    change();
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#change = resolve;
    });
  }
}

/**
 * Takes an item out of the queue that is about to be handed out.
 * @returns false when it was lost before
 */
export async function takeOut(item: QueueItem<unknown>, patience: Patience): Promise<boolean> {
  try {
    await item.takeOut(patience);
    return true;
  } catch (error) {
    await item.release();
    if (isRecipeError(error, "HOLD_LOST")) return false;
    throw error;
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
