/**
 * How a consumer comes by an item: what the last look at the queue showed is tried first, then the queue is looked at again, and
 * when there is nothing that could be had, it is waited for.
 *
 * Rules:
 * - Nothing is waited for without a watch on both the items and the claims: an item that another gives back, or loses with its
 *   session, is as good as a new one.
 * - A wake-up says nothing: the queue is looked at again, and that decides.
 * - Of many who wait, few watch; see {@link WaitingRoom}.
 * - A wait that ends takes its claim along, or hands it to the janitor.
 */
import { type CallOptions, isZkError, type ReadOptions } from "@zk/client";
import type { Codec } from "../core/codec.js";
import { counted } from "../core/contention.js";
import { makeDirectory } from "../core/directories.js";
import { removeExactly, whileConnected } from "../core/janitor.js";
import { childPath } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { inAnySession, isSessionOver, sessionAgain } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { isRecipeError } from "../errors.js";
import { Candidates, inQueueOrder } from "./candidates.js";
import { type Claim, claim, type Refusal } from "./claims.js";
import { messageOf, QueueItem, type QueueMessage } from "./item.js";
import type { QueueEntry } from "./layout.js";
import type { QueueSetup } from "./setup.js";
import { Change, WaitingRoom } from "./waiting-room.js";

/** Items after which a list of a queue without any other order is looked at again: some may have been given back. */
const TAKEN_MIN = 16;
/** Items above which a queue is complained of: ZooKeeper holds all of it in memory, and lists all of it. */
const LENGTH_LARGE = 10_000;

/** See the head of this file. */
export class Taker<T> {
  readonly #setup: QueueSetup;
  readonly #codec: Codec<T>;
  readonly #seen: Candidates;
  readonly #room: WaitingRoom;
  /** Items that are being claimed or are claimed through this object. */
  readonly #ours = new Set<string>();
  #isLarge = false;

  constructor(setup: QueueSetup, codec: Codec<T>) {
    this.#setup = setup;
    this.#codec = codec;
    const { client, recipe, waiting, acl, order } = setup;
    this.#seen = new Candidates(order === "fifo" ? TAKEN_MIN : 1);
    this.#room = new WaitingRoom(client, recipe, `${waiting}/takers`, acl);
  }

  /**
   * Waits for an item. When the session ends meanwhile, it goes on in the next one.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError for what a server refuses
   */
  take(patience: Patience): Promise<QueueItem<T>> {
    const { client } = this.#setup;
    return counted(client, this.#setup, async () => {
      for (;;) {
        try {
          const free = await this.#takeFree(patience);
          return free ?? (await this.#room.whenFirst(patience, () => this.#takeWatching(patience)));
        } catch (error) {
          if (!isSessionOver(error)) throw error;
          await sessionAgain(client, patience, this.#setup);
          this.#seen.discard();
          telemetryOf(client).metrics.reentries += 1;
        }
      }
    });
  }

  /**
   * An item that can be had now.
   * @returns undefined when there is none: all are taken, or not due
   * @throws as {@link Taker.take}
   */
  async tryTake(patience: Patience): Promise<QueueItem<T> | undefined> {
    patience.check();
    const { client } = this.#setup;
    return await inAnySession(client, patience, this.#setup, async () => {
      try {
        return await this.#takeFree(patience);
      } catch (error) {
        // What was seen may be given back with the sessions that had it.
        this.#seen.discard();
        throw error;
      }
    });
  }

  /** Everything that the directory of the items shows, in order. */
  async list(patience: Patience, watch?: () => void): Promise<QueueEntry[]> {
    const { client, entries, acl, layout, recipe, path } = this.#setup;
    for (;;) {
      let names: readonly string[];
      try {
        names = await patience.read((call) => client.getChildren(entries, withWatch(call, watch)));
      } catch (error) {
        if (!isZkError(error, "NO_NODE")) throw error;
        // Without a directory there is nothing to watch; and it may go at any time (CURATOR-308).
        await patience.read((call) => makeDirectory(client, entries, acl, call));
        continue;
      }
      const parsed: QueueEntry[] = [];
      const foreign: string[] = [];
      for (const name of names) {
        const entry = layout.parse(name);
        if (entry === undefined) foreign.push(name);
        else parsed.push(entry);
      }
      const telemetry = telemetryOf(client);
      telemetry.tellForeign({ type: "foreignChildren", recipe, path: entries, names: foreign });
      telemetry.measure("queue", parsed.length);
      const isLarge = names.length > LENGTH_LARGE;
      if (isLarge && !this.#isLarge)
        telemetry.tell({ type: "longQueue", recipe, path, length: names.length });
      this.#isLarge = isLarge;
      return inQueueOrder(parsed);
    }
  }

  /** The items that are claimed by anybody. */
  async claimed(patience: Patience, watch?: () => void): Promise<readonly QueueEntry[]> {
    const { client, claims, layout } = this.#setup;
    try {
      const names = await patience.read((call) => client.getChildren(claims, withWatch(call, watch)));
      return names.map((name) => layout.parse(name)).filter((entry) => entry !== undefined);
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return [];
      throw error;
    }
  }

  /** An item as it is, without taking it; undefined when it is gone, or its bytes mean nothing. */
  async read(entry: QueueEntry, patience: Patience): Promise<QueueMessage<T> | undefined> {
    const { client, entries } = this.#setup;
    const path = childPath(entries, entry.name);
    try {
      const { data, stat } = await patience.read((call) => client.getData(path, call));
      const values = this.#valuesOf({ data: data ?? new Uint8Array(), path });
      return isSome(values) ? { ...messageOf(entry, stat, values), deliveries: stat.version } : undefined;
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  async #takeWatching(patience: Patience): Promise<QueueItem<T>> {
    const { client, entries, claims } = this.#setup;
    for (;;) {
      using change = new Change(client, [entries, claims]);
      // What was seen before the watch stands for nothing.
      this.#seen.discard();
      const item = await this.#takeFree(patience, change.watch);
      if (item !== undefined) return item;
      const { nextDueMs } = this.#seen;
      const dueInMs =
        nextDueMs === undefined ? Number.POSITIVE_INFINITY : nextDueMs - (await this.#nowMs(patience));
      await change.happened(patience, dueInMs);
    }
  }

  async #takeFree(patience: Patience, watch?: () => void): Promise<QueueItem<T> | undefined> {
    const { randomness } = this.#setup.client;
    let hasLooked = false;
    for (;;) {
      if (this.#seen.isOld && !hasLooked) {
        await this.#look(patience, watch);
        hasLooked = true;
      }
      const entry = this.#seen.pick((randomness.seed() >>> 0) / 2 ** 32, await this.#nowMs(patience));
      if (entry === undefined) {
        if (hasLooked) return undefined;
        this.#seen.discard();
        continue;
      }
      const item = await this.#take(entry, patience);
      if (item !== undefined) return item;
      hasLooked = false;
    }
  }

  async #look(patience: Patience, watch: (() => void) | undefined): Promise<void> {
    // In this order on the wire: an item that is claimed between the two is left out, and not tried in vain.
    const [entries, claimed] = await Promise.all([this.list(patience, watch), this.claimed(patience, watch)]);
    const taken = new Set(claimed.map(({ name }) => name));
    const free = entries.filter(({ name }) => !taken.has(name) && !this.#ours.has(name));
    this.#seen.renew(free, entries.length);
  }

  /** @returns undefined when the item is not to be had, or not to be given to anybody */
  async #take(entry: QueueEntry, patience: Patience): Promise<QueueItem<T> | undefined> {
    this.#ours.add(entry.name);
    const outcome = await this.#claim(entry, patience);
    if (typeof outcome === "string") {
      this.#ours.delete(entry.name);
      this.#seen.tooLate(entry, outcome);
      return undefined;
    }
    this.#seen.inTime();
    const values = this.#valuesOf(outcome);
    // One without values is never handed out.
    const item = new QueueItem(this.#setup, entry, outcome, values as readonly [T, ...T[]]);
    item.onState((state) => {
      if (state !== "lost" && state !== "released") return;
      this.#ours.delete(entry.name);
      // It is at its place again, before those that were seen since.
      if (!item.isTakenOut) this.#seen.discard();
    });
    if (values === undefined || outcome.stat.version >= this.#setup.deliveriesMax)
      await this.#endAtOnce(item, patience, ({ signal }) => item.nack({ signal, to: "dead" }));
    else if (values.length === 0)
      await this.#endAtOnce(item, patience, ({ signal }) => item.ack(undefined, { signal }));
    else return item;
    return undefined;
  }

  /** The claim is told of no patience: what was sent is to be known, so that it can be taken back. */
  async #claim({ name }: QueueEntry, patience: Patience): Promise<Claim | Refusal> {
    const { client } = this.#setup;
    const claiming = claim(this.#setup, name);
    try {
      return await patience.race(claiming);
    } catch (error) {
      if (!patience.signal.aborted) {
        this.#ours.delete(name);
        throw error;
      }
      const removal = claiming.then(
        (made): ReturnType<typeof removeExactly> =>
          typeof made === "string"
            ? Promise.resolve({ outcome: "removed" })
            : removeExactly(client, { ...made, czxid: made.token }),
        () => ({ outcome: "removed" as const }),
      );
      void removal.then(() => this.#ours.delete(name));
      await whileConnected(client, removal, client.sessionTimeoutMs / 3);
      throw error;
    }
  }

  /** Bytes that mean nothing to us will not do so at the next delivery either. */
  #valuesOf({ data, path }: Pick<Claim, "data" | "path">): readonly T[] | undefined {
    const { layout, recipe, client } = this.#setup;
    try {
      return layout.decode(data).map((bytes) => this.#codec.decode(bytes));
    } catch (error) {
      telemetryOf(client).tell({ type: "badData", recipe, path, data, error });
      return undefined;
    }
  }

  /** An item that is not to be given to anybody. Whoever else has it meanwhile sees to it as well. */
  async #endAtOnce(
    item: QueueItem<T>,
    patience: Patience,
    end: (wait: { readonly signal: AbortSignal }) => Promise<unknown>,
  ): Promise<void> {
    try {
      await end(patience);
    } catch (error) {
      await item.release();
      patience.check();
      if (!isRecipeError(error, "HOLD_LOST") && !isRecipeError(error, "AMBIGUOUS")) throw error;
    }
  }

  /** For those to whom it matters what is due; for others it is always late enough. */
  async #nowMs(patience: Patience): Promise<number> {
    const { order, clock } = this.#setup;
    return order === "due" ? await clock.nowMs(patience) : Number.POSITIVE_INFINITY;
  }
}

function isSome<T>(values: readonly T[] | undefined): values is readonly [T, ...T[]] {
  return values !== undefined && values.length > 0;
}

function withWatch(call: CallOptions, watch: (() => void) | undefined): ReadOptions {
  return watch === undefined ? call : { ...call, watch };
}
