/**
 * Removes directories that stay empty, as servers from 3.5.3 on do with container znodes: on 3.4 nobody else does. Of several
 * reapers one is at work, if they are told where to elect it.
 *
 * What it promises:
 * - Only persistent znodes without children go, and without data unless told otherwise; neither the roots, unless told, nor
 *   anything of ZooKeeper's own.
 * - Only what two looks, a whole window apart, found empty and untouched: no child came or went in between, and nothing was
 *   written. A busy lock is never disturbed, however often it is free. (A directory that has made nearly 2^31 children does not
 *   wait for the window, see `restartNearWrap`.)
 * - What is written to meanwhile stays, and what has a child.
 * - With a leader, a reaper that has been deposed removes nothing more: the servers compare its term with every removal.
 *
 * What it does not promise:
 * - That an empty znode means nothing. A {@link Barrier}, a flag, a marker may well be one. Give it roots in which only the
 *   directories of recipes lie, or a filter.
 * - That whoever uses a directory bears with its going. All recipes here do, and make it again. Some versions of other libraries do
 *   not: a latch of Curator before 5.8 whose directory has gone is never elected.
 * - That numbers go on: in a directory that is made again they begin at 0. Tokens are no such numbers, and only grow.
 * - A tree goes from its leaves up: each level takes another window.
 */
import type { Client } from "@zk/client";
import { sleep } from "../core/backoff.js";
import { checkInteger, checkRecipePath } from "../core/checks.js";
import { goOn } from "../core/going-on.js";
import type { Hold } from "../core/hold.js";
import { Listeners } from "../core/listeners.js";
import { Patience } from "../core/patience.js";
import { isSessionOver } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { Election } from "../elections/election.js";
import type { Term } from "../elections/term.js";
import { RecipeError } from "../errors.js";
import { RECIPE, type Reaped, type ReapOptions, type ReapSettings, reapSettings } from "./options.js";
import { type ReaperPass, Sweeper } from "./sweeper.js";

/** Options of {@link Reaper}. */
export interface ReaperOptions extends ReapOptions {
  /** The directory of an election, so that of several reapers one is at work. Default: whoever is started is. */
  readonly leader?: string;
  /** Who we are, for those who look at that election. Default: empty. */
  readonly identity?: string;
  /**
   * Milliseconds from one pass to the next, of which up to a quarter is left to chance. From 1; default a third of `emptyForMs`.
   * What is empty goes after `emptyForMs` and as much as this.
   */
  readonly intervalMs?: number;
}

/** What {@link Reaper.onEvent} tells. */
export type ReaperEvent =
  /** A znode is gone; with `dryRun`, it would be. */
  | ({ readonly type: "reaped" } & Reaped)
  /** A server does not let us look at a znode, or remove it. The others go all the same. */
  | { readonly type: "refused"; readonly path: string; readonly error: unknown }
  /** The answer to a removal was lost: the znode may be gone. */
  | { readonly type: "uncertain"; readonly path: string; readonly error: unknown }
  /** Everything has been looked at once. */
  | ({ readonly type: "passed" } & ReaperPass)
  /** We are the one at work. */
  | { readonly type: "leading"; readonly token: bigint }
  /** We are no longer. Windows begin anew. */
  | { readonly type: "deposed"; readonly token: bigint; readonly reason: unknown }
  /** A pass failed, and is tried again after this time, or when there is another session. */
  | { readonly type: "troubled"; readonly error: unknown; readonly retryMs: number | undefined }
  /** Nothing is reaped any more. */
  | { readonly type: "failed"; readonly error: unknown };

/**
 * - `idle`: not started.
 * - `waiting`: another reaper is at work, or a pass failed and is to be tried again.
 * - `reaping`: we are.
 * - `closed`, `failed`: final.
 */
export type ReaperState = "idle" | "waiting" | "reaping" | "closed" | "failed";

/** See the head of this file. */
export class Reaper implements AsyncDisposable {
  readonly #client: Client;
  readonly #settings: ReapSettings;
  readonly #options: ReaperOptions;
  readonly #about: { readonly recipe: string; readonly path: string };
  readonly #intervalMs: number;
  readonly #events: Listeners<ReaperEvent>;
  readonly #stop = new AbortController();
  readonly #ended = new AbortController();
  #running: Promise<unknown> | undefined;
  #isReaping = false;

  /**
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * await using reaper = new Reaper(client, { roots: ["/locks"], leader: "/reapers" }).start();
   * reaper.onEvent((event) => event.type === "reaped" && console.log(event.path));
   * ```
   */
  constructor(client: Client, options: ReaperOptions) {
    this.#settings = reapSettings(client, options);
    const path = options.roots[0] as string;
    this.#client = client;
    this.#options = options;
    this.#about = { recipe: RECIPE, path };
    if (options.leader !== undefined) checkRecipePath(RECIPE, options.leader);
    const { intervalMs = Math.ceil(this.#settings.emptyForMs / 3) } = options;
    checkInteger(this.#about, "intervalMs", intervalMs, { min: 1, max: 2 ** 31 - 1 });
    this.#intervalMs = intervalMs;
    this.#events = new Listeners((error) => {
      telemetryOf(client).tell({ type: "listenerFailed", ...this.#about, error });
    });
  }

  /** Where it stands now. */
  get state(): ReaperState {
    if (this.#ended.signal.aborted) return "failed";
    if (this.#stop.signal.aborted) return "closed";
    if (this.#running === undefined) return "idle";
    return this.#isReaping ? "reaping" : "waiting";
  }

  /** Aborts when nothing is reaped any more although nobody closed it; the reason is the error. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Hears of what happens. @returns what ends it */
  onEvent(listener: (event: ReaperEvent) => void): () => void {
    return this.#events.add(listener);
  }

  /**
   * Begins. There need not be a connection yet.
   * @returns itself
   * @throws RecipeError RELEASED when it has been started or closed before
   */
  start(): this {
    if (this.#running !== undefined || this.#stop.signal.aborted) {
      const message = "it can be started once; make another one";
      throw new RecipeError({ code: "RELEASED", message, ...this.#about });
    }
    const { leader, identity = "" } = this.#options;
    const election = leader === undefined ? undefined : new Election(this.#client, leader, { identity });
    this.#running = goOn({
      client: this.#client,
      about: this.#about,
      stop: this.#stop.signal,
      round: (patience, calm) =>
        election === undefined ? this.#reap(patience, calm) : this.#lead(election, patience, calm),
      troubled: (error, retryMs) => this.#events.tell({ type: "troubled", error, retryMs }),
      failed: (error) => {
        this.#ended.abort(error);
        this.#events.tell({ type: "failed", error });
      },
    });
    return this;
  }

  /**
   * Ends it. Resolves when nothing is under way any more, and the leadership is given back. Never rejects, and may be called
   * again.
   */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** One term of ours. */
  async #lead(election: Election, { signal }: Patience, calm: () => void): Promise<undefined> {
    await election.lead((term) => this.#reign(term, calm), { signal });
  }

  async #reign(term: Term, calm: () => void): Promise<void> {
    const { token } = term;
    this.#events.tell({ type: "leading", token });
    let reason: unknown;
    try {
      using patience = new Patience(this.#client, this.#about, { signal: term.signal });
      await this.#reap(patience, calm, term);
    } catch (error) {
      reason = term.signal.aborted ? term.signal.reason : error;
      // Whatever failed in a term that is over has failed by that.
      if (!term.signal.aborted && !isSessionOver(error)) throw error;
    } finally {
      if (!this.#stop.signal.aborted) this.#events.tell({ type: "deposed", token, reason });
    }
  }

  /** ReaperPass after pass, until that is no more. Never resolves. */
  async #reap(patience: Patience, calm: () => void, hold?: Hold): Promise<undefined> {
    const { leader } = this.#options;
    const sweeper = new Sweeper(
      this.#client,
      this.#settings,
      {
        reaped: (reaped) => this.#events.tell({ type: "reaped", ...reaped }),
        refused: (path, error) => this.#events.tell({ type: "refused", path, error }),
        uncertain: (path, error) => this.#events.tell({ type: "uncertain", path, error }),
      },
      leader === undefined ? [] : [leader],
    );
    this.#isReaping = true;
    try {
      for (;;) {
        this.#events.tell({ type: "passed", ...(await sweeper.pass(patience, hold)) });
        calm();
        await sleep(this.#client, this.#pauseMs(), patience);
      }
    } finally {
      this.#isReaping = false;
    }
  }

  /** Several that were started together do not look together for long. */
  #pauseMs(): number {
    return this.#intervalMs * (1 - (this.#client.randomness.seed() >>> 0) / 2 ** 34);
  }
}
