/**
 * A function that reads and writes several znodes as if it were alone: software transactional memory.
 *
 * What it promises: when it resolves, everything that the function read was so at the moment at which everything that it wrote was
 * written, by one transaction of the server. Otherwise nothing was written, and the function was called again.
 *
 * What it does not promise:
 * - That the function is called once, or that what it reads on the way belongs together: only what is returned in the end does.
 *   It must not do anything besides.
 * - To notice that a znode was removed and created again, if the new one has been written to as often as the old one: servers
 *   compare versions. It is noticed for what is written, afterwards, and told as AMBIGUOUS.
 * - Anything about lists of children: servers cannot be asked to compare them.
 *
 * What it costs: a check for each znode that was read and is not written. To prove that a znode is not there it is created and
 * removed in the same transaction, which those see who watch the children of its parent. One read alone costs nothing more.
 * It has no layout of its own.
 */
import {
  type Acl,
  type Client,
  type Data,
  isZkError,
  type Transaction,
  type TransactionResult,
} from "@zk/client";
import { Backoff } from "../core/backoff.js";
import { checkClient, checkRecipe, checkZnodePath } from "../core/checks.js";
import { commitOnce } from "../core/exactly-once.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import { fateOf, look } from "./fate.js";
import { ReadWriteSet, type Seen } from "./read-write-set.js";

/** Options of {@link atomically}. */
export interface AtomicallyOptions extends WaitOptions {
  /**
   * A directory for markers, made when it is needed: with it, a commit whose answer is lost is always found out. Without it what is
   * there is looked at, and where that does not tell, it ends with AMBIGUOUS.
   */
  readonly markers?: string;
}

/** What {@link atomically} gives. */
export interface Committed<T> {
  /** What the function returned. */
  readonly value: T;
  /** The transaction that wrote; undefined when nothing was to be written. */
  readonly zxid: bigint | undefined;
  /** How often the function was called. */
  readonly attempts: number;
}

const RECIPE = "atomically";

/** What the function reads and writes with. */
export interface AtomicTransaction {
  /**
   * The data of a znode, null if it has none; undefined when there is no such znode. After a write of this transaction it is what was
   * written. Read again it is the same.
   * @throws RecipeError, ZkError of the read: let them pass
   */
  read(path: string): Promise<Uint8Array | null | undefined>;
  /**
   * Wants the znode to have this data. One that is not there is created, and its parents.
   * @param options `acl` of a znode that is created. Default: anybody may do anything.
   */
  write(path: string, data: Data, options?: { readonly acl?: readonly Acl[] }): void;
  /** Wants the znode not to be there. It must not have children then: that is refused with NOT_EMPTY. */
  remove(path: string): void;
}

/**
 * Calls the function, and commits what it wants to write if everything that it read is still so; else calls it again.
 *
 * @throws what the function throws, if what it had read was so at one moment. RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED
 *   (their `applied` says `maybe` when a commit was under way), AMBIGUOUS; ZkError NO_AUTH, NOT_EMPTY, REQUEST_TOO_LARGE and
 *   whatever else a server refuses, with nothing written.
 * @example
 * ```ts
 * await atomically(client, async (tx) => {
 *   const stock = Number(new TextDecoder().decode((await tx.read("/stock")) ?? new Uint8Array()));
 *   if (stock === 0) throw new Error("sold out");
 *   tx.write("/stock", String(stock - 1));
 *   tx.write(`/orders/${orderId}`, "paid");
 * });
 * ```
 */
export async function atomically<T>(
  client: Client,
  work: (tx: AtomicTransaction) => Promise<T> | T,
  options: AtomicallyOptions = {},
): Promise<Committed<T>> {
  checkClient(client, RECIPE);
  if (options.markers !== undefined) checkRecipe(client, RECIPE, options.markers);
  const about = { recipe: RECIPE, path: "/" };
  using patience = new Patience(client, about, options);
  const backoff = new Backoff(client, { firstMs: 5, maxMs: 500 });
  for (let attempts = 1; ; attempts += 1) {
    patience.check();
    const attempt = new Attempt(client, patience, options.markers);
    try {
      const ended = await attempt.run(work);
      if (ended !== undefined) return { ...ended, attempts };
      telemetryOf(client).metrics.conflicts += 1;
      await backoff.pause(patience);
      // Whoever wrote first may have done so elsewhere: the server that we read from must know of it.
      await patience.read((call) => client.sync("/", call));
    } catch (error) {
      if (!isSessionOver(error)) throw error;
      await sessionAgain(client, patience, about);
    }
  }
}

/** One call of the function, and its commit. */
class Attempt {
  readonly #client: Client;
  readonly #patience: Patience;
  readonly #markers: string | undefined;
  readonly #set = new ReadWriteSet();
  readonly #reading = new Map<string, Promise<Seen>>();
  #isOver = false;

  constructor(client: Client, patience: Patience, markers: string | undefined) {
    this.#client = client;
    this.#patience = patience;
    this.#markers = markers;
  }

  /** @returns undefined when somebody else was first */
  async run<T>(
    work: (tx: AtomicTransaction) => Promise<T> | T,
  ): Promise<{ readonly value: T; readonly zxid: bigint | undefined } | undefined> {
    let value: T;
    try {
      value = await work({
        read: (path) => this.#read(path),
        write: (path, data, { acl } = {}) => this.#want(path, { type: "write", data, acl }),
        remove: (path) => this.#want(path, { type: "remove" }),
      });
    } catch (error) {
      this.#isOver = true;
      this.#patience.check();
      if (isZkError(error)) throw error;
      // It may have thrown because it saw what never was.
      this.#set.wanted.clear();
      if ((await this.#commit()) === "conflict") return undefined;
      throw error;
    }
    this.#isOver = true;
    const zxid = await this.#commit();
    return zxid === "conflict" ? undefined : { value, zxid };
  }

  async #read(path: string): Promise<Uint8Array | null | undefined> {
    this.#use(path);
    const wanted = this.#set.wanted.get(path);
    if (wanted?.type === "remove") return undefined;
    if (wanted !== undefined) {
      return typeof wanted.data === "string" ? new TextEncoder().encode(wanted.data) : wanted.data;
    }
    this.#set.depend(path);
    const seen = await this.#look(path);
    return seen === null ? undefined : seen.data;
  }

  #want(path: string, wanted: Parameters<ReadWriteSet["wanted"]["set"]>[1]): void {
    this.#use(path);
    this.#set.wanted.set(path, wanted);
  }

  #use(path: string): void {
    checkZnodePath(this.#client, RECIPE, path);
    if (!this.#isOver) return;
    throw new RecipeError({
      code: "RELEASED",
      message: "the transaction is over; await everything in its function",
      recipe: RECIPE,
      path,
    });
  }

  /** One read of each path, however often it is asked for. */
  #look(path: string): Promise<Seen> {
    let reading = this.#reading.get(path);
    if (reading === undefined) {
      reading = look(this.#client, path, this.#patience).then((seen) => {
        this.#set.seen.set(path, seen);
        return seen;
      });
      this.#reading.set(path, reading);
    }
    return reading;
  }

  /** @returns the zxid of what was written, if anything was */
  async #commit(): Promise<bigint | undefined | "conflict"> {
    // What was asked for and not awaited was read all the same.
    await Promise.all(this.#reading.values());
    for (let unread = this.#set.unread; unread.length > 0; unread = this.#set.unread) {
      await Promise.all(unread.map((path) => this.#look(path)));
    }
    // One read is of one moment by itself.
    if (!this.#set.writes && this.#set.dependencies <= 1) return undefined;
    const build = (transaction: Transaction): Transaction => this.#set.addTo(transaction);
    try {
      if (!this.#set.writes) {
        await this.#patience.read((call) => build(this.#client.transaction()).commit(call));
        return undefined;
      }
      return await (this.#markers === undefined
        ? this.#write(build)
        : this.#writeMarked(build, this.#markers));
    } catch (error) {
      if (isZkError(error) && error.operationIndex !== undefined && CONFLICTS.has(error.code))
        return "conflict";
      throw error;
    }
  }

  async #writeMarked(build: (transaction: Transaction) => Transaction, markers: string): Promise<bigint> {
    const { results, zxid } = await commitOnce(
      this.#client,
      { ...this.#about, markers },
      build,
      this.#patience,
    );
    if (results !== undefined) this.#checkWritten(results);
    return zxid;
  }

  async #write(build: (transaction: Transaction) => Transaction): Promise<bigint | "conflict"> {
    const client = this.#client;
    const beforeZxid = client.lastZxid;
    for (;;) {
      this.#patience.check();
      try {
        const results: readonly TransactionResult[] = await build(client.transaction()).commit({
          ...this.#patience.call,
          retry: "none",
        });
        this.#checkWritten(results);
        return (results[0] as TransactionResult).zxid;
      } catch (error) {
        if (!isZkError(error)) throw error;
        if (error.applied === "maybe") {
          await this.#findOut(beforeZxid, error);
          return "conflict";
        }
        this.#patience.check();
        if (error.code === "QUEUE_FULL") await this.#patience.race(client.drained());
        else if (error.code !== "CONNECTION_LOSS") throw error;
      }
    }
  }

  /** Resolves when it certainly was not written. */
  async #findOut(beforeZxid: bigint, lost: unknown): Promise<void> {
    telemetryOf(this.#client).metrics.ambiguous += 1;
    let ended: unknown = lost;
    try {
      const fate = await fateOf(this.#client, this.#set, beforeZxid, this.#patience, this.#about);
      if (fate === "no") return;
    } catch (error) {
      ended = error;
    }
    const { signal } = this.#patience;
    if (signal.aborted && signal.reason instanceof RecipeError) {
      const { code, cause, message } = signal.reason;
      throw new RecipeError({ code, message, ...this.#about, applied: "maybe", cause: cause ?? lost });
    }
    throw this.#ambiguous(
      "the answer was lost, and what is there does not tell whether it was written",
      ended,
    );
  }

  /** Of what was written the server tells the czxid: that it is the znode which was read. */
  #checkWritten(results: readonly TransactionResult[]): void {
    const known = new Set([...this.#set.seen.values()].map((seen) => seen?.stat.czxid));
    for (const result of results) {
      if (result.type !== "setData" || known.has(result.stat.czxid)) continue;
      throw this.#ambiguous(
        "it was written, but to a znode that took the place of the one that was read",
        undefined,
      );
    }
  }

  #ambiguous(message: string, cause: unknown): RecipeError {
    return new RecipeError({ code: "AMBIGUOUS", message, ...this.#about, applied: "maybe", cause });
  }

  get #about(): { readonly recipe: string; readonly path: string } {
    const [path = "/"] = this.#set.wanted.keys();
    return { recipe: RECIPE, path };
  }
}

const CONFLICTS: ReadonlySet<string> = new Set(["BAD_VERSION", "NO_NODE", "NODE_EXISTS"]);
