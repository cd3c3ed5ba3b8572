/**
 * What a member of a partitioned set does while it takes part: it follows who is there, asks for the items that are to be its
 * own, and gives up those that are not any more.
 */
import type { Client } from "@zk/client";
import { contend } from "../core/contention.js";
import { Line, type LineOptions } from "../core/line.js";
import { childPath } from "../core/paths.js";
import { Patience } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import type { GroupView } from "../nodes/group-view.js";
import type { Membership } from "../nodes/membership.js";
import type { Assign } from "./assignment.js";
import { PartitionHold } from "./partition-hold.js";

/** What a {@link Partitioning} is made from. */
export interface PartitioningDetails {
  readonly client: Client;
  readonly about: { readonly recipe: string; readonly path: string };
  /** The directory in which each item has its lock. */
  readonly locks: string;
  readonly line: Pick<LineOptions, "recipe" | "dialect" | "bases" | "acl">;
  readonly membership: Membership;
  readonly view: GroupView;
  readonly assign: Assign;
  readonly settleMs: number;
  readonly onSuspended: "abort" | "wait";
  /**
   * Uses an item for as long as it likes; it should end soon after the hold's signal has aborted. The item is given up when this
   * resolves. What it rejects with ends the whole.
   */
  readonly use: (hold: PartitionHold) => Promise<void>;
  /** Hears that it goes on no longer, and why. */
  readonly failed: (error: unknown) => void;
}

/** Asks for one item, and has it. */
interface Keeper {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** See the head of this file. */
export class Partitioning {
  readonly #details: PartitioningDetails;
  readonly #keepers = new Map<string, Keeper>();
  readonly #over = new AbortController();
  readonly #following: Promise<void>;
  #items: readonly string[];
  #wanted: ReadonlySet<string> = new Set();
  #held = 0;
  #awaitsLive = false;
  #cancelTimer = (): void => {};
  readonly #forget: () => void;

  constructor(details: PartitioningDetails, items: readonly string[]) {
    this.#details = details;
    this.#items = items;
    const { membership, view } = details;
    for (const signal of [membership.signal, view.signal]) {
      const ended = (): void => this.#fail(signal.reason);
      signal.addEventListener("abort", ended, { signal: this.#over.signal });
      if (signal.aborted) ended();
    }
    this.#forget = membership.onEvent(() => this.#settleAgain());
    this.#following = this.#follow();
  }

  /** Whether all items that are to be ours now are. */
  get isComplete(): boolean {
    return this.#held === this.#wanted.size && this.#keepers.size === this.#wanted.size;
  }

  /** There are other items now. */
  setItems(items: readonly string[]): void {
    this.#items = items;
    this.#settleAgain();
  }

  /** Gives everything up. Resolves when nothing is used any more, and the locks are gone or left to the janitor. */
  async end(): Promise<void> {
    this.#over.abort();
    this.#forget();
    this.#cancelTimer();
    this.#want(new Set());
    await this.#following;
    while (this.#keepers.size > 0) await Promise.all([...this.#keepers.values()].map(({ done }) => done));
  }

  async #follow(): Promise<void> {
    const { signal } = this.#over;
    this.#settleAgain();
    try {
      for await (const _change of this.#details.view.changes({ signal, initial: true })) this.#settleAgain();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Members that start one after another shall not hand all items round each time. */
  #settleAgain(): void {
    this.#cancelTimer();
    if (this.#over.signal.aborted) return;
    this.#cancelTimer = this.#details.client.clock.setTimer(this.#details.settleMs, () => this.#settle());
  }

  #settle(): void {
    const { view, membership, assign } = this.#details;
    // While it is not known who is there, or not live, what was agreed upon stands.
    if (view.state !== "live") return this.#settleWhenLive();
    const members = view.members;
    // Whoever is no member gets nothing, and need not wait to be told.
    const isMember = members.some(({ token }) => token === membership.token);
    const ids = [...new Set(members.map(({ id }) => id))];
    try {
      const owners = isMember ? assign(this.#items, ids) : new Map<string, string>();
      this.#want(new Set(this.#items.filter((item) => owners.get(item) === membership.id)));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The view tells of nothing when it has caught up without a change. One wait is enough, however often it is asked for. */
  #settleWhenLive(): void {
    if (this.#awaitsLive) return;
    this.#awaitsLive = true;
    const { view } = this.#details;
    view
      .until(() => view.state === "live", { signal: this.#over.signal })
      .finally(() => {
        this.#awaitsLive = false;
      })
      .then(
        () => this.#settleAgain(),
        () => {},
      );
  }

  #want(wanted: ReadonlySet<string>): void {
    this.#wanted = wanted;
    const { about } = this.#details;
    for (const [item, { stop }] of this.#keepers) {
      if (wanted.has(item)) continue;
      stop.abort(
        new RecipeError({
          code: "ABORTED",
          message: `another member is to have ${JSON.stringify(item)}`,
          ...about,
        }),
      );
    }
    for (const item of wanted) if (!this.#keepers.has(item)) this.#start(item);
  }

  #start(item: string): void {
    const stop = new AbortController();
    const done = this.#keep(item, stop.signal).then(() => {
      this.#keepers.delete(item);
      // It may have come back to us while it was being given up.
      if (this.#wanted.has(item) && !this.#over.signal.aborted) this.#start(item);
    });
    this.#keepers.set(item, { stop, done });
  }

  /** Asks for the item and has it, again and again until it is to be given up. Never rejects. */
  async #keep(item: string, stop: AbortSignal): Promise<void> {
    const { client, about, locks, line: options } = this.#details;
    const line = new Line(client, { ...options, directory: childPath(locks, item) });
    try {
      using patience = new Patience(client, about, { signal: stop });
      while (!stop.aborted) await this.#round(line, item, patience);
    } catch (error) {
      if (!stop.aborted) this.#fail(error);
    }
  }

  async #round(line: Line, item: string, patience: Patience): Promise<void> {
    const { client, membership, onSuspended, about, use } = this.#details;
    const entry = await contend(line, { role: "lock", data: membership.id }, patience);
    const { path, token, sessionId } = entry;
    const hold = new PartitionHold(
      { client, recipe: about.recipe, path, token, sessionId, onSuspended },
      { item, stop: patience.signal },
    );
    this.#held += 1;
    try {
      // A hold that was lost before it began is used by nobody.
      if (!hold.signal.aborted) await use(hold);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#held -= 1;
      await hold.release();
    }
  }

  #fail(error: unknown): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort(error);
    this.#want(new Set());
    this.#details.failed(error);
  }
}
