/**
 * Numbers that nobody has had before, in three ways: from ranges that are reserved (fast, with gaps), from the transactions of
 * the ensemble (no state to keep, with gaps), from the version of a znode (dense, and few).
 */
import { type Acl, type Client, isZkError, type Stat } from "@zk/client";
import { checkInteger, checkRecipePath } from "../core/checks.js";
import { makeDirectory } from "../core/directories.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { RecipeError } from "../errors.js";
import { AtomicLong } from "./atomic.js";

/** Options of {@link SequenceIds}. */
export interface SequenceIdsOptions {
  /** Numbers that are reserved at a time, 1 to 1 000 000. Default 100. */
  readonly range?: number;
  /** Of everything that we make. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/**
 * Numbers from ranges: one write for so many numbers, which are then handed out without asking anybody.
 *
 * A process that ends leaves a gap, and the numbers of several processes are not in the order in which they were handed out. The
 * znode is a number of 64 bits, the last one that is reserved, as with Curator's CachedAtomicLong.
 */
export class SequenceIds {
  readonly path: string;
  readonly #client: Client;
  readonly #range: bigint;
  readonly #counter: AtomicLong;
  #next = 1n;
  #last = 0n;
  #reserving: Promise<void> | undefined;

  /**
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const orders = new SequenceIds(client, "/ids/orders", { range: 1000 });
   * const id = await orders.next();
   * ```
   */
  constructor(client: Client, path: string, options: SequenceIdsOptions = {}) {
    checkRecipePath("SequenceIds", path);
    const { range = 100, acl } = options;
    checkInteger({ recipe: "SequenceIds", path }, "range", range, { min: 1, max: 1_000_000 });
    this.path = path;
    this.#client = client;
    this.#range = BigInt(range);
    this.#counter = new AtomicLong(client, path, acl === undefined ? {} : { acl });
  }

  /**
   * The next number, from 1.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; CAPACITY when 2^63 - 1 is reached; CORRUPTED
   */
  async next(options: WaitOptions = {}): Promise<bigint> {
    using patience = new Patience(this.#client, { recipe: "SequenceIds", path: this.path }, options);
    while (this.#next > this.#last) {
      // One reservation for all who wait; none of them may end it for the others.
      this.#reserving ??= this.#reserve().finally(() => {
        this.#reserving = undefined;
      });
      await patience.race(this.#reserving);
    }
    const id = this.#next;
    this.#next += 1n;
    return id;
  }

  async #reserve(): Promise<void> {
    const { pre, post } = await this.#counter.add(this.#range);
    this.#next = pre + 1n;
    this.#last = post;
  }
}

/**
 * Numbers from the transactions of the ensemble: unique, growing in the order in which they were given, 64 bits, one write each. They
 * never wrap, and there is no state that could be lost; they are far from dense.
 */
export class ZxidIds {
  readonly path: string;
  readonly #writes: Writes;

  /**
   * @param path a znode that is written to and means nothing; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   */
  constructor(client: Client, path: string, options: { readonly acl?: readonly Acl[] } = {}) {
    checkRecipePath("ZxidIds", path);
    this.path = path;
    this.#writes = new Writes(client, "ZxidIds", path, options.acl);
  }

  /** The next number. @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError for what a server refuses */
  async next(options: WaitOptions = {}): Promise<bigint> {
    return (await this.#writes.next(options)).mzxid;
  }
}

/**
 * Numbers from the version of a znode: 1 to 2^31 - 1, in the order in which they were given, one write each. An answer that is lost
 * leaves a gap.
 *
 * The numbers begin again when the znode is made anew; who has had one before is told so by REFUSED. After the last one it is
 * REFUSED for good.
 */
export class VersionIds {
  readonly path: string;
  readonly #writes: Writes;
  #czxid: bigint | undefined;
  #isUsedUp = false;

  /**
   * @param path the znode; made when it is needed. Nobody else may write to it.
   * @throws RecipeError INVALID_ARGUMENT
   */
  constructor(client: Client, path: string, options: { readonly acl?: readonly Acl[] } = {}) {
    checkRecipePath("VersionIds", path);
    this.path = path;
    this.#writes = new Writes(client, "VersionIds", path, options.acl);
  }

  /** The next number. @throws as {@link ZxidIds.next}; RecipeError REFUSED */
  async next(options: WaitOptions = {}): Promise<number> {
    if (this.#isUsedUp) throw this.#refused("the numbers are used up");
    const { version, czxid } = await this.#writes.next(options);
    this.#czxid ??= czxid;
    if (this.#czxid !== czxid) throw this.#refused("the znode was made anew, and its numbers begin again");
    this.#isUsedUp ||= version <= 0;
    if (this.#isUsedUp) throw this.#refused("the numbers are used up");
    return version;
  }

  #refused(message: string): RecipeError {
    return new RecipeError({ code: "REFUSED", message, recipe: "VersionIds", path: this.path });
  }
}

/** Writes of which each is told apart by its stat. One whose answer was lost is made again: what it would have told is a gap. */
class Writes {
  readonly #client: Client;
  readonly #about: { readonly recipe: string; readonly path: string };
  readonly #acl: readonly Acl[] | undefined;

  constructor(client: Client, recipe: string, path: string, acl: readonly Acl[] | undefined) {
    this.#client = client;
    this.#about = { recipe, path };
    this.#acl = acl;
  }

  async next(options: WaitOptions): Promise<Stat> {
    const { path } = this.#about;
    using patience = new Patience(this.#client, this.#about, options);
    for (;;) {
      try {
        return await patience.read((call) => this.#client.setData(path, null, { ...call, retry: "none" }));
      } catch (error) {
        if (isZkError(error, "NO_NODE"))
          await patience.read((call) => makeDirectory(this.#client, path, this.#acl, call));
        else if (isSessionOver(error)) await sessionAgain(this.#client, patience, this.#about);
        else throw error;
      }
    }
  }
}
