/**
 * Something that is held as long as an ephemeral znode of ours stands: a lock, a permit, a leadership, a claimed item.
 *
 * What a hold does not promise: that nobody else holds the same at this very moment. A process that was stopped may wake up
 * after its session has gone and run on for a few instructions before anything can tell it. `state` and `signal` are a bound
 * on that, by a local deadline; a write through {@link Hold.guard}, or a resource that looks at {@link Hold.token}, is the
 * proof.
 */
import {
  type CallOptions,
  type Client,
  isZkError,
  type Stat,
  type Transaction,
  type TransactionResult,
} from "@zk/client";
import { RecipeError } from "../errors.js";
import { GuardFailed, guardedCommit } from "./guard.js";
import { type Removal, removeOwned, whileConnected } from "./janitor.js";
import { isOver, onState } from "./sessions.js";
import { telemetryOf } from "./telemetry.js";

/**
 * - `held`: the znode stands and the session is believed alive.
 * - `suspect`: the connection is lost or in doubt. It becomes `held` again only after the server has said so.
 * - `lost`: the session or the znode is gone, or nobody answered for too long. Final.
 * - `released`: given back. Final.
 */
export type HoldState = "held" | "suspect" | "lost" | "released";

/** Options of everything that is held. */
export interface HoldOptions {
  /**
   * Whether the hold's signal aborts as soon as the connection is in doubt (`abort`), or only when the hold is lost (`wait`).
   * Default `abort` for what only one may do, such as a lock; the recipe says.
   */
  readonly onSuspended?: "abort" | "wait";
}

/** What a hold is made from. */
export interface HoldDetails {
  readonly client: Client;
  readonly recipe: string;
  /** The znode that stands for the hold. */
  readonly path: string;
  readonly token: bigint;
  readonly sessionId: bigint;
  readonly onSuspended: "abort" | "wait";
  /** Hears of each change of the znode's data, once for changes in quick succession. */
  readonly onData?: (data: Uint8Array | null) => void;
  /** Takes the place of removing the znode, for recipes whose release is more than that. Must not reject. */
  readonly remove?: () => Promise<Removal>;
}

/** See the head of this file. */
export class Hold implements AsyncDisposable {
  /** The recipe as its class is called. */
  readonly recipe: string;
  /** The znode that stands for the hold. */
  readonly path: string;
  /**
   * The fencing token: the zxid that created the znode. It grows with every transaction of the ensemble, so a later holder's is
   * greater. Hand it to the resource that you protect, and let that refuse a smaller one than it has seen.
   */
  readonly token: bigint;
  /** The session that owns the hold. */
  readonly sessionId: bigint;

  readonly #details: HoldDetails;
  readonly #client: Client;
  readonly #abort = new AbortController();
  readonly #sinceMs: number;
  readonly #stateListeners = new Set<(state: HoldState) => void>();
  #state: HoldState = "held";
  #removal: Promise<Removal> | undefined;
  #lost: RecipeError | undefined;
  /** A look at the znode is under way; `again` when something happened since it began. */
  #looking: "no" | "once" | "again" = "no";
  /** A write of the recipe is under way that takes the znode along. */
  #isEnding = false;
  #forget: () => void;
  #cancelDeadline = (): void => {};
  readonly #onEvent = (event: { readonly type: string }): void => {
    if (event.type !== "None") this.#look();
  };

  /** Made by recipes, when the znode is there and it is our turn. */
  constructor(details: HoldDetails) {
    this.#details = details;
    this.#client = details.client;
    this.recipe = details.recipe;
    this.path = details.path;
    this.token = details.token;
    this.sessionId = details.sessionId;
    this.#sinceMs = this.#client.clock.nowMs();
    const { recipe, path, token } = this;
    const telemetry = telemetryOf(this.#client);
    telemetry.metrics.holds += 1;
    telemetry.metrics.holding += 1;
    telemetry.tell({ type: "held", recipe, path, token });
    this.#forget = onState(this.#client, () => this.#follow());
    this.#follow();
    if (this.#state === "held") this.#look();
  }

  /** Where the hold stands now. After a stall of the process it is right before anything else of the client is. */
  get state(): HoldState {
    this.#follow();
    return this.#state;
  }

  /** Aborts when the hold is lost, and with `onSuspended: "abort"` as soon as it is in doubt; the reason is a RecipeError. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Hears of every change of {@link state}. @returns what ends it */
  onState(listener: (state: HoldState) => void): () => void {
    const once = (state: HoldState): void => listener(state);
    this.#stateListeners.add(once);
    return () => this.#stateListeners.delete(once);
  }

  /**
   * Commits a transaction that goes through only if the hold still stands: a check of its znode is put before it.
   *
   * @param build adds the writes, and gives the transaction back
   * @returns the results of those writes, in order
   * @throws RecipeError HOLD_LOST (nothing was written), RELEASED. ZkError as of `Transaction.commit`, with the
   *   `operationIndex` counted from the first of your own operations.
   * @example
   * ```ts
   * await held.guard((tx) => tx.setData("/report", bytes));
   * ```
   */
  async guard<Results extends readonly TransactionResult[]>(
    build: (transaction: Transaction) => Transaction<Results>,
    options: CallOptions = {},
  ): Promise<Results> {
    this.refuseIfOver();
    try {
      return await guardedCommit(this.#client, this.path, build, options);
    } catch (error) {
      if (error instanceof GuardFailed) throw this.lose("its znode is gone, so nothing was written");
      throw error;
    }
  }

  /**
   * Asks the server whether the hold still stands.
   * @throws RecipeError HOLD_LOST, RELEASED; ZkError when nobody answers
   */
  async verify(options: CallOptions = {}): Promise<void> {
    this.refuseIfOver();
    await this.#client.sync(this.path, options);
    const stat = await this.#client.exists(this.path, options);
    this.refuseIfOver();
    if (stat === null || !this.#isOurs(stat)) throw this.lose("its znode is gone");
  }

  /**
   * Gives the hold back. Resolves when the server has removed the znode, or when that cannot be had now: the janitor then
   * goes on until it is gone. May be called again.
   *
   * @param options `timeoutMs`: how long to wait for the server while it is connected; default a third of the session timeout
   * @returns whether the znode is known to be gone
   * @throws RecipeError REFUSED when the server does not let us remove the znode
   */
  async release(options: { readonly timeoutMs?: number } = {}): Promise<{ readonly confirmed: boolean }> {
    const isFirst = !this.#isOver;
    if (isFirst) this.#end("released");
    this.#removal ??= this.#remove();
    const limitMs = options.timeoutMs ?? this.#client.sessionTimeoutMs / 3;
    const ended = await whileConnected(this.#client, this.#removal, limitMs);
    const confirmed = ended !== undefined && ended.outcome !== "failed";
    const { recipe, path } = this;
    if (isFirst) telemetryOf(this.#client).tell({ type: "released", recipe, path, confirmed });
    if (ended?.outcome === "failed") {
      throw new RecipeError({
        code: "REFUSED",
        message: "its znode could not be removed, so others go on waiting for it",
        recipe,
        path,
        cause: ended.error,
      });
    }
    return { confirmed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /**
   * For recipes that end their hold by a write of their own, such as one that takes the znode along. While it is under way, a
   * znode that is gone is no news. After it the hold is released; when it fails, the hold stands or falls as before.
   */
  protected async endBy<T>(write: () => Promise<T>): Promise<T> {
    this.#isEnding = true;
    let result: T;
    try {
      result = await write();
    } catch (error) {
      this.#isEnding = false;
      if (!this.#isOver) this.#look();
      throw error;
    }
    this.#removal ??= Promise.resolve({ outcome: "removed" });
    await this.release();
    return result;
  }

  /** For recipes that learn that the hold is gone. @returns what to throw */
  protected lose(message: string): RecipeError {
    const lost = this.#lostError(message);
    this.#lose(lost);
    return lost;
  }

  /** @throws RecipeError HOLD_LOST, RELEASED */
  protected refuseIfOver(): void {
    const { state, recipe, path } = this;
    if (state === "lost") throw this.#lost;
    if (state === "released")
      throw new RecipeError({ code: "RELEASED", message: "it was released", recipe, path });
  }

  /** Looks at the client, and draws the conclusions. */
  #follow(): void {
    if (this.#isOver) return;
    const { state } = this.#client;
    if (isOver(state) || this.#client.sessionId !== this.sessionId) {
      this.#lose(this.#lostError(state === "closed" ? "the client was closed" : "its session is over"));
    } else if (state !== "connected") {
      this.#suspect();
      this.#checkDeadline();
    } else if (this.#state === "suspect") {
      this.#checkDeadline();
      if (!this.#isOver) this.#look();
    }
  }

  #suspect(): void {
    if (this.#state !== "held") return;
    this.#go("suspect");
    const { recipe, path } = this;
    const telemetry = telemetryOf(this.#client);
    telemetry.metrics.holdsSuspect += 1;
    telemetry.tell({ type: "suspect", recipe, path });
    if (this.#details.onSuspended !== "abort") return;
    const message = "the connection is lost or in doubt, so it cannot be told whether it is still held";
    this.#abort.abort(new RecipeError({ code: "HOLD_SUSPECT", message, recipe, path }));
  }

  /** In doubt it is believed until the session may have gone, as seen from here. */
  #checkDeadline(): void {
    this.#cancelDeadline();
    if (this.#state !== "suspect") return;
    const leftMs = this.#client.trustedForMs.weakMs;
    if (leftMs <= 0) {
      const { metrics } = telemetryOf(this.#client);
      if (Number.isFinite(leftMs)) metrics.latenessMaxMs = Math.max(metrics.latenessMaxMs, -leftMs);
      this.#lose(this.#lostError("no server answered for so long that the session may be over"));
      return;
    }
    this.#cancelDeadline = this.#client.clock.setTimer(leftMs, () => this.#checkDeadline());
  }

  /** Reads the znode and sets the watch on it again. What it says decides. */
  #look(): void {
    if (this.#looking !== "no") {
      this.#looking = "again";
      return;
    }
    this.#looking = "once";
    this.#read().then(
      (stat) => this.#seen(stat),
      (error: unknown) => this.#notSeen(error),
    );
  }

  async #read(): Promise<Stat | undefined> {
    const forever = { timeoutMs: Number.POSITIVE_INFINITY };
    const path = this.path;
    // A server that we have just come to may not know yet that somebody removed the znode.
    if (this.#state === "suspect") await this.#client.sync(path, forever);
    try {
      const { data, stat } = await this.#client.getData(path, { ...forever, watch: this.#onEvent });
      if (this.#isOver) this.#client.unwatch(path, this.#onEvent);
      else if (this.#isOurs(stat)) this.#details.onData?.(data);
      return stat;
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #seen(stat: Stat | undefined): void {
    const isNews = this.#looking === "once";
    this.#looking = "no";
    if (this.#isOver) return;
    if (stat === undefined && this.#isEnding) return;
    if (stat === undefined) return this.#lose(this.#lostError("its znode was removed by somebody else"));
    if (!this.#isOurs(stat)) return this.#lose(this.#lostError("its znode is another's"));
    if (!isNews) return this.#look();
    if (this.#state === "suspect" && this.#client.state === "connected") this.#confirmed();
  }

  #notSeen(error: unknown): void {
    this.#looking = "no";
    if (this.#isOver) return;
    if (isZkError(error, "QUEUE_FULL")) return void this.#client.drained().then(() => this.#look());
    // Without an answer nothing is known: it is looked at again, which waits for a connection by itself.
    if (isZkError(error, "CONNECTION_LOSS")) return this.#look();
    if (!isOver(this.#client.state)) this.#lose(this.#lostError("its znode cannot be watched", error));
  }

  /** A znode that was removed and made again at the same path, even by our own session, is not the one that is held. */
  #isOurs(stat: Stat): boolean {
    return stat.ephemeralOwner === this.sessionId && stat.czxid === this.token;
  }

  get #isOver(): boolean {
    return this.#state === "lost" || this.#state === "released";
  }

  #confirmed(): void {
    this.#cancelDeadline();
    this.#go("held");
    const { recipe, path } = this;
    telemetryOf(this.#client).tell({ type: "verified", recipe, path });
  }

  #lose(error: RecipeError): void {
    if (this.#isOver) return;
    this.#lost = error;
    this.#end("lost");
    const { recipe, path } = this;
    const telemetry = telemetryOf(this.#client);
    telemetry.metrics.holdsLost += 1;
    telemetry.tell({ type: "lost", recipe, path, reason: error.message });
    // If the session lives after all, nobody must wait for a hold that nobody has.
    this.#removal ??= this.#remove();
    this.#abort.abort(error);
  }

  /** Whatever the end is, the hold listens no longer. */
  #end(state: "lost" | "released"): void {
    this.#forget();
    this.#cancelDeadline();
    this.#client.unwatch(this.path, this.#onEvent);
    const { metrics } = telemetryOf(this.#client);
    metrics.holding -= 1;
    metrics.heldMs += this.#client.clock.nowMs() - this.#sinceMs;
    this.#go(state);
  }

  #go(state: HoldState): void {
    this.#state = state;
    for (const listener of [...this.#stateListeners]) {
      try {
        listener(state);
      } catch {
        // A listener must not keep the hold from telling the others.
      }
    }
  }

  #remove(): Promise<Removal> {
    return this.#details.remove?.() ?? removeOwned(this.#client, this);
  }

  #lostError(message: string, cause?: unknown): RecipeError {
    return new RecipeError({ code: "HOLD_LOST", message, recipe: this.recipe, path: this.path, cause });
  }
}
