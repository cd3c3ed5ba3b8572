/**
 * A place where one leaves what others wait for: the address of a master that is about to start, the outcome of a job.
 *
 * What it promises: it is filled once. Whoever waits gets what was left there, however late it comes, and however early it was.
 *
 * What it does not promise: that the one who fills it lives, or ever comes. It stays until somebody removes the znode, and can be filled
 * again then.
 *
 * Layout: `<path>`, which belongs to whoever uses it. It is filled when it has data; an empty one, which others make first to say where it
 * will be, is not. Source: Apache ZooKeeper, programmer's guide and recipes: a rendezvous node.
 */
import { type Acl, type Client, isZkError } from "@zk/client";
import type { CachedNode } from "../caches/types.js";
import { until } from "../caches/until.js";
import { checkRecipe } from "../core/checks.js";
import { bytesCodec, type Codec } from "../core/codec.js";
import { counted } from "../core/contention.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { untilTold } from "../core/until-told.js";
import { RecipeError } from "../errors.js";

const RECIPE = "Rendezvous";

/** Options of {@link Rendezvous}. */
export interface RendezvousOptions<T> {
  /** How values become bytes. Default: they are bytes. */
  readonly codec?: Codec<T>;
  /** Of the znode, if it is made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** See the head of this file. */
export class Rendezvous<T = Uint8Array> {
  /** The znode. */
  readonly path: string;
  readonly #client: Client;
  readonly #codec: Codec<T>;
  readonly #acl: readonly Acl[] | undefined;

  /**
   * @param path made when it is filled, with what is missing above it
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const master = new Rendezvous(client, "/jobs/7/master", { codec: textCodec });
   * await master.fill("10.0.0.7:4711"); // there
   * const address = await master.wait({ timeoutMs: 60_000 }); // here
   * ```
   */
  constructor(client: Client, path: string, options: RendezvousOptions<T> = {}) {
    checkRecipe(client, RECIPE, path, options);
    this.path = path;
    this.#client = client;
    // Without a codec T is Uint8Array.
    this.#codec = options.codec ?? (bytesCodec as unknown as Codec<T>);
    this.#acl = options.acl;
  }

  /**
   * Leaves a value. To leave the same once more is fine.
   *
   * @throws RecipeError CONFLICT when another value is there, INVALID_ARGUMENT for one without bytes, ABORTED, WAIT_TIMEOUT,
   *   SESSION_EXPIRED; their `applied` says `maybe` when an answer was lost. ZkError for what a server refuses.
   */
  async fill(value: T, options: WaitOptions = {}): Promise<void> {
    const client = this.#client;
    const about = this.#about;
    using patience = new Patience(client, about, options);
    patience.check();
    const bytes = this.#encode(value);
    if (bytes.length === 0) {
      const message = "a value without bytes cannot be told from none";
      throw new RecipeError({ code: "INVALID_ARGUMENT", message, ...about });
    }
    let version: number | undefined;
    await untilTold(client, about, patience, {
      look: async (applied) => {
        const found = await this.#read(patience);
        version = found?.version;
        if (found === undefined || found.data.length === 0) return undefined;
        if (isSame(found.data, bytes)) return true;
        const message = "it has been filled with another value";
        throw new RecipeError({ code: "CONFLICT", message, ...about, applied });
      },
      write: async (call) => {
        const acl = this.#acl === undefined ? {} : { acl: this.#acl };
        if (version !== undefined) await client.setData(this.path, bytes, { ...call, version });
        else await client.create(this.path, bytes, { ...call, createParents: true, ...acl });
        return true;
      },
    });
  }

  /**
   * Waits for the value, over lost connections and sessions.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; CORRUPTED for bytes that the codec does not take; ZkError NO_AUTH and
   *   whatever else a read may end with
   */
  async wait(options: WaitOptions = {}): Promise<T> {
    const bytes = await this.#filled(options);
    try {
      return this.#codec.decode(bytes);
    } catch (cause) {
      const message = "what is there is no value of its codec";
      throw new RecipeError({ code: "CORRUPTED", message, ...this.#about, cause });
    }
  }

  #encode(value: T): Uint8Array {
    try {
      return this.#codec.encode(value);
    } catch (cause) {
      const message = `it cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new RecipeError({ code: "INVALID_ARGUMENT", message, ...this.#about, cause });
    }
  }

  async #filled(options: WaitOptions): Promise<Uint8Array> {
    // Of its own, so that the errors of the wait bear our name.
    using patience = new Patience(this.#client, this.#about, options);
    patience.check();
    const isFilled = (node: CachedNode | undefined): boolean => (node?.data?.length ?? 0) > 0;
    const node = await counted(this.#client, this.#about, () =>
      until(this.#client, this.path, isFilled, { signal: patience.signal }),
    );
    return node?.data ?? new Uint8Array(0);
  }

  async #read(
    patience: Patience,
  ): Promise<{ readonly data: Uint8Array; readonly version: number } | undefined> {
    try {
      const { data, stat } = await patience.read((call) => this.#client.getData(this.path, call));
      return { data: data ?? new Uint8Array(0), version: stat.version };
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  get #about(): { readonly recipe: string; readonly path: string } {
    return { recipe: RECIPE, path: this.path };
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
