/**
 * A part of the tree, kept in this process: what all caches have in common.
 *
 * What a cache promises:
 * - After any change, and after any lost connection or session, it comes to what the servers have. What is told is the way
 *   from what was there before: nothing twice, nothing that did not change.
 * - At one znode, changes are told in their order; a znode before those below it, and its removal after theirs.
 * - It creates nothing: a root that is not there is waited for.
 *
 * What it does not promise:
 * - That what it shows is new: see {@link ZnodeCache.stalenessMs}, and {@link ZnodeCache.sync} for those who need to know.
 * - Every change: several in quick succession may be told as one, and what was created and removed in between not at all.
 * - That two znodes are of one moment, unless the snapshot says so.
 */
import type { Client } from "@zk/client";
import { checkInteger, checkZnodePath } from "../core/checks.js";
import { Listeners } from "../core/listeners.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver, sessionAgain, whileSession } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import { onAbort } from "../io/on-abort.js";
import { ChangeStream } from "./change-stream.js";
import { Contents } from "./contents.js";
import { Reader } from "./reader.js";
import { Shape, type ShapeOptions } from "./shape.js";
import type { CacheChange, CachedNode, CacheOverflow, CacheSnapshot } from "./types.js";

/** Options of every cache. */
export interface CacheOptions {
  /** Whether data is read, and not only stats. Default true. */
  readonly data?: boolean;
  /** Znodes that are looked at, at most; past that the cache fails with CAPACITY. Default 100 000. */
  readonly nodesMax?: number;
  /**
   * Milliseconds: what is read after a lost connection waits a random part of this, so that not all clients ask at once.
   * Default 500.
   */
  readonly jitterMs?: number;
}

/**
 * - `loading`: it was not complete yet.
 * - `live`: it is connected, and told of every change.
 * - `stale`: the connection or the session is lost, or it is catching up after that.
 * - `closed`, `failed`: nothing is read any more. Final.
 */
export type CacheState = "loading" | "live" | "stale" | "closed" | "failed";

/** Options of {@link ZnodeCache.changes}. */
export interface ChangesOptions {
  /** Ends the stream: iterating rejects with ABORTED. */
  readonly signal?: AbortSignal;
  /** Changes that are kept for a slow reader; past that it is told `overflow`. Default 1024. */
  readonly bufferMax?: number;
  /** Begin by telling what is in the cache as `created`. Default false. */
  readonly initial?: boolean;
}

/** What a cache is made from. */
export interface CacheDetails {
  readonly client: Client;
  readonly recipe: string;
  readonly path: string;
  readonly options: CacheOptions;
  readonly shape: ShapeOptions;
  /** Whether one persistent watch over everything at and below the root is to be tried. Default false. */
  readonly persistent?: boolean;
}

/** See the head of this file. */
export abstract class ZnodeCache implements Disposable, AsyncDisposable {
  /** The znode that it is of. */
  readonly path: string;
  /**
   * Resolves when everything was read once; also when there is no such znode. Rejects when the cache failed or was closed
   * before.
   */
  readonly ready: Promise<void>;

  readonly #client: Client;
  readonly #recipe: string;
  readonly #contents: Contents;
  readonly #reader: Reader;
  readonly #listeners: Listeners<CacheChange>;
  readonly #streams = new Set<ChangeStream<CacheChange | CacheOverflow>>();
  readonly #current = new Listeners<void>();
  readonly #ended = new AbortController();
  #becomeReady: () => void = () => {};
  #failReady: (error: unknown) => void = () => {};
  #isReady = false;
  #ending: { readonly error: unknown } | undefined;
  #snapshot: { readonly revision: number; readonly value: CacheSnapshot } | undefined;
  /** When it was last known to be what the servers have, on the client's clock. */
  #freshAtMs = Number.NEGATIVE_INFINITY;

  /** @throws RecipeError INVALID_ARGUMENT */
  protected constructor({ client, recipe, path, options, shape, persistent = false }: CacheDetails) {
    const about = { recipe, path };
    checkZnodePath(client, recipe, path);
    const { data = true, nodesMax = 100_000, jitterMs = 500 } = options;
    checkInteger(about, "nodesMax", nodesMax, { min: 1, max: Number.MAX_SAFE_INTEGER });
    checkInteger(about, "jitterMs", jitterMs, { min: 0, max: 3_600_000 });
    this.path = path;
    this.#client = client;
    this.#listeners = new Listeners((error) => {
      telemetryOf(client).tell({ type: "listenerFailed", ...about, error });
    });
    this.#recipe = recipe;
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#failReady = reject;
    });
    // Who does not ask for it is told by `state`, and by the iteration.
    this.ready.catch(() => {});
    this.#contents = new Contents(path, new Shape(shape), nodesMax, {
      changed: (change) => this.#tell(change),
      forgotten: (gone) => this.#reader.forgotten(gone),
    });
    this.#reader = new Reader(
      { client, recipe, withData: data, nodesMax, jitterMs, persistent },
      this.#contents,
      {
        synced: () => this.#synced(),
        stale: () => this.#becameStale(),
        ended: (error) => this.#end(error),
        current: () => this.#current.tell(),
      },
    );
    this.#reader.start();
  }

  /** For caches of a whole tree. */
  protected get isPersistent(): boolean {
    return this.#reader.isPersistent;
  }

  get state(): CacheState {
    if (this.#ending !== undefined) return this.#ending.error === undefined ? "closed" : "failed";
    if (!this.#isReady) return "loading";
    return this.#reader.isLive ? "live" : "stale";
  }

  /** Aborts when nothing is read any more; the reason is what it failed with, or a RecipeError RELEASED when it was closed. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Why it failed. */
  get failure(): unknown {
    return this.#ending?.error;
  }

  /**
   * How old what it shows may be, in milliseconds: the time since a server last answered, or since the cache was last `live`.
   * Infinity before it ever was. The server itself may be behind others, by the time that its quorum allows.
   */
  get stalenessMs(): number {
    const { clock, silentForMs } = this.#client;
    return this.state === "live" ? silentForMs : Math.max(silentForMs, clock.nowMs() - this.#freshAtMs);
  }

  /** What is in the cache now, as a value of its own. */
  snapshot(): CacheSnapshot {
    const isConsistent = this.#isReady && this.#reader.isCurrent;
    const { nodes, zxid, revision } = this.#contents;
    const before = this.#snapshot;
    const isSame = before?.revision === revision;
    if (isSame && before.value.zxid === zxid && before.value.isConsistent === isConsistent)
      return before.value;
    const value = { nodes: isSame ? before.value.nodes : new Map(nodes), zxid, isConsistent };
    this.#snapshot = { revision, value };
    return value;
  }

  /**
   * The changes from now on. Leaving the loop ends the stream. It is over when the cache is closed, and rejects when the
   * cache fails.
   *
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * for await (const change of cache.changes({ signal })) {
   *   if (change.type === "overflow") replaceAll(change.snapshot.nodes);
   *   else if ("node" in change) replace(change.node);
   *   else if (change.type === "deleted") remove(change.path);
   * }
   * ```
   */
  changes(
    options: ChangesOptions = {},
  ): AsyncIterableIterator<CacheChange | CacheOverflow, undefined> & AsyncDisposable {
    const { signal, bufferMax = 1024, initial = false } = options;
    checkInteger(this.#about, "bufferMax", bufferMax, { min: 1, max: Number.MAX_SAFE_INTEGER });
    const aborted = (): void => {
      const { recipe, path } = this.#about;
      const message = "the stream of changes was given up";
      stream.abort(new RecipeError({ code: "ABORTED", message, recipe, path, cause: signal?.reason }));
    };
    const stream = new ChangeStream<CacheChange | CacheOverflow>(
      bufferMax,
      (dropped) => ({ type: "overflow", dropped, snapshot: this.snapshot() }),
      () => {
        this.#streams.delete(stream);
        signal?.removeEventListener("abort", aborted);
      },
    );
    if (this.#ending !== undefined) {
      stream.end(this.#ending.error);
      return stream;
    }
    this.#streams.add(stream);
    if (initial)
      for (const node of this.#contents.nodes.values())
        stream.push({ type: "created", path: node.path, node });
    if (signal?.aborted) aborted();
    else if (signal !== undefined) onAbort(signal, aborted);
    return stream;
  }

  /**
   * Calls the function with every change, at the moment at which the cache has taken it in.
   * @param listener what it throws is told to `observeRecipes`, and nobody else
   * @returns what ends it
   */
  onChange(listener: (change: CacheChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Resolves when the cache has everything that was committed before the call, by whomever. For those who learned of a write
   * in another way and now want to see it here.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, RELEASED when the cache is closed; whatever it fails with
   */
  async sync(options: WaitOptions = {}): Promise<void> {
    this.#refuseIfOver();
    using patience = new Patience(this.#client, this.#about, options);
    await this.#syncServer(patience);
    // What was committed before that answer was told before it, so it is known by now what to read.
    await whileSession(this.#client, this.#reader.catchUp(), patience, this.#about);
  }

  /**
   * Reads everything again, and resolves when it is there. Not needed for changes: for znodes that could not be read before,
   * such as after `addAuth`.
   *
   * @throws as {@link ZnodeCache.sync}
   */
  async refresh(options: WaitOptions = {}): Promise<void> {
    this.#refuseIfOver();
    using patience = new Patience(this.#client, this.#about, options);
    patience.check();
    await whileSession(this.#client, this.#reader.reload(), patience, this.#about);
  }

  /**
   * Resolves when the condition holds. It is looked at when the cache is complete, and after every change.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, RELEASED when the cache is closed; whatever it fails with, and
   *   what the condition throws
   */
  async until(condition: (cache: this) => boolean, options: WaitOptions = {}): Promise<void> {
    await this.#waitFor(() => (this.#isReady && condition(this)) || undefined, this.#listeners, options);
  }

  /**
   * The next snapshot that is of one moment. Under writes without a pause it may be long in coming; {@link atomically} reads a few
   * znodes together whatever happens.
   *
   * @throws as {@link ZnodeCache.sync}
   */
  async consistent(options: WaitOptions = {}): Promise<CacheSnapshot> {
    const look = (): CacheSnapshot | undefined => {
      const snapshot = this.snapshot();
      return snapshot.isConsistent ? snapshot : undefined;
    };
    return this.#waitFor(look, this.#current, options);
  }

  /** Ends it: nothing is read or told any more, and its watches are taken back. What it shows stays as it is. */
  close(): void {
    this.#reader.end();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** What is in the cache, as it goes on changing. */
  protected get nodes(): ReadonlyMap<string, CachedNode> {
    return this.#contents.nodes;
  }

  /** Names of the children of a znode that are looked at; undefined when the znode is not. */
  protected namesBelow(path: string): Iterable<string> | undefined {
    return this.#contents.childrenOf(path);
  }

  /** Resolves when the look finds something; it looks now, and whenever there is news. */
  async #waitFor<T>(
    look: () => T | undefined,
    news: { add(listener: () => void): () => void },
    options: WaitOptions,
  ): Promise<T> {
    this.#refuseIfOver();
    using patience = new Patience(this.#client, this.#about, options);
    patience.check();
    let stop = (): void => {};
    const found = new Promise<T>((resolve, reject) => {
      const again = (): void => {
        try {
          const value = look();
          if (value !== undefined) resolve(value);
        } catch (error) {
          reject(error);
        }
      };
      const ended = (): void => reject(this.signal.reason);
      const unlisten = news.add(again);
      const forget = onAbort(this.signal, ended);
      stop = () => {
        unlisten();
        forget();
      };
      again();
    });
    try {
      return await whileSession(this.#client, found, patience, this.#about);
    } finally {
      stop();
    }
  }

  get #about(): { readonly recipe: string; readonly path: string } {
    return { recipe: this.#recipe, path: this.path };
  }

  async #syncServer(patience: Patience): Promise<void> {
    for (;;) {
      try {
        return await patience.read((call) => this.#client.sync(this.path, call));
      } catch (error) {
        if (!isSessionOver(error)) throw error;
        await sessionAgain(this.#client, patience, this.#about);
      }
    }
  }

  #refuseIfOver(): void {
    this.signal.throwIfAborted();
  }

  #synced(): void {
    this.#isReady = true;
    this.#becomeReady();
    this.#tell({ type: "synced", zxid: this.#contents.zxid });
  }

  #becameStale(): void {
    this.#noteFreshness();
    if (this.#isReady) this.#tell({ type: "stale" });
  }

  #noteFreshness(): void {
    this.#freshAtMs = this.#client.clock.nowMs() - this.#client.silentForMs;
  }

  #end(error: unknown): void {
    if (this.#reader.isLive) this.#noteFreshness();
    this.#ending = { error };
    const message = this.#client.state === "closed" ? "the client was closed" : "it was closed";
    const reason = error ?? new RecipeError({ code: "RELEASED", message, ...this.#about });
    this.#failReady(reason);
    for (const stream of [...this.#streams]) stream.end(error);
    this.#ended.abort(reason);
  }

  #tell(change: CacheChange): void {
    for (const stream of [...this.#streams]) stream.push(change);
    this.#listeners.tell(change);
  }
}
