/**
 * A set of items, such as shards, dealt out among the members of the ensemble: each item is one member's at a time.
 *
 * What it promises besides what a {@link Hold} does:
 * - An item changes hands only after the function that used it has ended, or the loop's body has; or after its session has.
 * - When members come or go only those items change hands that have to: see {@link Assignment}.
 * - A lost session is no end. In the next one we join again and get our share.
 *
 * What it does not promise: that every item has an owner at every moment; while it changes hands it has none. Nor that no two use an
 * item at one moment: a member that was stopped may go on for a moment after it has lost an item, unless its writes are guarded, or
 * the resource looks at the token. Members are to be given the same items, and the same assignment: where they differ, an item may
 * be wanted by two, of whom one has it, or by nobody.
 *
 * Layout: that of kazoo's SetPartitioner: `<path>/party/<32 hex digits>-<identity>` for each member, and
 * `<path>/locks/<item>/<32 hex digits>__lock__<number>` for each who has an item or waits for it; ephemeral. With
 * `assignment: "kazoo"` a set is shared with kazoo. The token of an item is the czxid of the znode that holds its lock.
 */
import type { Acl, Client } from "@zk/client";
import { Backoff } from "../core/backoff.js";
import { checkInteger, checkRecipe } from "../core/checks.js";
import { baseOf } from "../core/dialects.js";
import { runWithGrace } from "../core/grace.js";
import type { HoldOptions } from "../core/hold.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { whileSession } from "../core/sessions.js";
import { isStop } from "../core/stoppable-hold.js";
import { RecipeError } from "../errors.js";
import { Group } from "../nodes/group.js";
import type { Member } from "../nodes/member.js";
import type { Membership } from "../nodes/membership.js";
import { type Assign, type Assignment, assignBy } from "./assignment.js";
import type { PartitionHold } from "./partition-hold.js";
import { Partitioning } from "./partitioning.js";
import { aborted, type Slice, Slices } from "./slices.js";

/** Options of {@link SetPartitioner}. */
export interface SetPartitionerOptions extends HoldOptions {
  /** Who we are: no two members may be called the same. Default: something that nobody else is called. */
  readonly identity?: string;
  /** Who gets what; the same for all members. Default `balanced`. */
  readonly assignment?: Assignment;
  /**
   * Milliseconds without a change of members before items are dealt out anew, so that members which start one after another do
   * not hand everything round each time. Default 1000. kazoo waits for 30 000.
   */
  readonly settleMs?: number;
  /** What to do when a member has our identity: `fail` with CONFLICT, or `wait` until it has gone. Default `fail`. */
  readonly onTaken?: "fail" | "wait";
  /** Of our znodes, and of the directories if they are made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** Options of {@link SetPartitioner.each}. */
export interface EachOptions {
  /** Ends it: all functions are told to stop, and when they have, everything is given up. */
  readonly signal?: AbortSignal;
  /** Milliseconds that a function may go on after its hold's signal has aborted, before it is complained of. Default 5 000. */
  readonly graceMs?: number;
  /** Hears of a function that goes on for longer. Default: a process warning. */
  readonly onOverstay?: (hold: PartitionHold, forMs: number) => void;
  /**
   * Hears of what a function throws; after a pause that grows it is called again with another hold. Without it, or when it throws
   * itself, everything is given up and the call rejects with the error.
   */
  readonly onError?: (error: unknown, hold: PartitionHold) => void;
}

/** See the head of this file. */
export class SetPartitioner {
  /** The directory of the set. It belongs to the set alone. */
  readonly path: string;
  /** Who we are among the members. */
  readonly identity: string;
  readonly #client: Client;
  readonly #options: SetPartitionerOptions;
  readonly #assign: Assign;
  readonly #settleMs: number;
  readonly #group: Group;
  #items: readonly string[];
  #isRunning = false;
  #partitioning: Partitioning | undefined;

  /**
   * @param path the set's own directory; made when it is needed
   * @param items names that znodes can have; one that is named twice counts once
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const shards = new SetPartitioner(client, "/indexers", ["a", "b", "c", "d"], { identity: "host-7" });
   * await shards.each(async ({ item, token, signal }) => {
   *   await indexShard(item, { token, signal });
   * });
   * ```
   */
  constructor(client: Client, path: string, items: Iterable<string>, options: SetPartitionerOptions = {}) {
    checkRecipe(client, "SetPartitioner", path, options);
    this.#client = client;
    this.path = path;
    this.#options = options;
    this.identity = options.identity ?? client.randomness.uuid();
    const { assignment = "balanced", settleMs = 1000, acl } = options;
    const assign = assignBy(assignment);
    if (assign === undefined)
      throw this.#error("INVALID_ARGUMENT", `there is no assignment ${String(assignment)}`);
    this.#assign = assign;
    checkInteger(this.#about, "settleMs", settleMs, { min: 0, max: 2 ** 31 - 1 });
    this.#settleMs = settleMs;
    this.#items = this.#checked(items);
    this.#group = new Group(client, childPath(path, "party"), {
      layout: "shallowParty",
      ...(acl === undefined ? {} : { acl }),
    });
  }

  /** The items of the whole set. */
  get items(): readonly string[] {
    return this.#items;
  }

  /**
   * Deals out other items from now on; those of before that are not among them are given up. All members should be told soon.
   * @throws RecipeError INVALID_ARGUMENT
   */
  setItems(items: Iterable<string>): void {
    this.#items = this.#checked(items);
    this.#partitioning?.setItems(this.#items);
  }

  /** The members of now, the oldest first. @throws as {@link Group.members} */
  members(options: WaitOptions = {}): Promise<readonly Member[]> {
    return this.#group.members(options);
  }

  /**
   * Takes part, and calls the function for each item while it is ours, for many items at once. The function should end soon after
   * the hold's signal has aborted: the item is given up then, and not before. When it ends earlier, the item stays ours, and
   * nothing is done with it.
   *
   * @returns never: it rejects when its signal aborts, or something goes wrong, after everything has been given up
   * @throws RecipeError ABORTED, SESSION_EXPIRED (nobody began another session), CONFLICT (a member has our identity), REFUSED (it
   *   runs already; or the znode of an item could not be removed); ZkError NO_AUTH and the like; and what the function throws
   */
  async each(work: (hold: PartitionHold) => Promise<void> | void, options: EachOptions = {}): Promise<never> {
    const { signal, graceMs, onOverstay, onError } = options;
    if (graceMs !== undefined) checkInteger(this.#about, "graceMs", graceMs, { min: 0, max: 2 ** 31 - 1 });
    const client = this.#client;
    const backoffs = new Map<string, Backoff>();
    const use = async (hold: PartitionHold): Promise<void> => {
      const { item } = hold;
      try {
        await runWithGrace(client, hold, work, { who: `what uses ${item}`, graceMs, onOverstay });
      } catch (error) {
        if (isStop(error, hold)) return;
        if (onError === undefined) throw error;
        onError(error, hold);
        const backoff = backoffs.get(item) ?? new Backoff(client);
        backoffs.set(item, backoff);
        return await this.#pause(backoff, hold);
      }
      backoffs.delete(item);
      await aborted(hold.signal);
    };
    using patience = this.#patience(signal);
    await using taking = await this.#takePart(use, patience);
    return await whileSession(client, taking.failed, patience, this.#about);
  }

  /** {@link slices} without options. */
  [Symbol.asyncIterator](): AsyncGenerator<Slice, void, undefined> {
    return this.slices();
  }

  /**
   * Takes part, and tells what is ours: one turn of the loop for each set of items that is not empty. Leaving the loop gives
   * everything up. The body should end soon after `slice.signal` has aborted: an item that is to go to another member waits for that.
   *
   * @param options `signal` ends the loop, and tells the slice of the moment to end
   * @throws as {@link each}
   * @example
   * ```ts
   * for await (const slice of shards) await indexAll(slice.items, { signal: slice.signal });
   * ```
   */
  async *slices(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Slice, void, undefined> {
    const client = this.#client;
    const slices = new Slices({
      client,
      about: this.#about,
      gatherMs: this.#settleMs,
      isComplete: () => this.#partitioning?.isComplete ?? false,
      place: (item) => this.#items.indexOf(item),
    });
    using patience = this.#patience(options.signal);
    const { signal } = patience;
    await using taking = await this.#takePart((hold) => slices.use(hold), patience);
    signal.addEventListener("abort", () => slices.stop(signal.reason), { once: true });
    try {
      for (;;) {
        const next = Promise.race([slices.next(patience), taking.failed]);
        yield await whileSession(client, next, patience, this.#about);
        slices.end();
      }
    } finally {
      slices.close();
    }
  }

  /** Joins, and asks for our share until it is disposed of: that gives everything up, and leaves. */
  async #takePart(
    use: (hold: PartitionHold) => Promise<void>,
    patience: Patience,
  ): Promise<AsyncDisposable & { readonly failed: Promise<never> }> {
    if (this.#isRunning)
      throw this.#error("REFUSED", "it runs already; make another one, with another identity");
    this.#isRunning = true;
    const { onTaken = "fail", onSuspended = "abort", acl } = this.#options;
    let membership: Membership;
    try {
      membership = await this.#group.join(this.identity, { onTaken, signal: patience.signal });
    } catch (error) {
      this.#isRunning = false;
      throw error;
    }
    const view = this.#group.watch();
    let fail = (_error: unknown): void => {};
    const failed = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    // Somebody may look at it only later.
    failed.catch(() => {});
    const partitioning = new Partitioning(
      {
        client: this.#client,
        about: this.#about,
        locks: childPath(this.path, "locks"),
        line: { recipe: "SetPartitioner", dialect: "kazoo", bases: [baseOf("kazoo", "lock")], acl },
        membership,
        view,
        assign: this.#assign,
        settleMs: this.#settleMs,
        onSuspended,
        use,
        failed: fail,
      },
      this.#items,
    );
    this.#partitioning = partitioning;
    const leave = async (): Promise<void> => {
      try {
        // The others may begin to deal out anew while what we have is being given up.
        await Promise.all([membership.leave(), partitioning.end()]);
      } finally {
        view.close();
        this.#partitioning = undefined;
        this.#isRunning = false;
      }
    };
    return { failed, [Symbol.asyncDispose]: leave };
  }

  async #pause(backoff: Backoff, hold: PartitionHold): Promise<void> {
    using patience = new Patience(this.#client, this.#about, { signal: hold.signal });
    try {
      await backoff.pause(patience);
    } catch {
      // It is to be given up, which needs no pause.
    }
  }

  #patience(signal: AbortSignal | undefined): Patience {
    return new Patience(this.#client, this.#about, signal === undefined ? {} : { signal });
  }

  get #about(): { readonly recipe: string; readonly path: string } {
    return { recipe: "SetPartitioner", path: this.path };
  }

  #checked(items: Iterable<string>): readonly string[] {
    if (typeof items === "string" || typeof items?.[Symbol.iterator] !== "function")
      throw this.#error("INVALID_ARGUMENT", "the items must be a list of names");
    const all = [...new Set(items)];
    const bad = all.find((item) => !isName(item));
    if (bad === undefined) return all;
    throw this.#error(
      "INVALID_ARGUMENT",
      `${JSON.stringify(bad)} cannot be an item, since that is the name of a znode`,
    );
  }

  #error(code: "INVALID_ARGUMENT" | "REFUSED", message: string): RecipeError {
    return new RecipeError({ code, message, ...this.#about });
  }
}

function isName(item: unknown): item is string {
  if (typeof item !== "string" || item === "" || item === "." || item === "..") return false;
  return !item.includes("/") && !item.includes("\0");
}
