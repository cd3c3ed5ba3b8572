/**
 * Many znodes that are one configuration: written in a pipeline, and used only when all are written.
 *
 * What it promises: what a reader is given was published together, whole. While another set is being written, or when whoever wrote it
 * died on the way, there is none.
 *
 * What it does not promise: anything when two publish at once. One writer must be the only one: it holds a lock or is the leader, and
 * gives that hold, behind which every write is checked.
 *
 * Small sets do not need it: {@link atomically} writes up to about 1 MiB at one moment.
 *
 * Layout: `<directory>/<name>` for each part, and `<directory>/ready`, which is removed before anything is written and created again
 * when everything is. Its data is a UUID of the publication. The token of a set is the czxid of `ready`.
 * Source: Hunt, Konar, Junqueira, Reed: ZooKeeper, 2010, section 2.3
 */
import { type Client, type Data, isZkError, type Transaction } from "@zk/client";
import { type ChildrenCache, watchChildren } from "../caches/children-cache.js";
import type { CacheSnapshot } from "../caches/types.js";
import { checkRecipe } from "../core/checks.js";
import { textCodec } from "../core/codec.js";
import type { Hold } from "../core/hold.js";
import { Listeners } from "../core/listeners.js";
import { childPath, nameOf } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver, sessionAgain, whileSession } from "../core/sessions.js";
import { RecipeError } from "../errors.js";
import { isSame } from "./definition.js";

const READY = "ready";
const RECIPE = "ReadySet";
/** Writes that are under way at once. */
const PIPELINE = 100;

/** Options of {@link publishReadySet}. */
export interface PublishOptions extends WaitOptions {
  /** What makes us the only writer, such as a lock. Every write goes through only while it stands. */
  readonly hold?: Hold;
}

/** A set that is whole. */
export interface ReadySet {
  /** The parts by name. */
  readonly parts: ReadonlyMap<string, Uint8Array | null>;
  /** Which publication it is: the zxid that created `ready`. It grows. */
  readonly token: bigint;
}

/**
 * Replaces the set in a directory by another. Until it resolves readers have none; if it ends before, they go on having none, and it
 * is to be called again.
 *
 * @param parts what is to be there, by name. Everything else in the directory is removed.
 * @throws RecipeError INVALID_ARGUMENT, ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, HOLD_LOST; CONFLICT when somebody else published
 *   meanwhile; ZkError for what a server refuses
 * @example
 * ```ts
 * await publishReadySet(client, "/routing", new Map([["eu", euTable], ["us", usTable]]), { hold: leadership });
 * ```
 */
export async function publishReadySet(
  client: Client,
  directory: string,
  parts: ReadonlyMap<string, Data>,
  options: PublishOptions = {},
): Promise<void> {
  checkRecipe(client, RECIPE, directory);
  if (parts.has(READY)) {
    const message = `"${READY}" is the name of the znode that says that a set is whole`;
    throw new RecipeError({ code: "INVALID_ARGUMENT", message, recipe: RECIPE, path: directory });
  }
  using patience = new Patience(client, { recipe: RECIPE, path: directory }, options);
  const writer = new Writer(client, directory, patience, options.hold);
  for (;;) {
    try {
      return await writer.publish(parts);
    } catch (error) {
      if (isZkError(error, "NO_NODE")) throw writer.conflict(error);
      // With a hold it is the hold that says so; without one the next session goes on where this one was.
      if (!isSessionOver(error)) throw error;
      await sessionAgain(client, patience, { recipe: RECIPE, path: directory });
    }
  }
}

/** One publication. Every step can be done again: it says what is to be, not what is to change. */
class Writer {
  readonly #client: Client;
  readonly #directory: string;
  readonly #patience: Patience;
  readonly #hold: Hold | undefined;
  readonly #id: string;

  constructor(client: Client, directory: string, patience: Patience, hold: Hold | undefined) {
    this.#client = client;
    this.#directory = directory;
    this.#patience = patience;
    this.#hold = hold;
    this.#id = client.randomness.uuid();
  }

  async publish(parts: ReadonlyMap<string, Data>): Promise<void> {
    await this.#remove(READY);
    const names = await this.#names();
    const gone = names.filter((name) => name !== READY && !parts.has(name));
    await inParallel([...parts], ([name, data]) => this.#put(name, data));
    await inParallel(gone, (name) => this.#remove(name));
    // Only now: a write that was lost and is sent again must not come behind it.
    await this.#makeReady();
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await this.#patience.read((call) => this.#client.getChildren(this.#directory, call));
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
    }
    try {
      await this.#patience.read((call) =>
        this.#client.create(this.#directory, null, { ...call, createParents: true, retry: "always" }),
      );
    } catch (error) {
      if (!isZkError(error, "NODE_EXISTS")) throw error;
    }
    return [];
  }

  async #put(name: string, data: Data): Promise<void> {
    const path = childPath(this.#directory, name);
    for (;;) {
      if (await this.#does("NO_NODE", (tx) => tx.setData(path, data) as never)) return;
      if (await this.#does("NODE_EXISTS", (tx) => tx.create(path, data) as never)) return;
    }
  }

  async #remove(name: string): Promise<void> {
    await this.#does("NO_NODE", (tx) => tx.remove(childPath(this.#directory, name)) as never);
  }

  async #makeReady(): Promise<void> {
    const path = childPath(this.#directory, READY);
    if (await this.#does("NODE_EXISTS", (tx) => tx.create(path, this.#id) as never)) return;
    // Ours, whose answer was lost, or another's.
    const { data } = await this.#patience.read((call) => this.#client.getData(path, call));
    if (!isSame(data, textCodec.encode(this.#id))) throw this.conflict();
  }

  /** Somebody else was at it as well: what is there may be of both. */
  conflict(cause?: unknown): RecipeError {
    const message = "somebody else published or removed it meanwhile; let one hold decide who may";
    const about = { recipe: RECIPE, path: this.#directory };
    return new RecipeError({ code: "CONFLICT", message, ...about, applied: "maybe", cause });
  }

  /** @returns false when the server answered that code */
  async #does(code: "NO_NODE" | "NODE_EXISTS", build: (tx: Transaction) => Transaction): Promise<boolean> {
    try {
      await this.#patience.read(async (call) => {
        const options = { ...call, retry: "always" } as const;
        if (this.#hold === undefined) await build(this.#client.transaction()).commit(options);
        else await this.#hold.guard(build, options);
      });
      return true;
    } catch (error) {
      if (isZkError(error, code)) return false;
      throw error;
    }
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(PIPELINE, items.length) }, worker));
  for (const each of ended) if (each.status === "rejected") throw each.reason;
}

/** The set in a directory, as it is published. Made by {@link watchReadySet}. */
export class WatchedReadySet implements Disposable, AsyncDisposable {
  /** The directory. */
  readonly path: string;
  readonly #client: Client;
  readonly #cache: ChildrenCache;
  readonly #listeners = new Listeners<ReadySet | undefined>();
  #set: ReadySet | undefined;
  #last: ReadySet | undefined;
  #isLooking = false;

  constructor(client: Client, directory: string) {
    checkRecipe(client, RECIPE, directory);
    this.path = directory;
    this.#client = client;
    this.#cache = watchChildren(client, directory);
    this.#cache.onChange((change) => {
      if (change.type === "deleted" && nameOf(change.path) === READY) this.#become(undefined);
      this.#look();
    });
    this.#cache.signal.addEventListener("abort", () => this.#listeners.tell(this.#set));
  }

  /** The set; undefined while there is none that is whole. */
  get set(): ReadySet | undefined {
    return this.#set;
  }

  /** The last set that was whole, for those who would rather have an old one than none. */
  get last(): ReadySet | undefined {
    return this.#last;
  }

  /** How old what is shown may be, in milliseconds. */
  get stalenessMs(): number {
    return this.#cache.stalenessMs;
  }

  /** Hears of every set, and of `undefined` when it is not to be used any more. @returns what ends it */
  onSet(listener: (set: ReadySet | undefined) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * The set, as soon as there is one.
   * @param options `newerThan`: the token of a set that is not wanted any more
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, RELEASED when it is closed; whatever the reading fails with
   */
  async get(options: WaitOptions & { readonly newerThan?: bigint } = {}): Promise<ReadySet> {
    const about = { recipe: RECIPE, path: this.path };
    const { newerThan = -1n } = options;
    using patience = new Patience(this.#client, about, options);
    patience.check();
    let stop = (): void => {};
    const found = new Promise<ReadySet>((resolve, reject) => {
      const look = (): void => {
        if (this.#set !== undefined && this.#set.token > newerThan) resolve(this.#set);
        else if (this.#cache.signal.aborted) reject(this.#cache.signal.reason);
      };
      stop = this.#listeners.add(look);
      look();
    });
    try {
      return await whileSession(this.#client, found, patience, about);
    } finally {
      stop();
    }
  }

  /** Ends it. What it shows stays. */
  close(): void {
    this.#cache.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** What is in the cache is the set only if it is of one moment, and `ready` is in it. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#cache.consistent().then(
      (snapshot) => {
        this.#isLooking = false;
        this.#judge(snapshot);
      },
      () => {
        // It was closed or its session is over; with the next one it is synced, and this is called again.
        this.#isLooking = false;
      },
    );
  }

  #judge({ nodes }: CacheSnapshot): void {
    const ready = nodes.get(childPath(this.path, READY));
    if (ready === undefined) return this.#become(undefined);
    const token = ready.stat.czxid;
    if (this.#set?.token === token) return;
    const parts = new Map<string, Uint8Array | null>();
    for (const { path, data } of nodes.values()) if (nameOf(path) !== READY) parts.set(nameOf(path), data);
    this.#become({ parts, token });
  }

  #become(set: ReadySet | undefined): void {
    if (set === this.#set) return;
    this.#set = set;
    this.#last = set ?? this.#last;
    this.#listeners.tell(set);
  }
}

/**
 * Reads the set in a directory, and goes on reading it.
 *
 * @throws RecipeError INVALID_ARGUMENT
 * @example
 * ```ts
 * using routing = watchReadySet(client, "/routing");
 * const { parts } = await routing.get({ timeoutMs: 10_000 });
 * ```
 */
export function watchReadySet(client: Client, directory: string): WatchedReadySet {
  return new WatchedReadySet(client, directory);
}
