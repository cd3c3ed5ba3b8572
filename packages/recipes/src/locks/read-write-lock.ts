/**
 * A lock that many readers or one writer have at a time, in the order in which they asked for it: a reader does not overtake a
 * writer that waits, so writers are not starved.
 *
 * What it does not promise: see {@link Hold}. Readers are woken together when the writer before them goes; that is intended.
 *
 * Layout, ephemeral, the data says who it is:
 * - `dialect: "curator"`: `<path>/_c_<uuid>-__READ__<number>` and `<path>/_c_<uuid>-__WRIT__<number>`, as Apache Curator's
 *   InterProcessReadWriteLock.
 * - `dialect: "kazoo"`: `<path>/<32 hex digits>__rlock__<number>` and `<path>/<32 hex digits>__lock__<number>`, as kazoo's
 *   ReadLock and WriteLock. kazoo before 2.9 lets readers and later writers wait for each other; do not share a path with it.
 *
 * The token is the czxid of the znode. Among writers the order of tokens is the order of acquisition. Of a reader it says only
 * that it is newer than every writer before it.
 *
 * Downgrade is one transaction: the reader's znode takes the writer's place in line, with its number, and nobody comes between.
 * Upgrade waits at the end of the line while the read hold stands, and is refused when another writer is before it there. Two
 * readers that upgrade would otherwise wait for each other for ever, as they do in Curator.
 */
import { type Acl, type Client, CreateMode, isZkError } from "@zk/client";
import { commitCertainly } from "../core/certain.js";
import { checkDialect, checkRecipe } from "../core/checks.js";
import { contend, contendOnce, counted } from "../core/contention.js";
import { baseOf, type Dialect, freshName } from "../core/dialects.js";
import type { HoldDetails, HoldOptions } from "../core/hold.js";
import { type Owned, removeOwned } from "../core/janitor.js";
import { type Entry, Line } from "../core/line.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { type Contender, formatSerial } from "../core/sequence.js";
import { RecipeError } from "../errors.js";
import { AsyncScope } from "../io/async-scope.js";
import type { AcquireOptions } from "./lock.js";
import { isAlive, LockHold } from "./lock-hold.js";

const RECIPE = "ReadWriteLock";

/** Options of {@link ReadWriteLock}. */
export interface ReadWriteLockOptions extends HoldOptions {
  /** What our contenders say of us, for people and other libraries to read: UTF-8. Default: empty. */
  readonly identity?: string;
  /** Whose names we write, and so with whom the lock is shared. The two do not mix on one path. Default `curator`. */
  readonly dialect?: Dialect;
  /** Of our znodes, and of the directory if it is made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
  /**
   * Whether the directory, if it is made, is a container where the servers have such (3.5.1): it goes by itself when the last one
   * has left, and is made again. On older servers it is persistent as ever. Default false.
   */
  readonly containers?: boolean;
  /** Lets code inside of `run` take the lock again, as far as what it has will do. Default false: that is refused. */
  readonly reentrant?: boolean;
}

/** What the two sides of one lock share. */
interface Shared {
  readonly client: Client;
  readonly line: Line;
  readonly dialect: Dialect;
  readonly options: ReadWriteLockOptions;
  readonly scope: AsyncScope<ReadHold | WriteHold>;
}

/** A lock held for reading: others may read as well. */
export class ReadHold extends LockHold {
  readonly kind = "read";
  readonly #shared: Shared;

  /** Made by {@link ReadWriteLock}. */
  constructor(shared: object, details: HoldDetails, serial: number) {
    super(details, serial);
    this.#shared = shared as Shared;
  }

  /**
   * Waits until all other readers are gone, and no writer can come before us, and makes it a write hold; this one is `released`
   * then. What was read under it is still true. If it fails, this hold stands as before.
   *
   * @throws RecipeError REFUSED when another writer stands in line already, such as a reader that is upgrading too: one of the
   *   two has to release its hold. ABORTED, WAIT_TIMEOUT; HOLD_LOST, RELEASED. ZkError NO_AUTH and the like.
   * @example
   * ```ts
   * const reading = await lock.read.acquire();
   * if (await isStale()) {
   *   await using writing = await reading.upgrade({ timeoutMs: 5_000 });
   *   await writing.guard((tx) => tx.setData("/report", "new"));
   * }
   * ```
   */
  async upgrade(options: WaitOptions = {}): Promise<WriteHold> {
    this.refuseIfOver();
    const shared = this.#shared;
    const { client, line } = shared;
    const over = new AbortController();
    const forget = this.onState(() => isAlive(this) || over.abort());
    const signal =
      options.signal === undefined ? over.signal : AbortSignal.any([options.signal, over.signal]);
    using patience = new Patience(
      client,
      { recipe: RECIPE, path: line.options.directory },
      { ...options, signal },
    );
    try {
      return await counted(client, { recipe: RECIPE, path: line.options.directory }, async () => {
        for (;;) {
          const entry = await line.enter("write", shared.options.identity ?? "", patience);
          const writing = await this.#whenAlone(entry, patience);
          if (writing !== undefined) return await this.#replacedBy(writing);
        }
      });
    } catch (error) {
      // Whatever the wait says, this is why.
      this.refuseIfOver();
      throw error;
    } finally {
      forget();
    }
  }

  async #replacedBy(writing: WriteHold): Promise<WriteHold> {
    try {
      await this.release();
      return writing;
    } catch (error) {
      await writing.release();
      throw error;
    }
  }

  /** The write hold, when nobody but this reader is before it; undefined when somebody removed its znode. */
  async #whenAlone(entry: Entry, patience: Patience): Promise<WriteHold | undefined> {
    const { line, dialect } = this.#shared;
    try {
      for (;;) {
        const { contenders } = await line.list(patience);
        this.refuseIfOver();
        const own = contenders.findIndex(({ name }) => name === entry.name);
        if (own < 0) return undefined;
        const ahead = contenders.slice(0, own).filter(({ name }) => !this.path.endsWith(`/${name}`));
        if (ahead.some(isWriterOf(dialect))) {
          const message = "another writer is in line already, which waits for this hold to be released";
          throw new RecipeError({ code: "REFUSED", message, recipe: RECIPE, path: this.path });
        }
        const nearest = ahead.at(-1);
        if (nearest === undefined && this.state === "held") return writeHold(this.#shared, entry);
        if (nearest === undefined) await this.#heldAgain(patience);
        else await line.awaitChange(nearest.name, patience);
      }
    } catch (error) {
      await line.leave(entry);
      throw error;
    }
  }

  /** Resolves when this hold is not in doubt any more. */
  async #heldAgain(patience: Patience): Promise<void> {
    let forget = (): void => {};
    try {
      await patience.race(
        new Promise<void>((resolve) => {
          forget = this.onState(() => resolve());
          if (this.state !== "suspect") resolve();
        }),
      );
    } finally {
      forget();
    }
  }
}

/** A lock held for writing: nobody else has it. */
export class WriteHold extends LockHold {
  readonly kind = "write";
  readonly #shared: Shared;

  /** Made by {@link ReadWriteLock}. */
  constructor(shared: object, details: HoldDetails, serial: number) {
    super(details, serial);
    this.#shared = shared as Shared;
  }

  /**
   * Makes it a read hold, in one transaction: no writer comes between, and readers that wait directly behind go on at once. This
   * hold is `released` then. Its time is bounded by the hold's own: while nobody answers it may be lost.
   *
   * @throws RecipeError HOLD_LOST, RELEASED; REFUSED while it is being downgraded already. ZkError NO_AUTH and the like; this
   *   hold stands as before then.
   * @example
   * ```ts
   * const writing = await lock.write.acquire();
   * await writing.guard((tx) => tx.setData("/report", "new"));
   * await using reading = await writing.downgrade();
   * ```
   */
  async downgrade(): Promise<ReadHold> {
    const { client, line, dialect, options } = this.#shared;
    const { directory, acl } = line.options;
    const { sessionId, serial } = this;
    const { prefix, base } = freshName(client, dialect, "read");
    const path = childPath(directory, `${prefix}${base}${formatSerial(serial)}`);
    const reading = await this.convert<Owned & { readonly token: bigint }>({
      commit: async () => {
        try {
          return await commitCertainly(client, {
            sessionId,
            directory,
            commit: async (call) => {
              const mode = CreateMode.EPHEMERAL;
              const [{ zxid }] = await client
                .transaction()
                .create(path, options.identity ?? "", acl === undefined ? { mode } : { mode, acl })
                .remove(this.path)
                .commit(call);
              return { path, sessionId, token: zxid };
            },
            find: async (call) => {
              const stat = await client.exists(path, call);
              return stat === null ? undefined : { path, sessionId, token: stat.czxid };
            },
          });
        } catch (error) {
          // Somebody else removed our znode.
          if (isZkError(error, "NO_NODE") && error.path === this.path) return undefined;
          throw error;
        }
      },
      undo: (made) => void removeOwned(client, made),
    });
    return new ReadHold(this.#shared, { ...detailsOf(this.#shared), ...reading }, serial);
  }
}

/** One way to have the lock: `lock.read` or `lock.write`. */
export class LockSide<Held extends ReadHold | WriteHold> {
  /** The directory of the lock. */
  readonly path: string;
  readonly #shared: Shared;
  readonly #role: "read" | "write";
  readonly #hold: (entry: Entry) => Held;

  /** Made by {@link ReadWriteLock}. */
  constructor(shared: object, role: "read" | "write", hold: (entry: Entry) => Held) {
    this.#shared = shared as Shared;
    this.#role = role;
    this.#hold = hold;
    this.path = this.#shared.line.options.directory;
  }

  /**
   * Waits for the lock. When the session ends meanwhile it goes on at the end of the line in the next one.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError NO_AUTH and the like. Nothing is left in line then.
   */
  async acquire(options: AcquireOptions = {}): Promise<Held> {
    using patience = this.#patience(options);
    for (;;) {
      const entry = await contend(this.#shared.line, { ...this.#contender, ...options }, patience);
      const hold = this.#hold(entry);
      if (hold.state !== "lost") return hold;
    }
  }

  /**
   * Takes the lock if nobody is in the way, and does not wait for anybody.
   * @returns null when it is not to be had; nothing is left in line then
   * @throws as {@link LockSide.acquire}
   */
  async tryAcquire(options: WaitOptions = {}): Promise<Held | null> {
    using patience = this.#patience(options);
    const entry = await contendOnce(this.#shared.line, this.#contender, patience);
    return entry === null ? null : this.#hold(entry);
  }

  /**
   * Holds the lock while the function runs.
   *
   * @param work gets the hold; it should give up when the hold's signal aborts. With `reentrant` it gets the hold that the
   *   code around it has, which may be a write hold where a read hold was asked for.
   * @throws RecipeError REFUSED when code that has the lock already would wait for itself; as {@link LockSide.acquire}; and what
   *   the function throws
   */
  async run<T>(work: (hold: Held | WriteHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    const { scope, options: lockOptions } = this.#shared;
    const { current } = scope;
    if (current !== undefined && isAlive(current)) {
      const isEnough = current.kind === "write" || this.#role === "read";
      if (lockOptions.reentrant === true && isEnough) return await work(current as Held | WriteHold);
      const message =
        this.#role === "write" && current.kind === "read"
          ? "it would wait for the read hold of the code around it; upgrade() that one"
          : "it would wait for the hold of the code around it; use that one, or make the lock `reentrant`";
      throw new RecipeError({ code: "REFUSED", message, recipe: RECIPE, path: this.path });
    }
    await using hold = await this.acquire(options);
    return await scope.run(hold, () => work(hold));
  }

  get #contender(): {
    readonly role: "read" | "write";
    readonly data: string;
    readonly blocks: (ahead: Contender) => boolean;
  } {
    const { dialect, options } = this.#shared;
    const blocks = this.#role === "read" ? isWriterOf(dialect) : () => true;
    return { role: this.#role, data: options.identity ?? "", blocks };
  }

  #patience(options: WaitOptions): Patience {
    return new Patience(this.#shared.client, { recipe: RECIPE, path: this.path }, options);
  }
}

/** See the head of this file. */
export class ReadWriteLock {
  /** The directory of the lock. It belongs to the lock alone. */
  readonly path: string;
  /** For those who look: many at a time. */
  readonly read: LockSide<ReadHold>;
  /** For those who change: one at a time, and nobody reads meanwhile. */
  readonly write: LockSide<WriteHold>;

  /**
   * @param path the lock's own directory; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const lock = new ReadWriteLock(client, "/locks/report");
   * await lock.read.run(async () => render());
   * await lock.write.run((hold) => hold.guard((tx) => tx.setData("/report", "new")));
   * ```
   */
  constructor(client: Client, path: string, options: ReadWriteLockOptions = {}) {
    checkRecipe(client, RECIPE, path, options);
    checkDialect(RECIPE, path, options.dialect);
    this.path = path;
    const dialect = options.dialect ?? "curator";
    const bases = [baseOf(dialect, "read"), baseOf(dialect, "write")];
    const line = new Line(client, {
      recipe: RECIPE,
      directory: path,
      dialect,
      bases,
      acl: options.acl,
      containers: options.containers,
    });
    const shared: Shared = { client, line, dialect, options, scope: new AsyncScope() };
    const readHold = ({ path: at, token, sessionId, serial }: Entry): ReadHold =>
      new ReadHold(shared, { ...detailsOf(shared), path: at, token, sessionId }, serial);
    this.read = new LockSide(shared, "read", readHold);
    this.write = new LockSide(shared, "write", (entry) => writeHold(shared, entry));
  }
}

function isWriterOf(dialect: Dialect): (contender: Contender) => boolean {
  const base = baseOf(dialect, "write");
  return ({ prefix }) => prefix.endsWith(base);
}

function writeHold(shared: Shared, { path, token, sessionId, serial }: Entry): WriteHold {
  return new WriteHold(shared, { ...detailsOf(shared), path, token, sessionId }, serial);
}

function detailsOf({ client, options }: Shared): Pick<HoldDetails, "client" | "recipe" | "onSuspended"> {
  return { client, recipe: RECIPE, onSuspended: options.onSuspended ?? "abort" };
}
