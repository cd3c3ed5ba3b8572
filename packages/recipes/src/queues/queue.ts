/**
 * A queue of items that many producers put and many consumers take.
 *
 * What it promises:
 * - An item that was put stays until a consumer acknowledges it. One whose consumer dies, or loses its session, goes to another.
 * - An item is put once, although the answer may be lost: a marker in the same transaction decides ({@link PutOptions.once}).
 * - What a consumer writes in the transaction of its acknowledgement is written once for each item ({@link QueueItem.ack}).
 * - Items come in the order in which they were put, or by priority, or when they are due by the servers' clock; the numbers of
 *   the znodes may wrap.
 *
 * What it does not promise: that an item is worked on by one consumer only (see {@link QueueItem}), except with `ack: "before"`, and
 * with that an item is lost when its consumer dies. Nor a strict order among several consumers: each has its items in order,
 * but one may be ahead of another. And ZooKeeper is a poor queue: it holds all items in memory and lists all of them at a
 * time. Above 10 000 items {@link observeRecipes} hears of it; see {@link QueueOptions.capacity}.
 *
 * Layout: the items are as the `dialect` says, in the directory of the queue, so that the queue can be shared with another library.
 * What only we need lies beside it, in `<path>-state`: `claims` (ephemeral, one for each item that somebody works on; in the layout
 * of kazoo's LockingQueue they are in `<path>/taken`), `markers`, `waiting`, `clock`. Items that were given up are in
 * `<path>-dead`, a queue of the same layout.
 */
import { type Acl, type Client, CreateMode, isZkError } from "@zk/client";
import { checkInteger, checkOneOf, checkRecipe } from "../core/checks.js";
import { bytesCodec, type Codec } from "../core/codec.js";
import { makeDirectory } from "../core/directories.js";
import { commitOnce } from "../core/exactly-once.js";
import type { HoldOptions } from "../core/hold.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { ServerClock } from "../core/server-clock.js";
import { inAnySession } from "../core/sessions.js";
import { type AckMode, type ConsumeOptions, QueueConsumer, takeOut } from "./consumer.js";
import type { QueueItem, QueueMessage } from "./item.js";
import { layoutOf, type Placement, type QueueDialect, type QueueOrder } from "./layout.js";
import { type Parcel, type PutResult, Putter } from "./putter.js";
import { aclOf, prefixOf, type QueueSetup, refusing } from "./setup.js";
import { Taker } from "./taker.js";

/** Options of {@link Queue}. */
export interface QueueOptions<T> extends HoldOptions {
  /** How values become bytes. Default: they are bytes. */
  readonly codec?: Codec<T>;
  /** Whose layout the queue has, and so with whom it is shared. Default `curator`. */
  readonly dialect?: QueueDialect;
  /** Who is next. Default `fifo`; queues of kazoo always go by `priority`. */
  readonly order?: QueueOrder;
  /**
   * Items there may be, at most 1 000 000; who puts more waits until some are gone. Strict among producers who say the same; each
   * put is one more write then, and producers wait for each other. Default: no limit.
   */
  readonly capacity?: number;
  /**
   * Deliveries after which an item is given up and goes to the `dead` ones, at most 1000. Each delivery is counted when it begins,
   * so that an item that kills its consumers is found out too; for that the item is written again. Default: no limit, and
   * only a `nack` is counted.
   */
  readonly deliveriesMax?: number;
  /** The directory of claims, such as the lock path of a Curator consumer on the same queue. Default: see the layout. */
  readonly claims?: string;
  /** Of everything that we make. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** Options of {@link Queue.put}. */
export interface PutOptions extends WaitOptions {
  /** A name for the item, to {@link Queue.remove} it by; several items may have the same. For `curator` queues with `order: "fifo"`. */
  readonly id?: string;
  /** Smaller numbers are first: 32 bits, default 0, in a `curator` queue with priorities; 0 to 999, default 100, in kazoo's. */
  readonly priority?: number;
  /** Milliseconds until the item is due, by the servers' clock. For queues with `order: "due"`. Default 0. */
  readonly delayMs?: number;
  /** When the item is due, in milliseconds since 1970 by the servers' clock; instead of `delayMs`. */
  readonly dueMs?: number;
  /**
   * Whether the item is put exactly once although the answer may be lost. That is the default, because the other choices are to
   * put it twice, or to tell the caller that nobody knows: AMBIGUOUS, which is what `false` does. It costs a second write,
   * which nobody waits for.
   */
  readonly once?: boolean;
}

/** Options of {@link Queue.take}. */
export interface TakeOptions extends WaitOptions {
  /** See {@link AckMode}. With `before` the item that is given is out of the queue, and released. Default `manual`. */
  readonly ack?: Exclude<AckMode, "after">;
}

/** An item as {@link Queue.inspect} sees it. */
export interface QueueListing extends Placement {
  readonly name: string;
  readonly serial: number;
  /** Who works on it; undefined when nobody does. */
  readonly claim:
    | {
        readonly path: string;
        readonly sessionId: bigint;
        readonly token: bigint;
        /** When it was claimed, in milliseconds since 1970 by the servers' clock. */
        readonly sinceMs: number;
      }
    | undefined;
}

const CAPACITY_MAX = 1_000_000;
const DELIVERIES_MAX = 1000;
const PEEK_MAX = 1000;

/** See the head of this file. */
export class Queue<T = Uint8Array> {
  /** The path of the queue. It belongs to the queue alone. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: QueueOptions<T>;
  readonly #setup: QueueSetup;
  readonly #codec: Codec<T>;
  readonly #taker: Taker<T>;
  readonly #putter: Putter;

  /**
   * @param path the queue's own; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const jobs = new Queue(client, "/queues/jobs", { codec: jsonCodec<{ invoice: number }>() });
   * await jobs.put({ invoice: 7 });
   * for await (const item of jobs.consume({ prefetch: 4 })) {
   *   await item.ack((tx) => tx.create(`/invoices/${item.value.invoice}`));
   * }
   * ```
   */
  constructor(client: Client, path: string, options: QueueOptions<T> = {}) {
    checkRecipe(client, "Queue", path, options);
    const about = { recipe: "Queue", path } as const;
    const { dialect = "curator", acl, capacity, deliveriesMax } = options;
    const layout = layoutOf(about, dialect, options.order);
    if (capacity !== undefined) checkInteger(about, "capacity", capacity, { min: 1, max: CAPACITY_MAX });
    if (deliveriesMax !== undefined)
      checkInteger(about, "deliveriesMax", deliveriesMax, { min: 1, max: DELIVERIES_MAX });
    if (options.claims !== undefined) checkRecipe(client, "Queue", options.claims);
    this.#client = client;
    this.path = path;
    this.#options = options;
    this.#setup = {
      client,
      ...about,
      layout,
      order: options.order ?? (dialect.startsWith("kazoo") ? "priority" : "fifo"),
      acl,
      onSuspended: options.onSuspended ?? "wait",
      entries: layout.entriesOf(path),
      claims: options.claims ?? layout.claimsOf?.(path) ?? `${path}-state/claims`,
      markers: `${path}-state/markers`,
      waiting: `${path}-state/waiting`,
      dead: layout.entriesOf(deadPath(path)),
      clock: new ServerClock(client, `${path}-state/clock`, acl),
      deliveriesMax: deliveriesMax ?? Number.POSITIVE_INFINITY,
      capacity: capacity ?? Number.POSITIVE_INFINITY,
    };
    // Without a codec T is Uint8Array.
    this.#codec = options.codec ?? (bytesCodec as unknown as Codec<T>);
    this.#taker = new Taker(this.#setup, this.#codec);
    this.#putter = new Putter(this.#setup);
  }

  /** The items that were given up: a queue like this one, at `<path>-dead`. */
  get dead(): Queue<T> {
    const { capacity: _, deliveriesMax: __, claims: ___, ...options } = this.#options;
    return new Queue(this.#client, deadPath(this.path), options);
  }

  /**
   * Puts an item. Waits for room if the queue has a capacity.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT and SESSION_EXPIRED, whose `applied` says whether the item may be there all the
   *   same; AMBIGUOUS; INVALID_ARGUMENT. What the codec throws. ZkError for what a server refuses.
   * @example
   * ```ts
   * await jobs.put({ invoice: 7 }, { timeoutMs: 5_000 });
   * ```
   */
  async put(value: T, options: PutOptions = {}): Promise<PutResult> {
    using patience = this.#patience(options);
    const parcels = await this.#parcels([[value]], options, patience);
    return await this.#putter.put(parcels, options.once ?? true, patience);
  }

  /**
   * Puts an item if there is room, and does not wait.
   * @returns null when the queue is full
   * @throws as {@link Queue.put}
   */
  async tryPut(value: T, options: PutOptions = {}): Promise<PutResult | null> {
    using patience = this.#patience(options);
    const parcels = await this.#parcels([[value]], options, patience);
    return (await this.#putter.putIfRoom(parcels, options.once ?? true, patience)) ?? null;
  }

  /**
   * Puts several items, each a znode of its own, in one transaction: all or none. A transaction may have about 1 MiB.
   * @throws as {@link Queue.put}; RecipeError CAPACITY for more than the queue can ever hold
   */
  async putAll(values: readonly T[], options: PutOptions = {}): Promise<PutResult> {
    using patience = this.#patience(options);
    const each = values.map((value) => [value] as const);
    const parcels = await this.#parcels(each, options, patience);
    return await this.#putter.put(parcels, options.once ?? true, patience);
  }

  /**
   * Puts several values as one item, which is delivered and acknowledged as one. Only the layout of Curator has that.
   * @throws as {@link Queue.put}
   */
  async putTogether(values: readonly [T, ...T[]], options: PutOptions = {}): Promise<PutResult> {
    using patience = this.#patience(options);
    const parcels = await this.#parcels([values], options, patience);
    return await this.#putter.put(parcels, options.once ?? true, patience);
  }

  /**
   * Waits for an item and claims it. When the session ends meanwhile, it goes on in the next one.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED: nothing is claimed then. ZkError for what a server refuses.
   * @example
   * ```ts
   * await using item = await jobs.take({ timeoutMs: 30_000 });
   * await work(item.value, item.signal);
   * await item.ack();
   * ```
   */
  async take(options: TakeOptions = {}): Promise<QueueItem<T>> {
    using patience = this.#patience(options);
    for (;;) {
      const item = await this.#taker.take(patience);
      if (options.ack !== "before" || (await takeOut(item, patience))) return item;
    }
  }

  /**
   * Claims an item if there is one that can be had now, and does not wait.
   * @returns null when there is none
   * @throws as {@link Queue.take}
   */
  async tryTake(options: TakeOptions = {}): Promise<QueueItem<T> | null> {
    using patience = this.#patience(options);
    for (;;) {
      const item = await this.#taker.tryTake(patience);
      if (item === undefined) return null;
      if (options.ack !== "before" || (await takeOut(item, patience))) return item;
    }
  }

  /**
   * A stream of items, for as long as one likes; over lost connections, and over the end of sessions if the client begins new ones.
   *
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * for await (const item of jobs.consume({ ack: "after", signal })) await work(item.value, item.signal);
   * ```
   */
  consume(options: ConsumeOptions = {}): QueueConsumer<T> {
    return new QueueConsumer(this.#setup, this.#taker, options);
  }

  /**
   * How many items there are, those included that somebody works on or that are not due. From the server we are on, so maybe not
   * the newest.
   * @throws as {@link Queue.peek}
   */
  async size(options: WaitOptions = {}): Promise<number> {
    using patience = this.#patience(options);
    const { entries } = this.#setup;
    const stat = await this.#inAnySession(patience, () =>
      patience.read((call) => this.#client.exists(entries, call)),
    );
    return stat?.numChildren ?? 0;
  }

  /**
   * The first items in the order of the queue, claimed or not, without taking them; `deliveries` are those so far. Items whose
   * bytes mean nothing are left out.
   *
   * @param options `count`: how many at most, 1 to 1000, default 1
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError for what a server refuses
   */
  async peek(options: WaitOptions & { readonly count?: number } = {}): Promise<readonly QueueMessage<T>[]> {
    const { count = 1 } = options;
    checkInteger(this.#setup, "count", count, { min: 1, max: PEEK_MAX });
    using patience = this.#patience(options);
    const found = await this.#inAnySession(patience, async () => {
      const entries = await this.#taker.list(patience);
      return await Promise.all(entries.slice(0, count).map((entry) => this.#taker.read(entry, patience)));
    });
    const messages = found.filter((message) => message !== undefined);
    return messages;
  }

  /** All items in the order of the queue, and who works on them. @throws as {@link Queue.peek} */
  async inspect(options: WaitOptions = {}): Promise<readonly QueueListing[]> {
    using patience = this.#patience(options);
    return await this.#inAnySession(patience, () => this.#listing(patience));
  }

  async #listing(patience: Patience): Promise<readonly QueueListing[]> {
    const { claims } = this.#setup;
    const [entries, claimed] = await Promise.all([this.#taker.list(patience), this.#taker.claimed(patience)]);
    const stats = new Map(
      await Promise.all(
        claimed.map(async ({ name }) => {
          const path = childPath(claims, name);
          return [name, await patience.read((call) => this.#client.exists(path, call))] as const;
        }),
      ),
    );
    return entries.map((entry): QueueListing => {
      const stat = stats.get(entry.name);
      if (stat === undefined || stat === null) return { ...entry, claim: undefined };
      const { ephemeralOwner: sessionId, czxid: token, ctime } = stat;
      return {
        ...entry,
        claim: { path: childPath(claims, entry.name), sessionId, token, sinceMs: Number(ctime) },
      };
    });
  }

  /**
   * Takes all items of an id out of the queue that nobody works on.
   * @returns how many
   * @throws as {@link Queue.put}
   */
  async remove(id: string, options: WaitOptions = {}): Promise<number> {
    using patience = this.#patience(options);
    const prefix = prefixOf(this.#setup, { id });
    let removed = 0;
    for (const { name } of await this.#inAnySession(patience, () => this.#taker.list(patience))) {
      if (name.startsWith(prefix) && (await this.#removeFree(name, patience))) removed += 1;
    }
    return removed;
  }

  async #removeFree(name: string, patience: Patience): Promise<boolean> {
    const { client, entries, claims, markers, acl, recipe, path } = this.#setup;
    const claim = childPath(claims, name);
    const mode = CreateMode.EPHEMERAL;
    for (;;) {
      try {
        // Who has the claim for no time at all takes the item from nobody.
        await commitOnce(
          client,
          { recipe, path, markers, acl },
          (tx) =>
            tx
              .create(claim, null, { mode, ...aclOf(this.#setup) })
              .remove(childPath(entries, name))
              .remove(claim),
          patience,
        );
        return true;
      } catch (error) {
        if (isZkError(error, "NODE_EXISTS")) return false;
        if (!isZkError(error, "NO_NODE")) throw error;
        if (error.operationIndex !== 0) return false;
        await patience.read((call) => makeDirectory(client, claims, acl, call));
      }
    }
  }

  /** The znodes of these values, one for each list. */
  async #parcels(
    lists: readonly (readonly T[])[],
    { id, priority, dueMs, delayMs }: PutOptions,
    patience: Patience,
  ): Promise<readonly Parcel[]> {
    const { order, layout } = this.#setup;
    // What is refused is refused before anything is sent.
    prefixOf(this.#setup, { id, priority, dueMs: delayMs === undefined ? dueMs : 0 });
    const isTimed = delayMs !== undefined || (order === "due" && dueMs === undefined);
    const nowMs = (): Promise<number> => this.#setup.clock.nowMs(patience);
    const timeMs = isTimed ? Math.ceil((await this.#inAnySession(patience, nowMs)) + (delayMs ?? 0)) : dueMs;
    const prefix = prefixOf(this.#setup, { id, priority, dueMs: timeMs });
    return lists.map((values) => {
      const bytes = values.map((value) => this.#codec.encode(value));
      return { prefix, data: refusing(this.#setup, () => layout.encode(bytes)) };
    });
  }

  #inAnySession<R>(patience: Patience, work: () => Promise<R>): Promise<R> {
    return inAnySession(this.#client, patience, this.#setup, work);
  }

  #patience(options: TakeOptions): Patience {
    checkOneOf(this.#setup, "ack", options.ack, ["manual", "before"]);
    return new Patience(this.#client, this.#setup, options);
  }
}

function deadPath(path: string): string {
  return `${path}-dead`;
}
