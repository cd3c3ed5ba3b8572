/**
 * Numbers that many change at the same time, each change exactly once.
 *
 * What they promise: a change is made to what is there, or not at all; an answer that is lost is found out, so that nothing is added
 * twice (as Curator and kazoo do) and nothing is lost. What they do not promise: speed under contention. Every change is a
 * transaction through the quorum, and who comes too late tries again; {@link AtomicOptions.promotion} helps a little, ranges
 * ({@link SequenceIds}) a lot.
 *
 * Layout: `<path>` holds eight bytes (AtomicLong) or four (AtomicInteger), the highest first, as Curator's DistributedAtomicLong and
 * DistributedAtomicInteger; no znode, and an empty one, are 0. Markers lie in `<path>-state/markers`. The fencing token of a
 * change is its `mzxid`.
 */
import type { Acl, Client } from "@zk/client";
import { checkInteger, checkOneOf, checkRecipe, invalid } from "../core/checks.js";
import type { Codec } from "../core/codec.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import { intCodec, longCodec } from "./numbers.js";
import { Register, type Replaced, type Seen } from "./register.js";

/** Options of {@link AtomicLong} and {@link AtomicInteger}. */
export interface AtomicOptions {
  /**
   * What becomes of a result that does not fit: an error (`throw`: RecipeError CAPACITY, nothing is written), or the number that is
   * left when the higher bits are cut off (`wrap`), as in Java. Default `throw`.
   */
  readonly overflow?: "throw" | "wrap";
  /**
   * A lock to take after so many conflicts, 1 to 1000, by default 5: those who have it change the number one after the other, and
   * disturb each other no more. Only good if all use the same. Default: none.
   */
  readonly promotion?: { readonly lock: string; readonly afterConflicts?: number };
  /** Of everything that we make. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** What a change did. */
export interface AtomicResult<N> {
  /** The number before. */
  readonly pre: N;
  /** The number after. */
  readonly post: N;
  /** The transaction that wrote it; when nothing was written, the one that wrote what is there, and 0 if there is nothing. */
  readonly mzxid: bigint;
  /** How often it was tried, the last time included. */
  readonly tries: number;
  /** Whether the lock was taken for it. */
  readonly promoted: boolean;
}

interface Arithmetic<N> {
  readonly recipe: string;
  readonly codec: Codec<N>;
  readonly zero: N;
  readonly one: N;
  plus(a: N, b: N): N;
  negate(a: N): N;
  /** Cuts off what does not fit. */
  wrap(value: N): N;
  /** Whether it is a number of this kind, whatever its size. */
  isNumber(value: unknown): boolean;
}

/** What both kinds have in common. */
class AtomicNumber<N extends number | bigint> {
  readonly path: string;
  readonly #client: Client;
  readonly #kind: Arithmetic<N>;
  readonly #wraps: boolean;
  readonly #register: Register;

  constructor(client: Client, path: string, options: AtomicOptions, kind: Arithmetic<N>) {
    const { recipe } = kind;
    checkRecipe(client, recipe, path, options);
    const { promotion, acl, overflow = "throw" } = options;
    const { afterConflicts = 5 } = promotion ?? {};
    const about = { recipe, path };
    checkInteger(about, "promotion.afterConflicts", afterConflicts, { min: 1, max: 1000 });
    checkOneOf(about, "overflow", overflow, ["throw", "wrap"]);
    if (promotion !== undefined) checkRecipe(client, recipe, promotion.lock);
    this.path = path;
    this.#client = client;
    this.#kind = kind;
    this.#wraps = overflow === "wrap";
    this.#register = new Register(client, {
      recipe,
      path,
      acl,
      promotion: promotion === undefined ? undefined : { lock: promotion.lock, afterConflicts },
    });
  }

  /**
   * The number, as the server that we are on has it.
   * @throws RecipeError CORRUPTED for bytes that are no such number; ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED
   */
  async get(options: WaitOptions = {}): Promise<N> {
    using patience = this.#patience(options);
    const number = this.#numberOf(await this.#register.read(patience));
    return number;
  }

  /**
   * Adds to the number, exactly once.
   * @throws RecipeError INVALID_ARGUMENT for what is no such number; CAPACITY when the result does not fit; CORRUPTED; ABORTED, WAIT_TIMEOUT and SESSION_EXPIRED, whose
   *   `applied` says `maybe` when the wait ended before it was known; AMBIGUOUS. ZkError for what a server refuses.
   */
  async add(delta: N, options: WaitOptions = {}): Promise<AtomicResult<N>> {
    const { plus, wrap } = this.#kind;
    this.#check(delta);
    return await this.update((pre) => (this.#wraps ? wrap(plus(pre, delta)) : plus(pre, delta)), options);
  }

  /** Adds 1. @throws as {@link AtomicLong.add} */
  async increment(options: WaitOptions = {}): Promise<AtomicResult<N>> {
    return await this.add(this.#kind.one, options);
  }

  /** Takes 1 away. @throws as {@link AtomicLong.add} */
  async decrement(options: WaitOptions = {}): Promise<AtomicResult<N>> {
    return await this.add(this.#kind.negate(this.#kind.one), options);
  }

  /** Takes the number away that is given. @throws as {@link AtomicLong.add} */
  async subtract(delta: N, options: WaitOptions = {}): Promise<AtomicResult<N>> {
    return await this.add(this.#kind.negate(delta), options);
  }

  /** Writes a number, whatever is there. @throws as {@link AtomicLong.add}; bytes that are no number are no error */
  async set(value: N, options: WaitOptions = {}): Promise<AtomicResult<N>> {
    this.#check(value);
    return await this.#change(() => value, options, true);
  }

  /**
   * Writes a number if another is there.
   * @returns null, and nothing is written, when a third one is there
   * @throws as {@link AtomicLong.add}
   */
  async compareAndSet(expected: N, value: N, options: WaitOptions = {}): Promise<AtomicResult<N> | null> {
    this.#check(value);
    let isExpected = false;
    const next = (pre: N): N | undefined => {
      isExpected = pre === expected;
      return isExpected ? value : undefined;
    };
    const result = await this.#change(next, options, false);
    return isExpected ? result : null;
  }

  /**
   * Makes any change, exactly once.
   * @param next gives the number after; undefined leaves it as it is. May be called again.
   * @throws as {@link AtomicLong.add}, and what the function throws
   */
  async update(next: (pre: N) => N | undefined, options: WaitOptions = {}): Promise<AtomicResult<N>> {
    return await this.#change(next, options, false);
  }

  async #change(
    next: (pre: N) => N | undefined,
    options: WaitOptions,
    takesAnything: boolean,
  ): Promise<AtomicResult<N>> {
    using patience = this.#patience(options);
    let pre = this.#kind.zero;
    let post = pre;
    const replaced: Replaced = await this.#register.replace((seen) => {
      pre = takesAnything ? this.#numberOrZero(seen) : this.#numberOf(seen);
      const wanted = next(pre);
      post = wanted ?? pre;
      return wanted === undefined ? undefined : this.#encode(wanted);
    }, patience);
    const { mzxid, tries, promoted } = replaced;
    return { pre, post, mzxid, tries, promoted };
  }

  #encode(value: N): Uint8Array {
    this.#check(value);
    try {
      return this.#kind.codec.encode(value);
    } catch (error) {
      throw this.#error("CAPACITY", "the number does not fit", error);
    }
  }

  #numberOf(seen: Seen | undefined): N {
    if (seen === undefined || seen.data === null || seen.data.length === 0) return this.#kind.zero;
    try {
      return this.#kind.codec.decode(seen.data);
    } catch (error) {
      throw this.#error("CORRUPTED", "what is there is no such number", error);
    }
  }

  #numberOrZero(seen: Seen | undefined): N {
    try {
      return this.#numberOf(seen);
    } catch {
      // It is to be overwritten, so it does not matter what it was.
      return this.#kind.zero;
    }
  }

  /** What does not fit is told apart from what is no number at all, which wrapping would make one of. */
  #check(value: N): void {
    const { isNumber, zero } = this.#kind;
    if (isNumber(value)) return;
    const about = { recipe: this.#kind.recipe, path: this.path };
    throw invalid(about, "the number", typeof zero === "bigint" ? "a bigint, such as 1n" : "whole", value);
  }

  #error(code: "CAPACITY" | "CORRUPTED", message: string, cause: unknown): RecipeError {
    const detail = cause instanceof Error ? `${message}: ${cause.message}` : message;
    return new RecipeError({ code, message: detail, recipe: this.#kind.recipe, path: this.path, cause });
  }

  #patience(options: WaitOptions): Patience {
    return new Patience(this.#client, { recipe: this.#kind.recipe, path: this.path }, options);
  }
}

/** A number of 64 bits, shared with Curator's DistributedAtomicLong. See the head of this file. */
export class AtomicLong extends AtomicNumber<bigint> {
  /**
   * @param path the znode of the number; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const visits = new AtomicLong(client, "/counters/visits");
   * const { post } = await visits.add(1n, { timeoutMs: 5_000 });
   * ```
   */
  constructor(client: Client, path: string, options: AtomicOptions = {}) {
    super(client, path, options, {
      recipe: "AtomicLong",
      codec: longCodec,
      zero: 0n,
      one: 1n,
      plus: (a, b) => a + b,
      negate: (a) => -a,
      wrap: (value) => BigInt.asIntN(64, value),
      isNumber: (value) => typeof value === "bigint",
    });
  }
}

/** A number of 32 bits, shared with Curator's DistributedAtomicInteger, and with kazoo's Counter made with `support_curator`. */
export class AtomicInteger extends AtomicNumber<number> {
  /**
   * @param path the znode of the number; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   */
  constructor(client: Client, path: string, options: AtomicOptions = {}) {
    super(client, path, options, {
      recipe: "AtomicInteger",
      codec: intCodec,
      zero: 0,
      one: 1,
      plus: (a, b) => a + b,
      negate: (a) => -a,
      wrap: (value) => value | 0,
      isNumber: (value) => Number.isInteger(value),
    });
  }
}
