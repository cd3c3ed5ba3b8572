/**
 * Several locks that are held together or not at all.
 *
 * They are taken one after another in the order of their paths, whatever the order in which they were named, so that two who
 * want the same locks do not wait for each other. The hold stands as long as all of them do: when one is lost, all are given up.
 *
 * What it does not promise: see {@link Hold}, for each of the locks. Locks of the same paths taken one by one elsewhere, in
 * another order, can still wait for these in a circle.
 *
 * Layout: that of {@link Lock} at each path.
 */
import {
  type CallOptions,
  type Client,
  isZkError,
  type Transaction,
  type TransactionResult,
  type ZkError,
} from "@zk/client";
import { counted } from "../core/contention.js";
import type { HoldState } from "../core/hold.js";
import { Patience } from "../core/patience.js";
import { withoutFirst } from "../core/refusals.js";
import { RecipeError } from "../errors.js";
import { type AcquireOptions, Lock, type LockOptions } from "./lock.js";
import type { LockHold } from "./lock-hold.js";

const RECIPE = "MultiLock";

/** Several locks that are held. */
export class MultiLockHold implements AsyncDisposable {
  /** The hold of each lock, by the path of the lock. */
  readonly holds: ReadonlyMap<string, LockHold>;
  readonly #abort = new AbortController();
  readonly #release: (holds: readonly LockHold[]) => Promise<boolean>;
  readonly #forget: () => void;

  /** Made by {@link MultiLock}. */
  constructor(
    holds: ReadonlyMap<string, LockHold>,
    release: (holds: readonly LockHold[]) => Promise<boolean>,
  ) {
    this.holds = holds;
    this.#release = release;
    const listened: (() => void)[] = [];
    this.#forget = () => {
      for (const forget of listened) forget();
    };
    for (const hold of holds.values()) {
      const aborted = (): void => this.#abort.abort(hold.signal.reason);
      hold.signal.addEventListener("abort", aborted);
      listened.push(() => hold.signal.removeEventListener("abort", aborted));
      listened.push(
        hold.onState((state) => {
          if (state === "lost") this.#lostOne();
        }),
      );
      if (hold.signal.aborted) aborted();
    }
  }

  /** The fencing token of each lock, by the path of the lock. They are not comparable with each other. */
  get tokens(): ReadonlyMap<string, bigint> {
    return new Map([...this.holds].map(([path, { token }]) => [path, token]));
  }

  /** The worst of the locks' states: `lost`, else `released`, else `suspect`, else `held`. */
  get state(): HoldState {
    const states = [...this.holds.values()].map(({ state }) => state);
    return WORST_FIRST.find((state) => states.includes(state)) ?? "held";
  }

  /** Aborts when any of the locks' signals does, with its reason. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Commits a transaction that goes through only if all the holds still stand.
   * @throws RecipeError HOLD_LOST, RELEASED; ZkError as of {@link Hold.guard}
   */
  async guard<Results extends readonly TransactionResult[]>(
    build: (transaction: Transaction) => Transaction<Results>,
    options: CallOptions = {},
  ): Promise<Results> {
    const [first, ...others] = [...this.holds.values()];
    if (first === undefined) throw new Error("there is no hold without a lock");
    try {
      const results: readonly TransactionResult[] = await first.guard((transaction) => {
        let checked = transaction;
        for (const { path } of others) checked = checked.check(path) as unknown as Transaction;
        return build(checked);
      }, options);
      return results.slice(others.length) as unknown as Results;
    } catch (error) {
      throw isZkError(error) ? await ownRefusal(error, others) : error;
    }
  }

  /**
   * Gives all locks back, the last one first.
   * @returns whether all of them are known to be free of us
   * @throws AggregateError of what went wrong; the others are released all the same
   */
  async release(): Promise<{ readonly confirmed: boolean }> {
    this.#forget();
    return { confirmed: await this.#release([...this.holds.values()]) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** Who has lost one has lost the whole. What cannot be given back now the janitor goes on with. */
  #lostOne(): void {
    this.#release([...this.holds.values()]).catch(() => {
      // Each hold has told of it: the janitor's failures are counted and observed.
    });
  }
}

/** The error as the caller counts operations, behind the checks of the other locks; or why one of those has failed. */
async function ownRefusal(error: ZkError, others: readonly LockHold[]): Promise<unknown> {
  let own = error;
  for (const hold of others) {
    const behind = withoutFirst(own);
    if (behind === undefined) {
      // Its znode is gone, and it says itself what that means; or it may not be read.
      await hold.verify();
      return error;
    }
    own = behind;
  }
  return own;
}

const WORST_FIRST: readonly HoldState[] = ["lost", "released", "suspect"];

/** See the head of this file. */
export class MultiLock {
  /** The paths of the locks, each once, in the order in which they are taken. */
  readonly paths: readonly string[];
  readonly #client: Client;
  readonly #locks: readonly Lock[];

  /**
   * @param paths of at least one lock
   * @throws RecipeError INVALID_ARGUMENT
   */
  constructor(client: Client, paths: readonly string[], options: LockOptions = {}) {
    this.#client = client;
    this.paths = [...new Set(paths)].sort();
    if (this.paths.length === 0) {
      throw new RecipeError({
        code: "INVALID_ARGUMENT",
        message: "there is no lock to take",
        recipe: RECIPE,
      });
    }
    this.#locks = this.paths.map((path) => new Lock(client, path, options));
  }

  /**
   * Waits for all the locks; one time limit for all of them together. When one cannot be had, none is held.
   * @throws as {@link Lock.acquire} of the lock that could not be had
   */
  async acquire(options: AcquireOptions = {}): Promise<MultiLockHold> {
    const about = { recipe: RECIPE, path: this.paths.join(", ") };
    using patience = new Patience(this.#client, about, options);
    return await counted(this.#client, async () => {
      for (;;) {
        const hold = await this.#acquireAll({ ...options, signal: patience.signal }, patience);
        if (hold.state !== "lost") return hold;
        await hold.release();
      }
    });
  }

  async #acquireAll(options: AcquireOptions, patience: Patience): Promise<MultiLockHold> {
    const holds = new Map<string, LockHold>();
    const { timeoutMs: _, ...untimed } = options;
    try {
      for (const lock of this.#locks) holds.set(lock.path, await lock.acquire(untimed));
    } catch (error) {
      await releaseAll([...holds.values()]);
      // The time limit is the whole's, and so is the error of its end.
      patience.check();
      throw error;
    }
    return new MultiLockHold(holds, releaseAll);
  }
}

/** Releases all, the last one first. @returns whether all was confirmed @throws AggregateError */
async function releaseAll(holds: readonly LockHold[]): Promise<boolean> {
  const errors: unknown[] = [];
  let confirmed = true;
  for (const hold of holds.toReversed()) {
    try {
      confirmed = (await hold.release()).confirmed && confirmed;
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, "not all of the locks could be released");
  return confirmed;
}
