/**
 * An election: of all candidates one leads, term after term. Each term is one turn of a loop, or one call of a leader function.
 *
 * What it promises besides what a {@link Hold} does:
 * - Of one `Election` at most one term is under way at a time, and at most one leader function runs, however many loops and
 *   calls there are. The next term is asked for only after the znode of the last one is known to be gone.
 * - A leader function that goes on although it was told to stop is complained of, and its term has not ended before it has.
 * - Nothing ends the candidacy in silence: a call or a loop that is over has said why.
 *
 * What it does not promise: that no two lead at one moment. A leader that was stopped may go on for a moment after it has lost
 * its term, unless its writes are guarded, or the resource looks at the token.
 *
 * Layout: that of {@link Lock}: `<path>/_c_<uuid>-lock-<number>`, as Apache Curator's LeaderSelector, or with `dialect: "kazoo"`
 * `<path>/<32 hex digits>__lock__<number>`, as kazoo's Election; ephemeral, the data says who it is. The token is the czxid of that
 * znode, and the order of tokens is the order of terms. {@link LeaderLatch} has another layout: the two do not see each other.
 */
import type { Acl, Client } from "@zk/client";
import { Backoff } from "../core/backoff.js";
import { checkDialect, checkRecipe } from "../core/checks.js";
import { contend } from "../core/contention.js";
import { baseOf, type Dialect } from "../core/dialects.js";
import type { HoldOptions } from "../core/hold.js";
import { Line } from "../core/line.js";
import { LockDelay, type LockDelayOptions } from "../core/lock-delay.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { releaseForCertain } from "../core/releasing.js";
import { isStop } from "../core/stoppable-hold.js";
import { Turns } from "../core/turns.js";
import { RecipeError } from "../errors.js";
import { type Candidate, candidatesOf, leaderOf, observeLeaders } from "./candidates.js";
import { type GraceOptions, type LeaderWork, runLeader } from "./leading.js";
import { Term } from "./term.js";

/** Options of {@link Election}. */
export interface ElectionOptions extends HoldOptions, LockDelayOptions {
  /** Who we are, for observers, people and other libraries to read: UTF-8. Default: empty. */
  readonly identity?: string;
  /** Whose names we write, and so with whom the election is shared. Default `curator`. */
  readonly dialect?: Dialect;
  /**
   * For whom we wait: candidates of our own dialect (`own`), or everything in the directory that ends in a number (`any`).
   * Default `own`.
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
}

/** Options of {@link Election.lead}. `timeoutMs` is for the wait for a term, not for the term. */
export interface LeadOptions extends WaitOptions, GraceOptions {
  /** Stand again, at the end of the line, whenever a term is over. Default false. */
  readonly autoRequeue?: boolean;
  /**
   * With `autoRequeue`: hears of what the leader function throws, and the candidacy goes on, after a pause that grows. Without
   * it, or when it throws itself, the call rejects with the error. That a function throws the reason of its term's signal, or
   * an AbortError after that has aborted, is its way to stop and no failure.
   */
  readonly onError?: (error: unknown, term: Term) => void;
}

/** A term, and what lets the next one of this process be asked for. */
interface Begun {
  readonly term: Term;
  readonly endTurn: () => void;
}

/** See the head of this file. */
export class Election {
  /** The directory of the election. It belongs to the election alone. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: ElectionOptions;
  readonly #line: Line;
  readonly #delay: LockDelay | undefined;
  readonly #turns = new Turns();

  /**
   * @param path the election's own directory; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const election = new Election(client, "/jobs/scheduler", { identity: "host-7" });
   * for await (const term of election) {
   *   await schedule({ signal: term.signal, token: term.token }); // leaving the body resigns
   * }
   * ```
   */
  constructor(client: Client, path: string, options: ElectionOptions = {}) {
    checkRecipe(client, "Election", path, options);
    checkDialect("Election", path, options.dialect);
    this.#client = client;
    this.path = path;
    this.#options = options;
    const dialect = options.dialect ?? "curator";
    const bases = options.contenders === "any" ? undefined : [baseOf(dialect, "lock")];
    this.#line = new Line(client, {
      recipe: "Election",
      directory: path,
      dialect,
      bases,
      acl: options.acl,
      containers: options.containers,
    });
    this.#delay = LockDelay.of(this.#line, options);
  }

  /** {@link terms} without options. */
  [Symbol.asyncIterator](): AsyncGenerator<Term, void, undefined> {
    return this.terms();
  }

  /**
   * Stands for election again and again: one turn of the loop for each term. Leaving the body resigns, by whatever way; the next
   * turn begins with the next term. The body should end when `term.signal` aborts.
   *
   * @param options `signal` ends the loop, and tells the leader of the moment to stop; `timeoutMs` is for each wait for a term
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, REFUSED (the znode of a term could not be removed);
   *   ZkError NO_AUTH and the like. Nothing is left in line then.
   */
  async *terms(options: WaitOptions = {}): AsyncGenerator<Term, void, undefined> {
    for (;;) {
      const begun = await this.#begin(options);
      try {
        yield begun.term;
      } finally {
        await this.#end(begun);
      }
    }
  }

  /**
   * Waits for a term and leads while the function runs. The function should end when its term's signal aborts: because the
   * term is lost or in doubt, or because the call's own signal tells it to.
   *
   * May be called at any time, also while another call leads: it has its turn after that one.
   *
   * @returns what the function returns, after the term has been given back
   * @throws as {@link terms}, and what the function throws
   * @example
   * ```ts
   * await election.lead((term) => serve({ signal: term.signal }), { autoRequeue: true, signal, onError: log });
   * ```
   */
  lead<T>(work: LeaderWork<T>, options?: LeadOptions & { readonly autoRequeue?: false }): Promise<T>;
  /** As above, term after term: the call ends by rejecting, with ABORTED when its signal says so. */
  lead(work: LeaderWork<unknown>, options: LeadOptions & { readonly autoRequeue: boolean }): Promise<unknown>;
  async lead(work: LeaderWork<unknown>, options: LeadOptions = {}): Promise<unknown> {
    this.#checkGrace(options);
    if (options.autoRequeue !== true) return await this.#leadOnce(work, options);
    const backoff = new Backoff(this.#client);
    for (;;) {
      let leading: Term | undefined;
      try {
        await this.#leadOnce((term) => {
          leading = term;
          return work(term);
        }, options);
        backoff.calm();
      } catch (error) {
        if (leading === undefined) throw error;
        // A function that ends by the reason for which it is to end has not failed.
        if (isStop(error, leading)) continue;
        if (options.onError === undefined) throw error;
        options.onError(error, leading);
        using patience = this.#patience(options.signal === undefined ? {} : { signal: options.signal });
        await backoff.pause(patience);
      }
    }
  }

  /** Whoever leads now, or null. Another may do by the time that this is known. @throws as {@link observe} */
  async leader(options: WaitOptions = {}): Promise<Candidate | null> {
    using patience = this.#patience(options);
    return await leaderOf(this.#line, patience);
  }

  /** All candidates of now, the leader first. @throws as {@link observe} */
  async candidates(options: WaitOptions = {}): Promise<readonly Candidate[]> {
    using patience = this.#patience(options);
    return await candidatesOf(this.#line, patience);
  }

  /**
   * Tells who leads, without being a candidate: the leader of now, or null, and then each change. Leaders in quick succession may
   * be left out, all but the last. While there is no connection nothing is told.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError NO_AUTH and the like
   * @example
   * ```ts
   * for await (const leader of election.observe({ signal })) route(leader?.id);
   * ```
   */
  observe(options: WaitOptions = {}): AsyncGenerator<Candidate | null, void, undefined> {
    return observeLeaders(this.#line, options);
  }

  async #leadOnce(work: LeaderWork<unknown>, options: LeadOptions): Promise<unknown> {
    const begun = await this.#begin(options);
    try {
      return await runLeader(this.#client, begun.term, work, options);
    } finally {
      await this.#end(begun);
    }
  }

  /** Waits until it is this process's turn among its own, and then among all. */
  async #begin(options: WaitOptions): Promise<Begun> {
    using patience = this.#patience(options);
    const endTurn = await this.#turns.take(patience);
    try {
      return { term: await this.#nextTerm(patience, options.signal), endTurn };
    } catch (error) {
      endTurn();
      throw error;
    }
  }

  async #nextTerm(patience: Patience, stop: AbortSignal | undefined): Promise<Term> {
    const client = this.#client;
    const { identity: id = "", onSuspended = "abort" } = this.#options;
    for (;;) {
      const delay = this.#delay;
      const entry = await contend(this.#line, { role: "lock", data: id, delay }, patience);
      const { path, token, sessionId, serial } = entry;
      const term = new Term(
        { client, recipe: "Election", path, token, sessionId, onSuspended, ...delay?.ending(entry) },
        { id, serial, ...(stop === undefined ? {} : { stop }) },
      );
      if (term.state === "held") return term;
      await releaseForCertain(client, term, patience);
    }
  }

  /** Gives the term back. The process's next one is not asked for before it is certain that the znode is gone. */
  async #end({ term, endTurn }: Begun): Promise<void> {
    let isCertain = true;
    try {
      ({ confirmed: isCertain } = await term.release());
    } finally {
      if (isCertain) endTurn();
      else void this.#whenGone(term).then(endTurn);
    }
  }

  /** Never rejects. */
  async #whenGone(term: Term): Promise<void> {
    using patience = this.#patience({});
    try {
      await releaseForCertain(this.#client, term, patience);
    } catch {
      // The server does not let us remove it, and telemetry has said so.
    }
  }

  #checkGrace({ graceMs = 0 }: GraceOptions): void {
    if (typeof graceMs === "number" && graceMs >= 0) return;
    throw new RecipeError({
      code: "INVALID_ARGUMENT",
      message: `graceMs must be a number of at least 0, not ${String(graceMs)}`,
      recipe: "Election",
      path: this.path,
    });
  }

  #patience(options: WaitOptions): Patience {
    return new Patience(this.#client, { recipe: "Election", path: this.path }, options);
  }
}
