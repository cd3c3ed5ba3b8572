/**
 * A candidate that stands for election in the background, from `start` to `close`, and says when it leads and when it does not.
 *
 * What it promises besides what a {@link Hold} does:
 * - A lost connection costs the leadership for a while, not the place in line: when the same session is confirmed to still own
 *   the same znode, it leads again, in the same term and with the same token. A znode of an earlier session is never taken for ours.
 * - While it is started it is a candidate, or on the way to be one: after its session, its znode or the whole directory has
 *   gone, and when it is started before there is a connection.
 * - After `close` there is no znode of it, also when one was being made just then.
 *
 * What it does not promise: that no two lead at one moment. A leader that was stopped may go on for a moment after it has lost
 * its term, unless its writes are guarded, or the resource looks at the token.
 *
 * Layout: `<path>/_c_<uuid>-latch-<number>`, as Apache Curator's LeaderLatch; ephemeral, the data is the identity. The token is
 * the czxid of that znode. An {@link Election} has another layout: the two do not see each other.
 */
import type { Acl, Client } from "@zk/client";
import { checkRecipe } from "../core/checks.js";
import { contend } from "../core/contention.js";
import { baseOf } from "../core/dialects.js";
import { goOn } from "../core/going-on.js";
import { Hold, type HoldOptions } from "../core/hold.js";
import { Line } from "../core/line.js";
import { Listeners } from "../core/listeners.js";
import { LockDelay, type LockDelayOptions } from "../core/lock-delay.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { releaseForCertain } from "../core/releasing.js";
import { RecipeError } from "../errors.js";
import { type Candidate, candidatesOf, leaderOf, observeLeaders } from "./candidates.js";
import { Leadership } from "./leadership.js";

/** Options of {@link LeaderLatch}. */
export interface LeaderLatchOptions extends HoldOptions, LockDelayOptions {
  /** Who we are, for observers, people and other libraries to read: UTF-8. Default: empty. */
  readonly identity?: string;
  /** Of our znodes, and of the directory if it is made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
  /**
   * Whether the directory, if it is made, is a container where the servers have such (3.5.1): it goes by itself when the last one
   * has left, and is made again. On older servers it is persistent as ever. Not with `lockDelayMs`, which the directory remembers.
   * Default false.
   */
  readonly containers?: boolean;
}

/** What {@link LeaderLatch.onEvent} tells. */
export type LeaderLatchEvent =
  /** We lead. */
  | { readonly type: "leader"; readonly leadership: Leadership }
  /** We do not lead any more; the latch goes on. */
  | { readonly type: "notLeader"; readonly reason: RecipeError }
  /** The server does not let us be a candidate; it is tried again after this time. */
  | { readonly type: "refused"; readonly error: unknown; readonly retryMs: number }
  /** The latch is over although nobody closed it. */
  | { readonly type: "failed"; readonly error: unknown };

/**
 * - `idle`: not started.
 * - `waiting`: others lead, or we are on the way to be a candidate.
 * - `leading`: we lead.
 * - `suspect`: we did, and the connection is lost or in doubt. With `onSuspended: "wait"` we still count as leader.
 * - `closed`, `failed`: final.
 */
export type LeaderLatchState = "idle" | "waiting" | "leading" | "suspect" | "closed" | "failed";

interface Waiter {
  resolve(leadership: Leadership): void;
  reject(error: unknown): void;
}

/** See the head of this file. */
export class LeaderLatch implements AsyncDisposable {
  /** The directory of the latch. It belongs to the latch alone. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: LeaderLatchOptions;
  readonly #about: { readonly recipe: string; readonly path: string };
  readonly #line: Line;
  readonly #delay: LockDelay | undefined;
  readonly #events = new Listeners<LeaderLatchEvent>();
  readonly #stop = new AbortController();
  readonly #ended = new AbortController();
  #running: Promise<unknown> | undefined;
  #hold: Hold | undefined;
  #leadership: Leadership | undefined;
  readonly #waiters = new Set<Waiter>();

  /**
   * @param path the latch's own directory; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * await using latch = new LeaderLatch(client, "/jobs/leader", { identity: "host-7" }).start();
   * latch.onEvent((event) => console.log(event.type));
   * const { signal, token } = await latch.leading();
   * ```
   */
  constructor(client: Client, path: string, options: LeaderLatchOptions = {}) {
    checkRecipe(client, "LeaderLatch", path, options);
    this.#client = client;
    this.path = path;
    this.#options = options;
    this.#about = { recipe: "LeaderLatch", path };
    const bases = [baseOf("curator", "latch")];
    this.#line = new Line(client, {
      recipe: "LeaderLatch",
      directory: path,
      dialect: "curator",
      bases,
      acl: options.acl,
      containers: options.containers,
    });
    this.#delay = LockDelay.of(this.#line, options);
  }

  /** Where it stands now. After a stall of the process it is right before anything else of the client is. */
  get state(): LeaderLatchState {
    if (this.#ended.signal.aborted) return "failed";
    if (this.#stop.signal.aborted) return "closed";
    if (this.#running === undefined) return "idle";
    const state = this.#hold?.state;
    if (state === "held") return "leading";
    return state === "suspect" ? "suspect" : "waiting";
  }

  /** The stretch of leadership that is under way, if we lead now. */
  get leadership(): Leadership | undefined {
    // Asking for the state makes the hold look at the client, which may end the stretch.
    void this.#hold?.state;
    return this.#leadership;
  }

  /** Whether we lead now. */
  get isLeader(): boolean {
    return this.leadership !== undefined;
  }

  /** Aborts when the latch is over although nobody closed it; the reason is the error. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Hears of what happens. @returns what ends it */
  onEvent(listener: (event: LeaderLatchEvent) => void): () => void {
    return this.#events.add(listener);
  }

  /**
   * Begins to stand for election. There need not be a connection yet.
   * @returns itself
   * @throws RecipeError RELEASED when it has been started or closed before
   */
  start(): this {
    if (this.#running !== undefined || this.#stop.signal.aborted) {
      throw this.#released("it can be started once; make another one");
    }
    this.#running = goOn({
      client: this.#client,
      about: this.#about,
      stop: this.#stop.signal,
      round: (patience, calm) => this.#round(patience, calm),
      troubled: (error, retryMs) => {
        this.#tellWaiters((waiter) => waiter.reject(error));
        if (retryMs !== undefined) this.#events.tell({ type: "refused", error, retryMs });
      },
      failed: (error) => {
        this.#ended.abort(error);
        this.#tellWaiters((waiter) => waiter.reject(error));
        this.#events.tell({ type: "failed", error });
      },
    });
    return this;
  }

  /**
   * Resolves when we lead, at once if we do. A wait that ends leaves the latch a candidate; {@link close} ends that.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, RELEASED (it is closed, or was not started), SESSION_EXPIRED (nobody began
   *   another session); ZkError NO_AUTH and the like
   */
  async leading(options: WaitOptions = {}): Promise<Leadership> {
    this.#ended.signal.throwIfAborted();
    if (this.#stop.signal.aborted) throw this.#released("it was closed");
    if (this.#running === undefined) throw this.#released("it was not started");
    using patience = new Patience(this.#client, this.#about, options);
    patience.check();
    const { leadership } = this;
    if (leadership !== undefined) return leadership;
    let waiter: Waiter | undefined;
    const leading = new Promise<Leadership>((resolve, reject) => {
      waiter = { resolve, reject };
      this.#waiters.add(waiter);
    });
    try {
      return await patience.race(leading);
    } finally {
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  /**
   * Ends the candidacy, and the leadership if we lead. Resolves when our znode is gone, or when that cannot be had now: the
   * janitor then goes on until it is. Never rejects, and may be called again.
   */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#endStretch(this.#released("it was closed"));
    this.#tellWaiters((waiter) => waiter.reject(this.#released("it was closed")));
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Whoever leads now, or null. Another may do by the time that this is known. @throws as {@link observe} */
  async leader(options: WaitOptions = {}): Promise<Candidate | null> {
    using patience = new Patience(this.#client, this.#about, options);
    return await leaderOf(this.#line, patience);
  }

  /** All candidates of now, the leader first. @throws as {@link observe} */
  async candidates(options: WaitOptions = {}): Promise<readonly Candidate[]> {
    using patience = new Patience(this.#client, this.#about, options);
    return await candidatesOf(this.#line, patience);
  }

  /**
   * Tells who leads: the leader of now, or null, and then each change; see {@link Election.observe}. The latch need not be
   * started.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError NO_AUTH and the like
   */
  observe(options: WaitOptions = {}): AsyncGenerator<Candidate | null, void, undefined> {
    return observeLeaders(this.#line, options);
  }

  /** One candidacy, from its znode's making until that is gone. */
  async #round(patience: Patience, calm: () => void): Promise<undefined> {
    const client = this.#client;
    const { identity: data = "" } = this.#options;
    const delay = this.#delay;
    const entry = await contend(this.#line, { role: "latch", data, delay }, patience);
    calm();
    const { path, token, sessionId } = entry;
    const held = { client, recipe: "LeaderLatch", path, token, sessionId, onSuspended: "wait" as const };
    const hold = new Hold({ ...held, ...delay?.ending(entry) });
    try {
      await patience.race(this.#whileHeld(hold));
    } finally {
      this.#hold = undefined;
      // That it cannot be removed is told by telemetry; whoever closes has nothing to do about it.
      if (this.#stop.signal.aborted) await hold.release().catch(() => {});
    }
    await releaseForCertain(client, hold, patience);
  }

  /** Resolves when the hold is lost. */
  #whileHeld(hold: Hold): Promise<void> {
    this.#hold = hold;
    return new Promise((resolve) => {
      const follow = (): void => {
        const { state } = hold;
        if (state === "held") this.#beginStretch(hold);
        else if (state === "suspect" && this.#options.onSuspended !== "wait") this.#endStretch(this.#doubt());
      };
      hold.onState(follow);
      follow();
      const lost = (): void => {
        this.#endStretch(hold.signal.reason);
        resolve();
      };
      hold.signal.addEventListener("abort", lost, { once: true });
      if (hold.signal.aborted) lost();
    });
  }

  #beginStretch(hold: Hold): void {
    if (this.#leadership !== undefined || this.#stop.signal.aborted) return;
    const leadership = new Leadership(this.#options.identity ?? "", hold);
    this.#leadership = leadership;
    this.#events.tell({ type: "leader", leadership });
    this.#tellWaiters((waiter) => waiter.resolve(leadership));
  }

  #endStretch(reason: RecipeError): void {
    const leadership = this.#leadership;
    if (leadership === undefined) return;
    this.#leadership = undefined;
    leadership.end(reason);
    this.#events.tell({ type: "notLeader", reason });
  }

  #tellWaiters(tell: (waiter: Waiter) => void): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) tell(waiter);
  }

  #doubt(): RecipeError {
    const message = "the connection is lost or in doubt, so it cannot be told whether we still lead";
    return new RecipeError({ code: "HOLD_SUSPECT", message, ...this.#about });
  }

  #released(message: string): RecipeError {
    return new RecipeError({ code: "RELEASED", message, ...this.#about });
  }
}
