/**
 * Something that is held as long as an ephemeral znode of ours stands: a lock, a permit, a leadership, a claimed item.
 *
 * What a hold does not promise: that nobody else holds the same at this very moment. A process that was stopped may wake up
 * after its session has gone and run on for a few instructions before anything can tell it. `state` and `signal` are a bound
 * on that, by a local deadline; a write through {@link Hold.guard}, or a resource that looks at {@link Hold.token}, is the
 * proof.
 */
import type { CallOptions, Client, Stat, Transaction, TransactionResult } from "@zk/client";
import { RecipeError } from "../errors.js";
import { Belief } from "./belief.js";
import { GuardFailed, guardedCommit } from "./guard.js";
import { type Removal, removeOwned, whileConnected } from "./janitor.js";
import { Lookout } from "./lookout.js";
import { orAborted } from "./or-aborted.js";
import { isOver, onState } from "./sessions.js";
import { type HoldTrace, telemetryOf } from "./telemetry.js";

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
  readonly remove?: (end: "released" | "lost") => Promise<Removal>;
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
  /** A write of the recipe is under way that takes the znode along. */
  #isEnding = false;
  /** It is being ended before anybody has it: what becomes of the session decides nothing. */
  #isUnseen = false;
  /** Such a write that puts another znode in its place. */
  #conversion: AbortController | undefined;
  readonly #belief: Belief;
  readonly #lookout: Lookout;
  readonly #traces: readonly HoldTrace[];
  #forget: () => void;

  /** Made by recipes, when the znode is there and it is our turn. */
  constructor(details: HoldDetails) {
    this.#details = details;
    this.#client = details.client;
    this.recipe = details.recipe;
    this.path = details.path;
    this.token = details.token;
    this.sessionId = details.sessionId;
    this.#sinceMs = this.#client.clock.nowMs();
    this.#lookout = new Lookout(this.#client, this.path, {
      seen: (stat) => this.#seen(stat),
      data: (data, stat) => {
        if (this.#isOurs(stat)) this.#details.onData?.(data);
      },
      failed: (error) => this.#lose(this.#lostError("its znode cannot be watched", error)),
    });
    this.#belief = new Belief(this.#client, () => this.#follow({ isNews: false }));
    const { recipe, path, token, sessionId } = this;
    const telemetry = telemetryOf(this.#client);
    const { tracings } = telemetry;
    this.#traces = [...tracings].map((tracing) => tracing.hold({ recipe, path, token, sessionId }));
    telemetry.metrics.holds += 1;
    telemetry.metrics.holding += 1;
    telemetry.tell({ type: "held", recipe, path, token });
    this.#forget = onState(this.#client, () => this.#follow({ isNews: true }));
    this.#follow({ isNews: true });
    if (this.#state === "held") this.#lookout.look();
  }

  /** Where the hold stands now. After a stall of the process it is right before anything else of the client is. */
  get state(): HoldState {
    this.#follow({ isNews: false });
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
   * goes on until it is gone. May be called again, and says then what became of it since.
   *
   * @param options `timeoutMs`: how long to wait for the server while it is connected; default a third of the session timeout
   * @returns whether the znode is known to be gone
   * @throws RecipeError REFUSED when the server does not let us remove the znode; the janitor tries again until it does
   */
  async release(options: { readonly timeoutMs?: number } = {}): Promise<{ readonly confirmed: boolean }> {
    const isFirst = !this.#isOver;
    if (isFirst) this.#end("released");
    this.#removal ??= this.#remove();
    this.#conversion?.abort(
      new RecipeError({ code: "RELEASED", message: "it was released", ...this.#about }),
    );
    const limitMs = options.timeoutMs ?? this.#client.sessionTimeoutMs / 3;
    const ended = await whileConnected(this.#client, this.#removal, limitMs);
    const confirmed = ended !== undefined && ended.outcome !== "failed";
    if (isFirst) telemetryOf(this.#client).tell({ type: "released", ...this.#about, confirmed });
    if (ended?.outcome === "failed") {
      this.#removal = ended.later;
      const message = "its znode could not be removed, so others go on waiting for it";
      throw new RecipeError({ code: "REFUSED", message, ...this.#about, cause: ended.error });
    }
    return { confirmed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /**
   * For recipes that end their hold by a write of their own, such as one that takes the znode along. While it is under way, a
   * znode that is gone is no news. After it the hold is released; when it fails, the hold stands or falls as before.
   *
   * @param options `isUnseen`: nobody has the hold yet, and the write says by itself whether it was made: till then the end of the
   *   session is no news either
   */
  protected async endBy<T>(
    write: () => Promise<T>,
    { isUnseen = false }: { readonly isUnseen?: boolean } = {},
  ): Promise<T> {
    this.#isEnding = true;
    this.#isUnseen = isUnseen;
    let result: T;
    try {
      result = await write();
    } catch (error) {
      this.#isEnding = false;
      this.#isUnseen = false;
      if (isUnseen) this.#follow({ isNews: true });
      if (!this.#isOver) this.#lookout.look();
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
    const { state } = this;
    if (state === "lost") throw this.#lost;
    if (state === "released") {
      throw new RecipeError({ code: "RELEASED", message: "it was released", ...this.#about });
    }
  }

  /**
   * For recipes whose hold becomes another one: a write of ours takes this znode away and puts the other's in its place. While
   * it is under way the znode's going is no loss; the end of the session and the deadline are.
   *
   * @param work `commit` goes on until it knows what became of the write, whatever happens to the hold; undefined says that
   *   the znode is gone and nothing came in its place. `undo` removes what came in its place, and must not reject.
   * @returns what `commit` gave; this hold is `released` then
   * @throws RecipeError HOLD_LOST, RELEASED; REFUSED while another conversion is under way; and what `commit` throws, if the
   *   hold still stands
   */
  protected async convert<T>(work: {
    readonly commit: () => Promise<T | undefined>;
    readonly undo: (made: T) => void;
  }): Promise<T> {
    this.refuseIfOver();
    if (this.#conversion !== undefined) {
      throw new RecipeError({ code: "REFUSED", message: "it is being converted already", ...this.#about });
    }
    const conversion = new AbortController();
    this.#conversion = conversion;
    const committing = work.commit();
    try {
      const made = await orAborted(committing, conversion.signal);
      this.refuseIfOver();
      this.#conversion = undefined;
      if (made === undefined) {
        this.#lose(this.#lostError("its znode was removed by somebody else"));
        this.refuseIfOver();
      }
      this.#removal = Promise.resolve({ outcome: "removed" });
      this.#end("released");
      telemetryOf(this.#client).tell({ type: "released", ...this.#about, confirmed: true });
      return made as T;
    } catch (error) {
      this.#conversion = undefined;
      if (this.#isOver) {
        // Nobody has what it may yet become.
        committing.then((made) => made !== undefined && work.undo(made)).catch(() => {});
        this.refuseIfOver();
      }
      this.#lookout.look();
      throw error;
    }
  }

  /** Looks at the client, and draws the conclusions. */
  #follow({ isNews }: { readonly isNews: boolean }): void {
    if (this.#isOver) return;
    const { state, sessionId } = this.#client;
    if (isOver(state) || sessionId !== this.sessionId) {
      this.#lose(this.#lostError(state === "closed" ? "the client was closed" : "its session is over"));
      return;
    }
    if (state !== "connected") this.#suspect();
    if (this.#isOver) return;
    const verdict = this.#belief.judge();
    if (verdict !== "alive") this.#suspect();
    if (verdict === "over")
      this.#lose(this.#lostError("no server answered for so long that the session may be over"));
    if (state !== "connected" || this.#state !== "suspect") return;
    if (isNews) this.#lookout.look(true);
    else this.#lookout.lookSoon();
  }

  #suspect(): void {
    if (this.#state !== "held" || this.#isUnseen) return;
    const { recipe, path } = this;
    const telemetry = telemetryOf(this.#client);
    telemetry.metrics.holdsSuspect += 1;
    telemetry.tell({ type: "suspect", recipe, path });
    for (const trace of this.#traces) trace.happened("suspect");
    this.#go("suspect");
    if (this.#isOver || this.#details.onSuspended !== "abort") return;
    const message = "the connection is lost or in doubt, so it cannot be told whether it is still held";
    this.#abort.abort(new RecipeError({ code: "HOLD_SUSPECT", message, recipe, path }));
  }

  #seen(stat: Stat | undefined): void {
    if (stat === undefined) {
      // It may have gone by the write that is under way; whoever sent it finds out.
      const isOurDoing = this.#isEnding || this.#conversion !== undefined;
      if (!isOurDoing) this.#lose(this.#lostError("its znode was removed by somebody else"));
      return;
    }
    if (!this.#isOurs(stat)) {
      // What is another's is not ours to remove; a recipe with names that others use as well knows that itself.
      if (this.#details.remove === undefined) this.#removal ??= Promise.resolve({ outcome: "removed" });
      return this.#lose(this.#lostError("its znode is another's"));
    }
    if (this.#state === "suspect" && this.#client.state === "connected") this.#confirmed();
  }

  /** A znode that was removed and made again at the same path, even by our own session, is not the one that is held. */
  #isOurs(stat: Stat): boolean {
    return stat.ephemeralOwner === this.sessionId && stat.czxid === this.token;
  }

  get #isOver(): boolean {
    return this.#state === "lost" || this.#state === "released";
  }

  #confirmed(): void {
    const { recipe, path } = this;
    telemetryOf(this.#client).tell({ type: "verified", recipe, path });
    for (const trace of this.#traces) trace.happened("verified");
    this.#go("held");
  }

  #lose(error: RecipeError): void {
    if (this.#isOver || this.#isUnseen) return;
    this.#lost = error;
    this.#end("lost");
    const { recipe, path } = this;
    const telemetry = telemetryOf(this.#client);
    telemetry.metrics.holdsLost += 1;
    telemetry.tell({ type: "lost", recipe, path, reason: error.message });
    // If the session lives after all, nobody must wait for a hold that nobody has.
    this.#removal ??= this.#remove();
    this.#abort.abort(error);
    this.#conversion?.abort(error);
  }

  /** Whatever the end is, the hold listens no longer. */
  #end(state: "lost" | "released"): void {
    this.#forget();
    this.#belief.end();
    this.#lookout.end();
    const { metrics } = telemetryOf(this.#client);
    metrics.holding -= 1;
    metrics.heldMs += this.#client.clock.nowMs() - this.#sinceMs;
    if (state === "released") metrics.holdsReleased += 1;
    for (const trace of this.#traces) trace.ended(state, this.#lost);
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
    return this.#details.remove?.(this.#lost ? "lost" : "released") ?? removeOwned(this.#client, this);
  }

  #lostError(message: string, cause?: unknown): RecipeError {
    return new RecipeError({ code: "HOLD_LOST", message, ...this.#about, cause });
  }

  get #about(): { readonly recipe: string; readonly path: string } {
    return { recipe: this.recipe, path: this.path };
  }
}
