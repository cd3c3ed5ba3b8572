/**
 * An item that a consumer has claimed: it is the consumer's until it is acknowledged, given back, or lost with its claim.
 *
 * What it does not promise: that nobody else works on the same item at this very moment. A consumer whose session has gone may
 * run on for a while; another gets the item, and the first one's signal aborts and its acknowledgement fails. What both did
 * outside of ZooKeeper was done twice. What is written in the transaction of {@link QueueItem.ack} is written once.
 */
import {
  CreateMode,
  isZkError,
  type Stat,
  type Transaction,
  type TransactionResult,
  type ZkError,
} from "@zk/client";
import { makeDirectory } from "../core/directories.js";
import { commitOnce } from "../core/exactly-once.js";
import { GuardFailed, guardedCommit } from "../core/guard.js";
import { Hold } from "../core/hold.js";
import { removeExactly } from "../core/janitor.js";
import { isLost } from "../core/lost.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { withoutFirst } from "../core/refusals.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { settleWrites, unusedPath } from "../core/settle.js";
import { telemetryOf } from "../core/telemetry.js";
import { isRecipeError, RecipeError } from "../errors.js";
import type { Claim } from "./claims.js";
import type { Placement, QueueEntry } from "./layout.js";
import { aclOf, prefixOf, type QueueSetup } from "./setup.js";

/** What a consumer is given to read. */
export interface QueueMessage<T> {
  /** What was put. The first of {@link values}. */
  readonly value: T;
  /** Everything that the znode holds: more than one value when the producer put several together. */
  readonly values: readonly [T, ...T[]];
  /** The name of the znode. */
  readonly name: string;
  /** The transaction that put the item. Items that were put in one transaction share it. */
  readonly czxid: bigint;
  /** What to tell this item from all others by, for as long as the ensemble lives: letters that can be part of a znode's name. */
  readonly key: string;
  readonly id: string | undefined;
  readonly priority: number | undefined;
  /** When it became due, in milliseconds since 1970 by the servers' clock. */
  readonly dueMs: number | undefined;
  /**
   * How many times it was delivered, this time included, as far as they were counted: without `deliveriesMax` only those that
   * ended with a `nack`, with it each.
   */
  readonly deliveries: number;
}

/** Options of {@link QueueItem.ack}. */
export interface AckOptions extends WaitOptions {
  /**
   * Find out for certain whether the item was acknowledged, even if the session ends while the answer is lost; without it that
   * may end as AMBIGUOUS. Costs two writes more. Default false.
   */
  readonly certain?: boolean;
}

/** Options of {@link QueueItem.nack}. */
export interface NackOptions extends WaitOptions {
  /**
   * Where the item goes: back to its `place`, to the `end` of the queue, or to the `dead` ones. An item that was delivered as
   * often as the queue allows goes there in any case. Default `place`.
   */
  readonly to?: "place" | "end" | "dead";
  /** With `to: "end"` in a queue with due times: milliseconds from now until it is due again. Default 0. */
  readonly delayMs?: number;
  /** With `to: "end"` in a queue with priorities: another one. Default: the one it has. */
  readonly priority?: number;
}

/** See the head of this file. */
export class QueueItem<T> extends Hold implements QueueMessage<T> {
  // As the message has them; see there.
  declare readonly value: T;
  declare readonly values: readonly [T, ...T[]];
  declare readonly name: string;
  declare readonly czxid: bigint;
  declare readonly key: string;
  declare readonly id: string | undefined;
  declare readonly priority: number | undefined;
  declare readonly dueMs: number | undefined;
  declare readonly deliveries: number;
  readonly #setup: QueueSetup;
  readonly #claim: Claim;
  /** A write that ends the claim was sent, and its answer was lost. */
  #isUndecided = false;
  #isTakenOut = false;

  /** Made by the queue. */
  constructor(setup: QueueSetup, entry: QueueEntry, claim: Claim, values: readonly [T, ...T[]]) {
    const { client, recipe, onSuspended } = setup;
    const { path, token, sessionId, stat } = claim;
    // Another consumer may have a claim of the same name by then; that one has to stay.
    const remove = (): ReturnType<typeof removeExactly> =>
      removeExactly(client, { path, sessionId, czxid: token });
    super({ client, recipe, path, token, sessionId, onSuspended, remove });
    this.#setup = setup;
    this.#claim = claim;
    Object.assign(this, messageOf(entry, stat, values));
  }

  /** Whether the item was taken out of its place, by us: acknowledged or moved. */
  get isTakenOut(): boolean {
    return this.#isTakenOut;
  }

  /**
   * The work is done: takes the item out of the queue, if we still have it, and gives up the claim, in one transaction.
   *
   * @param build adds writes to that transaction: what they record is recorded once, whoever else has worked on the item.
   *   Gives the transaction back; may be called again.
   * @returns what those writes did, in order; undefined when their answer was lost and it was found out that they were applied
   * @throws RecipeError HOLD_LOST: nothing was written, another has the item or will have it. RELEASED; ABORTED and
   *   WAIT_TIMEOUT, whose `applied` says `maybe` when the answer is not known; it may be asked again then. AMBIGUOUS when the
   *   session ended before it was found out. ZkError for a write of yours that was refused, with its `operationIndex`;
   *   nothing was applied, and the item is still ours.
   * @example
   * ```ts
   * await item.ack((tx) => tx.create(`/invoices/${item.key}`, invoice));
   * ```
   */
  async ack<Results extends readonly TransactionResult[] = readonly []>(
    build?: (transaction: Transaction) => Transaction<Results>,
    options: AckOptions = {},
  ): Promise<Results | undefined> {
    const item = this.#path;
    const ending = (tx: Transaction): Transaction<Results> => {
      const removed = tx.remove(item, { version: this.#claim.version }).remove(this.path);
      const own = removed as unknown as Transaction;
      return build === undefined ? (own as unknown as Transaction<Results>) : build(own);
    };
    const results = await this.#end(ending, { ...options, takesItem: true });
    return results?.slice(2) as Results | undefined;
  }

  /**
   * Called by the queue before it hands out an item that is to be out by then: nobody has it yet, so that the end of the session is
   * no loss.
   */
  async takeOut({ signal }: Pick<WaitOptions, "signal">): Promise<void> {
    const item = this.#path;
    const ending = (tx: Transaction): Transaction =>
      tx.remove(item, { version: this.#claim.version }).remove(this.path) as unknown as Transaction;
    const options = { certain: true, takesItem: true, isUnseen: true };
    await this.#end(ending, signal === undefined ? options : { ...options, signal });
  }

  /**
   * The work was not done: gives the item back, and counts that as a delivery in vain.
   *
   * To give it back as if it had not been delivered, `release()` it.
   * @throws as {@link QueueItem.ack}, and RecipeError INVALID_ARGUMENT for a place that the queue does not have
   */
  async nack(options: NackOptions = {}): Promise<void> {
    const { deliveriesMax } = this.#setup;
    const to = this.deliveries >= deliveriesMax ? "dead" : (options.to ?? "place");
    if (to === "place") return await this.#backToPlace(options);
    const placement = await this.#placement(options);
    const directory = to === "dead" ? this.#setup.dead : this.#setup.entries;
    await this.#move(directory, placement, options);
  }

  get #path(): string {
    return childPath(this.#setup.entries, this.name);
  }

  async #backToPlace(options: WaitOptions): Promise<void> {
    const { data, version } = this.#claim;
    // Where deliveries are counted, this one was when it began.
    const isCounted = Number.isFinite(this.#setup.deliveriesMax);
    const path = this.#path;
    const ending = (tx: Transaction): Transaction =>
      (isCounted
        ? tx.remove(this.path)
        : tx.setData(path, data, { version }).remove(this.path)) as unknown as Transaction;
    await this.#end(ending, { ...options, takesItem: false });
  }

  /** What the name of the item says at its next place: the id stays (Curator once lost it, CURATOR-224). */
  async #placement({ to, delayMs, priority = this.priority, ...wait }: NackOptions): Promise<Placement> {
    const { order, clock, client, recipe, path } = this.#setup;
    const { id, dueMs } = this;
    if (to !== "end" || (order !== "due" && delayMs === undefined)) return { id, priority, dueMs };
    // Who has the item no more need not ask for the time.
    if (!this.#isUndecided) this.refuseIfOver();
    using patience = new Patience(client, { recipe, path }, wait);
    for (;;) {
      try {
        return { id, priority, dueMs: Math.ceil((await clock.nowMs(patience)) + (delayMs ?? 0)) };
      } catch (error) {
        if (patience.signal.aborted) throw this.#outOfPatience(patience.signal.reason);
        if (!isSessionOver(error)) throw error;
        if (!this.#isUndecided) throw this.lose("its session is over");
        await this.#sessionAgain(patience);
      }
    }
  }

  async #move(directory: string, placement: Placement, options: WaitOptions): Promise<void> {
    const { client, acl } = this.#setup;
    // Made from what the name means and not from the name, which would grow with each turn (as Curator's once did, CURATOR-56).
    const prefix = childPath(directory, prefixOf(this.#setup, placement));
    const { data, version } = this.#claim;
    const item = this.#path;
    const mode = CreateMode.PERSISTENT_SEQUENTIAL;
    const ending = (tx: Transaction): Transaction =>
      tx
        .remove(item, { version })
        .remove(this.path)
        .create(prefix, data, { mode, ...aclOf(this.#setup) }) as unknown as Transaction;
    for (;;) {
      try {
        const results = await this.#end(ending, { ...options, takesItem: true });
        if (directory === this.#setup.entries) return this.#countOn(results?.[2]);
        const { recipe, path } = this.#setup;
        return telemetryOf(client).tell({ type: "deadItem", recipe, path, name: this.name });
      } catch (error) {
        if (!isZkError(error, "NO_NODE") || error.operationIndex !== 0) throw error;
        await makeDirectory(client, directory, acl, {}).catch((failed: unknown) => {
          // The claim is gone with the session, and the next try says so.
          if (!isSessionOver(failed)) throw failed;
        });
      }
    }
  }

  /**
   * The new znode begins with version 0. Where deliveries are counted, they are counted on, unless somebody has it already; when
   * we die before that, the count begins anew.
   */
  #countOn(moved: TransactionResult | undefined): void {
    const { client, deliveriesMax } = this.#setup;
    if (moved?.type !== "create" || !Number.isFinite(deliveriesMax)) return;
    const counting = client.transaction();
    for (let version = 0; version < this.deliveries; version += 1)
      counting.setData(moved.path, this.#claim.data, { version });
    void counting.commit().catch(() => {
      // Another has it, or had it; or the count begins anew.
    });
  }

  /**
   * Ends the claim by a transaction that removes it.
   *
   * @param ending adds the writes: two of ours first, of which the second at the latest removes the claim
   * @param options `takesItem`: whether the first of them removes the item; `isUnseen`: whether nobody has it yet
   */
  async #end<Results extends readonly TransactionResult[]>(
    ending: (transaction: Transaction) => Transaction<Results>,
    options: AckOptions & { readonly takesItem: boolean; readonly isUnseen?: boolean },
  ): Promise<readonly TransactionResult[] | undefined> {
    // What was sent may have gone through, although the claim is lost.
    if (!this.#isUndecided) this.refuseIfOver();
    const { client, recipe, path } = this.#setup;
    using patience = new Patience(client, { recipe, path }, options);
    return await this.endBy(async () => {
      try {
        const isForCertain = options.certain === true && !this.#isUndecided;
        const results = isForCertain
          ? await this.#endForCertain(ending, patience)
          : await this.#endOrLook(ending, options.takesItem, patience);
        this.#isTakenOut = options.takesItem;
        return results;
      } catch (error) {
        if (isRecipeError(error) && error.applied === "maybe") this.#isUndecided = true;
        if (error instanceof GuardFailed) throw this.lose("its claim is gone, so nothing was written");
        throw isZkError(error) ? this.#refusal(error) : error;
      }
    }, options);
  }

  /** A marker decides, whatever becomes of the session. */
  async #endForCertain<Results extends readonly TransactionResult[]>(
    ending: (transaction: Transaction) => Transaction<Results>,
    patience: Patience,
  ): Promise<readonly TransactionResult[] | undefined> {
    const { client, recipe, path, markers, acl } = this.#setup;
    const guarded = (tx: Transaction): Transaction<Results> =>
      ending(tx.check(this.path) as unknown as Transaction);
    try {
      const { results } = await commitOnce(client, { recipe, path, markers, acl }, guarded, patience);
      return results?.slice(1);
    } catch (error) {
      if (!isZkError(error)) throw error;
      const own = withoutFirst(error);
      if (own === undefined) throw new GuardFailed(error.message, { cause: error });
      throw own;
    }
  }

  /** The claim decides: while our session lives nobody but us removes it. */
  async #endOrLook<Results extends readonly TransactionResult[]>(
    ending: (transaction: Transaction) => Transaction<Results>,
    takesItem: boolean,
    patience: Patience,
  ): Promise<readonly TransactionResult[] | undefined> {
    const { client } = this.#setup;
    for (;;) {
      try {
        patience.check();
        if (this.#isUndecided) {
          if (await this.#isEnded(takesItem, patience)) return undefined;
          this.#isUndecided = false;
        }
        return await guardedCommit(client, this.path, ending, { ...patience.call, retry: "none" });
      } catch (error) {
        if (isZkError(error) && error.applied === "maybe") {
          this.#isUndecided = true;
          telemetryOf(client).metrics.ambiguous += 1;
        }
        if (patience.signal.aborted) throw this.#outOfPatience(patience.signal.reason);
        if (!isZkError(error) || error.operationIndex !== undefined) throw error;
        if (error.code === "QUEUE_FULL") await patience.race(client.drained());
        else if (error.code === "SESSION_EXPIRED" && !this.#isUndecided)
          throw this.lose("its session is over");
        else if (!isLost(error) && error.code !== "SESSION_EXPIRED") throw error;
      }
    }
  }

  /**
   * What became of a write whose answer was lost.
   * @returns whether it was applied; if not it never will be, and the claim is still ours
   */
  async #isEnded(takesItem: boolean, patience: Patience): Promise<boolean> {
    const { client, claims } = this.#setup;
    await this.#sessionAgain(patience);
    // Whatever was sent before is applied now, or refused because its session is over.
    await settleWrites(client, unusedPath(client, claims), patience.call);
    const { sessionId } = client;
    const claim = await patience.read((call) => client.exists(this.path, call));
    if (claim?.czxid === this.token) return false;
    const item = await patience.read((call) => client.exists(this.#path, call));
    if (takesItem && item !== null) throw this.lose("its claim is gone, and nothing was written");
    if (sessionId === this.sessionId) return true;
    if (!takesItem) throw this.lose("its session is over, and the item has been given back");
    throw this.#ambiguous(undefined);
  }

  /** For a write of which it is not known what became: without another session nobody can find out. */
  async #sessionAgain(patience: Patience): Promise<void> {
    const { client, recipe, path } = this.#setup;
    try {
      await sessionAgain(client, patience, { recipe, path });
    } catch (error) {
      if (isRecipeError(error, "SESSION_EXPIRED")) throw this.#ambiguous(error);
      throw patience.signal.aborted ? this.#outOfPatience(patience.signal.reason) : error;
    }
  }

  /** What a refused operation means: the first two are ours. */
  #refusal(error: ZkError): unknown {
    if (error.operationIndex === undefined) return error;
    const afterFirst = withoutFirst(error);
    const own = afterFirst === undefined ? undefined : withoutFirst(afterFirst);
    if (own !== undefined) return own;
    return this.lose(
      `the item is not what it was (${error.code}): somebody had it who does not look at claims`,
    );
  }

  #outOfPatience(reason: unknown): unknown {
    if (!this.#isUndecided || !isRecipeError(reason)) return reason;
    const { code, cause } = reason;
    const { recipe, path } = this.#setup;
    const message = "the wait ended before it was known whether the item was acknowledged; ask again";
    return new RecipeError({ code, message, recipe, path, applied: "maybe", cause });
  }

  #ambiguous(cause: unknown): RecipeError {
    const { recipe, path } = this.#setup;
    const message = `the session ended while the answer was lost; whether ${this.name} was acknowledged by us cannot be found out`;
    return new RecipeError({ code: "AMBIGUOUS", message, recipe, path, applied: "maybe", cause });
  }
}

/** What there is to read of an item that is delivered. */
export function messageOf<T>(entry: QueueEntry, stat: Stat, values: readonly [T, ...T[]]): QueueMessage<T> {
  const { name, serial, id, priority, dueMs } = entry;
  const { czxid } = stat;
  const key = `${czxid}-${serial}`;
  return { value: values?.[0], values, name, czxid, key, id, priority, dueMs, deliveries: stat.version + 1 };
}
