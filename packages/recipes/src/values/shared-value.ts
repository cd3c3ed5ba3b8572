/**
 * A value that all see and anybody may replace.
 *
 * What it promises: after any change, lost connection or session it comes to the value that the servers have; it never goes back to
 * an older one, by the transactions that wrote them and not by versions, which begin again and wrap. A replacement is made
 * exactly once, and `compareAndSet` replaces what was seen and nothing else. What it does not promise: that what it shows is
 * new ({@link SharedValue.stalenessMs}; {@link SharedValue.get} asks), or every value in between.
 *
 * Layout: `<path>` holds the bytes of the value, as Curator's SharedValue and SharedCount and kazoo's Counter. An empty znode is one
 * that somebody made and has not given a value: it counts as the seed, and we leave none behind. Markers lie in
 * `<path>-state/markers`. The fencing token of a value is its `mzxid`.
 */
import type { Acl, Client } from "@zk/client";
import { type NodeCache, watchNode } from "../caches/node-cache.js";
import { checkRecipe } from "../core/checks.js";
import { bytesCodec, type Codec } from "../core/codec.js";
import { Listeners } from "../core/listeners.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import { Register, type Seen } from "./register.js";

/** Options of {@link SharedValue}. */
export interface SharedValueOptions<T> {
  /** How values become bytes. Default: they are bytes. */
  readonly codec?: Codec<T>;
  /** What to write where there is no znode, or an empty one. Its bytes must not be empty. Default: nothing, an empty value is a value. */
  readonly seed?: T;
  /** Whether to write the seed again when the znode is removed. Default false: there is no value then. */
  readonly reseed?: boolean;
  /** Milliseconds: what is read after a lost connection waits a random part of this. Default 500. */
  readonly jitterMs?: number;
  /** Of everything that we make. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** A value as it was at one time. */
export interface VersionedValue<T> {
  readonly value: T;
  /** The version of the znode. It begins again when the znode is made anew, and wraps. */
  readonly version: number;
  /** The transaction that wrote it. */
  readonly mzxid: bigint;
}

/** See the head of this file. */
export class SharedValue<T = Uint8Array> implements Disposable, AsyncDisposable {
  readonly path: string;
  /** Resolves when the value is known, and seeded if it was to be. Rejects when that failed, or it was closed before. */
  readonly ready: Promise<void>;
  readonly #client: Client;
  readonly #recipe: string;
  readonly #codec: Codec<T>;
  readonly #options: SharedValueOptions<T>;
  readonly #register: Register;
  readonly #cache: NodeCache;
  readonly #listeners: Listeners<VersionedValue<T> | undefined>;
  #current: VersionedValue<T> | undefined;
  /** What was seen of the ensemble when the znode was last found removed. */
  #goneZxid = 0n;

  /**
   * @param path the znode; it need not exist
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * using motd = new SharedValue(client, "/motd", { codec: textCodec, seed: "hello" });
   * await motd.ready;
   * motd.onChange((now) => console.log(now?.value));
   * await motd.update((text) => `${text}!`);
   * ```
   */
  constructor(client: Client, path: string, options: SharedValueOptions<T> = {}, recipe = "SharedValue") {
    checkRecipe(client, recipe, path, options);
    this.path = path;
    this.#client = client;
    this.#recipe = recipe;
    this.#options = options;
    // Without a codec T is Uint8Array.
    this.#codec = options.codec ?? (bytesCodec as unknown as Codec<T>);
    if (options.seed !== undefined) this.#encode(options.seed);
    this.#register = new Register(client, { recipe, path, acl: options.acl });
    this.#listeners = new Listeners((error) => {
      telemetryOf(client).tell({ type: "listenerFailed", recipe, path, error });
    });
    const { jitterMs } = options;
    this.#cache = watchNode(client, path, jitterMs === undefined ? {} : { jitterMs });
    this.#cache.onChange((change) => {
      if ("node" in change) this.#saw(change.node);
      else if (change.type === "deleted") this.#gone();
      else if (change.type === "synced") this.#missed(change.zxid);
    });
    this.ready = this.#begin();
    // Who does not ask for it is told by `state`.
    this.ready.catch(() => {});
  }

  /** The newest value that is known; undefined when there is none. */
  get current(): VersionedValue<T> | undefined {
    return this.#current;
  }

  /** `live` when it hears of every change; see {@link CacheState}. */
  get state(): NodeCache["state"] {
    return this.#cache.state;
  }

  /** How old what it shows may be, in milliseconds; see {@link ZnodeCache.stalenessMs}. */
  get stalenessMs(): number {
    return this.#cache.stalenessMs;
  }

  /** Hears of every newer value, ours included, and of its end (undefined). @returns what ends it */
  onChange(listener: (now: VersionedValue<T> | undefined) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Asks for the value that the ensemble has now.
   * @returns undefined when there is none
   * @throws RecipeError CORRUPTED for bytes that mean nothing; ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED
   */
  async get(options: WaitOptions = {}): Promise<VersionedValue<T> | undefined> {
    using patience = this.#patience(options);
    await this.#cache.sync({ signal: patience.signal });
    const seen = await this.#register.read(patience);
    const value = this.#valueOf(seen);
    if (seen === undefined || value === undefined) return undefined;
    const { version, mzxid } = seen.stat;
    const now = { value: value.value, version, mzxid };
    this.#learn(now);
    return now;
  }

  /**
   * Replaces the value, whatever it is.
   * @throws as {@link SharedValue.update}
   */
  async set(value: T, options: WaitOptions = {}): Promise<VersionedValue<T>> {
    using patience = this.#patience(options);
    const bytes = this.#encode(value);
    const { version, mzxid } = await this.#register.replace(() => bytes, patience);
    const now = this.#wrote({ value, version, mzxid });
    return now;
  }

  /**
   * Replaces the value if it is the one that was seen.
   *
   * @param expected such as {@link SharedValue.current}; undefined for no value
   * @returns null, and nothing is written, when it is another by now
   * @throws as {@link SharedValue.update}
   */
  async compareAndSet(
    expected: VersionedValue<T> | undefined,
    value: T,
    options: WaitOptions = {},
  ): Promise<VersionedValue<T> | null> {
    using patience = this.#patience(options);
    const bytes = this.#encode(value);
    const replaced = await this.#register.replace((seen) => {
      const isExpected = this.#isUnset(seen) ? expected === undefined : seen?.stat.mzxid === expected?.mzxid;
      return isExpected ? bytes : undefined;
    }, patience);
    if (!replaced.isWritten) return null;
    const now = this.#wrote({ value, version: replaced.version, mzxid: replaced.mzxid });
    return now;
  }

  /**
   * Replaces the value by what the function makes of it, exactly once.
   *
   * @param next gets the value, the seed or undefined where there is none; undefined leaves it as it is. May be called again.
   * @returns the value after; undefined when there is none
   * @throws RecipeError CORRUPTED; ABORTED, WAIT_TIMEOUT and SESSION_EXPIRED, whose `applied` says `maybe` when the wait ended
   *   before it was known; AMBIGUOUS; REFUSED; INVALID_ARGUMENT for a value that has no bytes, or with a seed empty ones. What
   *   the function throws. ZkError for what a server refuses.
   */
  async update(
    next: (value: T | undefined) => T | undefined,
    options: WaitOptions = {},
  ): Promise<VersionedValue<T> | undefined> {
    using patience = this.#patience(options);
    let after: T | undefined;
    const replaced = await this.#register.replace((seen) => {
      const before = this.#valueOf(seen)?.value ?? this.#options.seed;
      const wanted = next(before);
      after = wanted ?? before;
      return wanted === undefined ? undefined : this.#encode(wanted);
    }, patience);
    if (after === undefined || (!replaced.isWritten && this.#isUnset(replaced.seen))) return undefined;
    const now = this.#wrote({ value: after, version: replaced.version, mzxid: replaced.mzxid });
    return now;
  }

  /** Ends it: nothing is heard of any more. What it shows stays as it is. */
  close(): void {
    this.#cache.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #begin(): Promise<void> {
    await this.#cache.ready;
    if (this.#options.seed !== undefined && this.#current === undefined) await this.#seed();
  }

  async #seed(): Promise<void> {
    const { seed } = this.#options;
    if (seed === undefined) return;
    using patience = this.#patience({ signal: this.#cache.signal });
    const bytes = this.#encode(seed);
    const replaced = await this.#register.replace(
      (seen) => (this.#isUnset(seen) ? bytes : undefined),
      patience,
    );
    const { version, mzxid } = replaced;
    if (replaced.isWritten) this.#wrote({ value: seed, version, mzxid });
    else if (replaced.seen !== undefined) this.#saw(replaced.seen);
  }

  /** Takes in what was read, if it means something. */
  #saw(seen: Seen): void {
    const { recipe, path } = this.#about;
    try {
      const value = this.#valueOf(seen);
      const { version, mzxid } = seen.stat;
      if (value !== undefined) this.#learn({ value: value.value, version, mzxid });
    } catch (error) {
      // The last value that meant something stays.
      telemetryOf(this.#client).tell({ type: "badData", recipe, path, data: seen.data, error });
    }
  }

  /** An answer that was lost is found out late: the znode may have been removed since, and that was heard of. */
  #wrote(now: VersionedValue<T>): VersionedValue<T> {
    if (this.#current !== undefined || now.mzxid > this.#goneZxid) this.#learn(now);
    if (this.#cache.node === undefined) void this.#confirm(now);
    return now;
  }

  /**
   * A znode that we made may be removed before the cache has read it. To the cache it was never there, so that nobody tells of
   * its end: it is looked for once the cache has read what is there behind our write.
   */
  async #confirm(made: VersionedValue<T>): Promise<void> {
    try {
      await this.#cache.sync({ signal: this.#cache.signal });
    } catch {
      // It was closed or has failed, and says so itself by its state; or its session ended, and it reads everything in the next.
      return;
    }
    if (this.#cache.node === undefined && this.#current?.mzxid === made.mzxid) this.#gone();
  }

  #learn(now: VersionedValue<T>): void {
    if (this.#current !== undefined && this.#current.mzxid >= now.mzxid) return;
    this.#current = now;
    this.#listeners.tell(now);
  }

  #gone(): void {
    if (this.#current === undefined) return;
    this.#current = undefined;
    this.#goneZxid = this.#client.lastZxid;
    this.#listeners.tell(undefined);
    if (this.#options.reseed !== true) return;
    const { recipe, path } = this.#about;
    this.#seed().catch((error: unknown) => {
      telemetryOf(this.#client).tell({ type: "notSeeded", recipe, path, error });
    });
  }

  /** The cache has read everything anew: a znode that came and went in between was never there for it. */
  #missed(zxid: bigint): void {
    const known = this.#current;
    if (known !== undefined && this.#cache.node === undefined && known.mzxid <= zxid) this.#gone();
  }

  #isUnset(seen: Seen | undefined): boolean {
    if (seen === undefined) return true;
    return this.#options.seed !== undefined && (seen.data === null || seen.data.length === 0);
  }

  /** In a box, as the value may be undefined itself. */
  #valueOf(seen: Seen | undefined): { readonly value: T } | undefined {
    if (seen === undefined || this.#isUnset(seen)) return undefined;
    try {
      return { value: this.#codec.decode(seen.data ?? new Uint8Array()) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const message = `what is there means nothing: ${reason}`;
      throw new RecipeError({ code: "CORRUPTED", message, ...this.#about, cause: error });
    }
  }

  #encode(value: T): Uint8Array {
    let bytes: Uint8Array;
    try {
      bytes = this.#codec.encode(value);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new RecipeError({ code: "INVALID_ARGUMENT", message, ...this.#about, cause: error });
    }
    if (bytes.length > 0 || this.#options.seed === undefined) return bytes;
    const message = "with a seed a value must not be empty: an empty znode counts as one without a value";
    throw new RecipeError({ code: "INVALID_ARGUMENT", message, ...this.#about });
  }

  get #about(): { readonly recipe: string; readonly path: string } {
    return { recipe: this.#recipe, path: this.path };
  }

  #patience(options: WaitOptions): Patience {
    return new Patience(this.#client, this.#about, options);
  }
}
