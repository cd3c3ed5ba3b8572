/**
 * A configuration with a type, read as it changes.
 *
 * What it promises:
 * - `value` is always one that the schema accepted: bad data is told, with its bytes, and the last good value is kept.
 * - Without a znode it is the default, if there is one; otherwise the last good value is kept.
 * - The default is not written.
 * - Secrets are not shown when it is logged, nor in errors and telemetry.
 *
 * What it does not promise: that the value is new. See {@link WatchedConfig.sync}; it is of a {@link NodeCache}.
 *
 * Layout: the znode has what the codec writes, by default plain JSON as UTF-8 without anything around it, as Apache Curator's
 * modeled framework has it.
 */
import type { Client } from "@zk/client";
import type { CacheState } from "../caches/cache.js";
import { ChangeStream } from "../caches/change-stream.js";
import { type NodeCache, watchNode } from "../caches/node-cache.js";
import { checkInteger, checkZnodePath } from "../core/checks.js";
import { Listeners } from "../core/listeners.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { whileSession } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import { onAbort } from "../io/on-abort.js";
import { CONFIG_RECIPE, type ConfigDefinition, isSame } from "./definition.js";
import { REDACTED, shownAs } from "./redact.js";

/** A value, and what it is of. Shown in logs without what is secret. */
export interface ConfigReading<Value> {
  readonly value: Value;
  /** Whether it is what the znode has, or had when it was last good; or the default. */
  readonly source: "node" | "default";
  /** The znode's data version, and the transaction that wrote it; undefined for the default. */
  readonly version: number | undefined;
  readonly mzxid: bigint | undefined;
}

/** What {@link WatchedConfig} tells. Shown in logs without what is secret. */
export type ConfigEvent<Value> =
  | {
      /** There is another value. */
      readonly type: "value";
      readonly reading: ConfigReading<Value>;
      readonly previous: ConfigReading<Value> | undefined;
    }
  | {
      /** What was written is no such configuration. The value stays as it was. */
      readonly type: "bad";
      /** The bytes as they are. */
      readonly data: Uint8Array | null;
      /** A RecipeError CORRUPTED that says what is wrong. */
      readonly error: unknown;
      readonly version: number;
      readonly mzxid: bigint;
    }
  /** There is no znode and no default. The value stays as it was. */
  | { readonly type: "absent" };

/** What a stream tells in place of what its reader did not fetch in time. */
export interface ConfigOverflow<Value> {
  readonly type: "overflow";
  readonly dropped: number;
  readonly reading: ConfigReading<Value> | undefined;
}

/**
 * What was found last: `good`, `bad` or no znode (`absent`). `loading` before that.
 */
export type ConfigStatus = "loading" | "good" | "bad" | "absent";

/** See the head of this file. Made by {@link watchConfig}. */
export class WatchedConfig<Stored, Value = Stored> implements Disposable, AsyncDisposable {
  readonly definition: ConfigDefinition<Stored, Value>;
  /** Resolves when it was looked at once, whatever was found. Rejects when it cannot be read, or the default is not accepted. */
  readonly ready: Promise<void>;
  readonly #client: Client;
  readonly #cache: NodeCache;
  readonly #listeners: Listeners<ConfigEvent<Value>>;
  readonly #streams = new Set<ChangeStream<ConfigEvent<Value> | ConfigOverflow<Value>>>();
  readonly #changed = new Listeners<void>();
  #reading: ConfigReading<Value> | undefined;
  #status: ConfigStatus = "loading";
  #seen: { readonly mzxid: bigint | undefined; readonly data: Uint8Array | null } | undefined;
  #good: Uint8Array | null = null;
  /** It is being judged; `again` when something changed since that began. */
  #judging: "no" | "once" | "again" = "no";
  #failure: { readonly error: unknown } | undefined;
  /** Why nothing is read any more. */
  #ended: unknown;

  constructor(client: Client, definition: ConfigDefinition<Stored, Value>) {
    const { path } = definition;
    checkZnodePath(client, CONFIG_RECIPE, path);
    this.definition = definition;
    this.#client = client;
    this.#listeners = new Listeners((error) => {
      telemetryOf(client).tell({ type: "listenerFailed", recipe: CONFIG_RECIPE, path, error });
    });
    this.#cache = watchNode(client, path);
    this.#cache.onChange(({ type }) => {
      if (type !== "stale") this.#judge();
    });
    this.#cache.signal.addEventListener("abort", () => this.#end());
    this.ready = new Promise((resolve, reject) => {
      const stop = this.#changed.add(() => {
        if (this.#ended !== undefined) reject(this.#ended);
        else if (this.#status === "loading") return;
        else resolve();
        stop();
      });
    });
    // Who does not ask for it is told by the iteration, and by get().
    this.ready.catch(() => {});
    shownAs(this, () => ({ path, status: this.#status, reading: this.#reading }));
  }

  /** The last good value, or the default; undefined when there never was one. */
  get value(): Value | undefined {
    return this.#reading?.value;
  }

  /** The value, and what it is of. */
  get reading(): ConfigReading<Value> | undefined {
    return this.#reading;
  }

  get status(): ConfigStatus {
    return this.#status;
  }

  /** How the watch on it stands. */
  get state(): CacheState {
    return this.#failure === undefined ? this.#cache.state : "failed";
  }

  /** How old the value may be, in milliseconds; see {@link NodeCache}. */
  get stalenessMs(): number {
    return this.#cache.stalenessMs;
  }

  /**
   * The value, as soon as there is one.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, RELEASED; whatever the reading fails with
   */
  async get(options: WaitOptions = {}): Promise<Value> {
    const reading = await this.#until(() => this.#reading, options);
    return reading.value;
  }

  /**
   * Resolves when everything that was committed before the call, by whomever, is seen here and judged.
   * @throws as {@link WatchedConfig.get}
   */
  async sync(options: WaitOptions = {}): Promise<void> {
    this.#refuseIfOver();
    await this.#cache.sync(options);
    await this.#until(() => this.#judging === "no" || undefined, options);
  }

  /** Hears of what happens. What it throws is told to `observeRecipes`. @returns what ends it */
  onEvent(listener: (event: ConfigEvent<Value>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * What happens from now on. Leaving the loop ends the stream; it is over when this is closed.
   *
   * @param options `signal` ends it: iterating rejects with ABORTED. `bufferMax`: events kept for a slow reader, default 64; past
   *   that it is told `overflow`, and the value of that moment
   * @throws RecipeError INVALID_ARGUMENT
   */
  changes(
    options: { readonly signal?: AbortSignal; readonly bufferMax?: number } = {},
  ): AsyncIterableIterator<ConfigEvent<Value> | ConfigOverflow<Value>, undefined> & AsyncDisposable {
    const { signal, bufferMax = 64 } = options;
    checkInteger(this.#about, "bufferMax", bufferMax, { min: 1, max: Number.MAX_SAFE_INTEGER });
    const aborted = (): void => {
      const message = "the stream of changes was given up";
      stream.abort(new RecipeError({ code: "ABORTED", message, ...this.#about, cause: signal?.reason }));
    };
    const stream = new ChangeStream<ConfigEvent<Value> | ConfigOverflow<Value>>(
      bufferMax,
      (dropped) => ({ type: "overflow", dropped, reading: this.#reading }),
      () => {
        this.#streams.delete(stream);
        signal?.removeEventListener("abort", aborted);
      },
    );
    if (this.#ended !== undefined) stream.end(this.state === "failed" ? this.#ended : undefined);
    else if (signal?.aborted) aborted();
    else {
      this.#streams.add(stream);
      if (signal !== undefined) onAbort(signal, aborted);
    }
    return stream;
  }

  /** Ends it: nothing is read or told any more. The value stays. */
  close(): void {
    this.#cache.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Resolves when the look finds something. */
  async #until<T>(look: () => T | undefined, options: WaitOptions): Promise<T> {
    using patience = new Patience(this.#client, this.#about, options);
    patience.check();
    let stop = (): void => {};
    const found = new Promise<T>((resolve, reject) => {
      const again = (): void => {
        const value = look();
        if (value !== undefined) resolve(value);
        else if (this.#ended !== undefined) reject(this.#ended);
      };
      stop = this.#changed.add(again);
      again();
    });
    try {
      return await whileSession(this.#client, found, patience, this.#about);
    } finally {
      stop();
    }
  }

  #judge(): void {
    if (this.#judging !== "no") {
      this.#judging = "again";
      return;
    }
    this.#judging = "once";
    this.#judgeOnce().then(
      () => this.#judged(),
      (error: unknown) => this.#fail(error),
    );
  }

  #judged(): void {
    const isNews = this.#judging === "again";
    this.#judging = "no";
    if (isNews) this.#judge();
    else this.#changed.tell();
  }

  async #judgeOnce(): Promise<void> {
    const { node } = this.#cache;
    // Before all is read, that there is no znode says nothing.
    if (node === undefined && this.#cache.state === "loading") return;
    const mzxid = node?.stat.mzxid;
    if (this.#seen !== undefined && this.#seen.mzxid === mzxid) return;
    this.#seen = { mzxid, data: node?.data ?? null };
    if (node === undefined) return this.#absent();
    const { data, stat } = node;
    let value: Value;
    try {
      value = (await this.definition.parse(data)).value;
    } catch (error) {
      return this.#bad(data, error, stat.version, stat.mzxid);
    }
    const reading = this.#shown({ value, source: "node", version: stat.version, mzxid: stat.mzxid });
    const isSameValue =
      this.#status === "good" && this.#reading?.source === "node" && isSame(this.#good, data);
    this.#good = data;
    this.#status = "good";
    // Written again as it was: no news for anybody.
    if (isSameValue) this.#reading = reading;
    else this.#take(reading);
  }

  async #absent(): Promise<void> {
    const { default: stored } = this.definition;
    const value = stored === undefined ? undefined : (await this.definition.serialize(stored)).value;
    this.#status = "absent";
    if (stored === undefined) return this.#tell({ type: "absent" });
    this.#take(
      this.#shown({ value: value as Value, source: "default", version: undefined, mzxid: undefined }),
    );
  }

  #bad(data: Uint8Array | null, error: unknown, version: number, mzxid: bigint): void {
    this.#status = "bad";
    const { path, secrets } = this.definition;
    const isSecret = secrets !== undefined;
    const event = { type: "bad", data, error, version, mzxid } as const;
    if (isSecret) shownAs(event, () => ({ ...event, data: REDACTED }));
    telemetryOf(this.#client).tell({
      type: "badData",
      recipe: CONFIG_RECIPE,
      path,
      data: isSecret ? null : data,
      error,
    });
    this.#tell(event);
  }

  #take(reading: ConfigReading<Value>): void {
    const previous = this.#reading;
    this.#reading = reading;
    this.#tell({ type: "value", reading, previous });
  }

  /** With a face that may be logged. */
  #shown(reading: ConfigReading<Value>): ConfigReading<Value> {
    if (this.definition.secrets === undefined) return reading;
    return shownAs(reading, () => ({ ...reading, value: this.definition.redact(reading.value) }));
  }

  #tell(event: ConfigEvent<Value>): void {
    if (this.#ended !== undefined) return;
    for (const stream of [...this.#streams]) stream.push(event);
    this.#listeners.tell(event);
  }

  /** Judging it failed: there is no default that could be used. */
  #fail(error: unknown): void {
    this.#judging = "no";
    this.#failure ??= { error };
    this.#cache.close();
  }

  /** The cache reads no more. */
  #end(): void {
    const failure =
      this.#failure ?? (this.#cache.state === "failed" ? { error: this.#cache.failure } : undefined);
    this.#failure = failure;
    this.#ended = failure?.error ?? this.#cache.signal.reason;
    for (const stream of [...this.#streams]) stream.end(failure?.error);
    this.#changed.tell();
  }

  #refuseIfOver(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  get #about(): { readonly recipe: string; readonly path: string } {
    return { recipe: CONFIG_RECIPE, path: this.definition.path };
  }
}

/**
 * Reads a configuration, and goes on reading it as it changes.
 *
 * @throws RecipeError INVALID_ARGUMENT for a path that is none
 * @example
 * ```ts
 * using config = watchConfig(client, limits);
 * server.limit = (await config.get({ timeoutMs: 5_000 })).requests;
 * config.onEvent((event) => {
 *   if (event.type === "value") server.limit = event.reading.value.requests;
 *   if (event.type === "bad") log.error(event.error);
 * });
 * ```
 */
export function watchConfig<Stored, Value = Stored>(
  client: Client,
  definition: ConfigDefinition<Stored, Value>,
): WatchedConfig<Stored, Value> {
  return new WatchedConfig(client, definition);
}
