/**
 * A lock that one client of the whole ensemble has at a time, in the order in which they asked for it.
 *
 * What it does not promise: see {@link Hold}. It is no barrier in time but a line of znodes; whoever was stopped while it held
 * the lock may act a moment after it has lost it, unless its writes are guarded or the resource looks at the token.
 *
 * Layout: `<path>/_c_<uuid>-lock-<number>`, as Apache Curator's InterProcessMutex and go-zookeeper's Lock, or with
 * `dialect: "kazoo"` `<path>/<32 hex digits>__lock__<number>`, as kazoo's Lock; ephemeral, the data says who it is.
 * The token is the czxid of that znode, and the order of tokens is the order of acquisition. With `lockDelayMs` the data of the
 * directory says who has the lock, see `core/lock-delay.ts`.
 */
import type { Acl, Client } from "@zk/client";
import { checkDialect, checkRecipe } from "../core/checks.js";
import { type ContendOptions, contend, contendOnce } from "../core/contention.js";
import { baseOf, type Dialect } from "../core/dialects.js";
import type { HoldOptions } from "../core/hold.js";
import { type Entry, Line } from "../core/line.js";
import { LockDelay, type LockDelayOptions } from "../core/lock-delay.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { AsyncScope } from "../io/async-scope.js";
import { isAlive, LockHold } from "./lock-hold.js";

/** Options of {@link Lock}. */
export interface LockOptions extends HoldOptions, LockDelayOptions {
  /** What our contenders say of us, for people and other libraries to read: UTF-8. Default: empty. */
  readonly identity?: string;
  /** Whose names we write, and so with whom the lock is shared. Default `curator`. */
  readonly dialect?: Dialect;
  /**
   * For whom we wait: contenders of our own dialect (`own`), or everything in the directory that ends in a number (`any`).
   * `any` lets us wait for another library; that one has to wait for us in its turn, or both have the lock. Default `own`.
   */
  readonly contenders?: "own" | "any";
  /** Of our znodes, and of the directory if it is made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
  /**
   * Whether the directory, if it is made, is a container where the servers have such (3.5.1): it goes by itself when the last one
   * has left, and is made again. On older servers it is persistent as ever. Not with `lockDelayMs`, which the directory remembers.
   * Default false.
   */
  readonly containers?: boolean;
  /** Lets code inside of {@link Lock.run} take the same lock again without waiting. Default false. */
  readonly reentrant?: boolean;
}

/** Options of {@link Lock.acquire}. */
export interface AcquireOptions extends WaitOptions {
  /** Fail with SESSION_EXPIRED when the session ends while waiting, instead of going to the end of the line. Default false. */
  readonly failOnExpiry?: boolean;
}

/** See the head of this file. */
export class Lock {
  /** The directory of the lock. It belongs to the lock alone. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: LockOptions;
  readonly #line: Line;
  readonly #delay: LockDelay | undefined;
  readonly #scope = new AsyncScope<LockHold>();

  /**
   * @param path the lock's own directory; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * await using held = await new Lock(client, "/locks/report").acquire({ timeoutMs: 5_000 });
   * ```
   */
  constructor(client: Client, path: string, options: LockOptions = {}) {
    checkRecipe(client, "Lock", path, options);
    checkDialect("Lock", path, options.dialect);
    this.#client = client;
    this.path = path;
    this.#options = options;
    const dialect = options.dialect ?? "curator";
    const bases = options.contenders === "any" ? undefined : [baseOf(dialect, "lock")];
    this.#line = new Line(client, {
      recipe: "Lock",
      directory: path,
      dialect,
      bases,
      acl: options.acl,
      containers: options.containers,
    });
    this.#delay = LockDelay.of(this.#line, options);
  }

  /**
   * Waits for the lock. When the session ends meanwhile it goes on at the end of the line in the next one.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError NO_AUTH and the like. Nothing is left in line then.
   */
  async acquire(options: AcquireOptions = {}): Promise<LockHold> {
    using patience = this.#patience(options);
    for (;;) {
      const hold = this.#hold(await contend(this.#line, { ...this.#contender, ...options }, patience));
      if (hold.state !== "lost") return hold;
    }
  }

  /**
   * Takes the lock if nobody has it or waits for it, and does not wait.
   * @returns null when it is not to be had; nothing is left in line then
   * @throws as {@link Lock.acquire}
   */
  async tryAcquire(options: WaitOptions = {}): Promise<LockHold | null> {
    using patience = this.#patience(options);
    const entry = await contendOnce(this.#line, this.#contender, patience);
    return entry === null ? null : this.#hold(entry);
  }

  /**
   * Holds the lock while the function runs. With `reentrant`, a call from within such a function, over any number of `await`s,
   * gets the hold that is there.
   *
   * @param work gets the hold; it should give up when the hold's signal aborts
   * @throws as {@link Lock.acquire}, and what the function throws
   */
  async run<T>(work: (hold: LockHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    const { current } = this.#scope;
    if (this.#options.reentrant === true && current !== undefined && isAlive(current))
      return await work(current);
    await using hold = await this.acquire(options);
    return await this.#scope.run(hold, () => work(hold));
  }

  get #contender(): Pick<ContendOptions, "role" | "data" | "delay"> {
    return { role: "lock", data: this.#options.identity ?? "", delay: this.#delay };
  }

  #patience(options: WaitOptions): Patience {
    return new Patience(this.#client, { recipe: "Lock", path: this.path }, options);
  }

  #hold(entry: Entry): LockHold {
    const { path, token, sessionId, serial } = entry;
    const onSuspended = this.#options.onSuspended ?? "abort";
    const held = { client: this.#client, recipe: "Lock", path, token, sessionId, onSuspended };
    return new LockHold({ ...held, ...this.#delay?.ending(entry) }, serial);
  }
}
