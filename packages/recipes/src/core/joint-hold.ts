/**
 * Several holds that stand together or not at all: locks that were taken together, permits of one semaphore. When one is lost,
 * all are given up.
 */
import {
  type CallOptions,
  isZkError,
  type Transaction,
  type TransactionResult,
  type ZkError,
} from "@zk/client";
import type { Hold, HoldState } from "./hold.js";
import { withoutFirst } from "./refusals.js";

/** See the head of this file. */
export class JointHold<Member extends Hold> implements AsyncDisposable {
  /** What is held, in the order in which it was taken. */
  readonly members: readonly Member[];
  readonly #abort = new AbortController();
  readonly #forget: () => void;

  /** Made by recipes. @param members at least one */
  constructor(members: readonly Member[]) {
    this.members = members;
    const listened: (() => void)[] = [];
    this.#forget = () => {
      for (const forget of listened) forget();
    };
    for (const member of members) {
      const aborted = (): void => this.#abort.abort(member.signal.reason);
      member.signal.addEventListener("abort", aborted);
      listened.push(() => member.signal.removeEventListener("abort", aborted));
      listened.push(
        member.onState((state) => {
          if (state === "lost") this.#lostOne();
        }),
      );
      if (member.signal.aborted) aborted();
      if (member.state === "lost") this.#lostOne();
    }
  }

  /** The worst of the members' states: `lost`, else `released`, else `suspect`, else `held`. */
  get state(): HoldState {
    const states = this.members.map(({ state }) => state);
    return WORST_FIRST.find((state) => states.includes(state)) ?? "held";
  }

  /** Aborts when any of the members' signals does, with its reason. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Commits a transaction that goes through only if all the members still stand.
   * @throws RecipeError HOLD_LOST, RELEASED; ZkError as of {@link Hold.guard}
   */
  async guard<Results extends readonly TransactionResult[]>(
    build: (transaction: Transaction) => Transaction<Results>,
    options: CallOptions = {},
  ): Promise<Results> {
    const [first, ...others] = this.members;
    if (first === undefined) throw new Error("there is no hold without a member");
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
   * Gives everything back, the last one first.
   * @returns whether all of it is known to be free of us
   * @throws AggregateError of what went wrong; the others are released all the same
   */
  async release(): Promise<{ readonly confirmed: boolean }> {
    this.#forget();
    return { confirmed: await releaseAll(this.members) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** Who has lost one has lost the whole. What cannot be given back now the janitor goes on with. */
  #lostOne(): void {
    releaseAll(this.members).catch(() => {
      // Each hold has told of it: the janitor's failures are counted and observed.
    });
  }
}

/** Releases all, the last one first. @returns whether all was confirmed @throws AggregateError */
export async function releaseAll(holds: readonly Hold[]): Promise<boolean> {
  const endings = await Promise.allSettled(holds.toReversed().map((hold) => hold.release()));
  const failed = endings.filter(({ status }) => status === "rejected");
  if (failed.length > 0) {
    const errors = failed.map((ending) => (ending as PromiseRejectedResult).reason);
    throw new AggregateError(errors, "not everything could be released");
  }
  return endings.every((ending) => ending.status === "fulfilled" && ending.value.confirmed);
}

/** The error as the caller counts operations, behind the checks of the other members; or why one of those has failed. */
async function ownRefusal(error: ZkError, others: readonly Hold[]): Promise<unknown> {
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
