/**
 * Sites that do something all together or not at all: each says whether it can, then one decides.
 *
 * What it promises: there is one decision. It is `committed` only if every site voted for it, whoever decides and how many at once; a
 * site votes once; and a vote that comes after the decision is refused, by a check in the same transaction of the servers. Whatever
 * dies, what was said and decided stays in the servers, and anybody can go on: `decide` and `abort` are not bound to who began.
 *
 * What it does not promise: to decide by itself. A site that voted for it must be able to do it, and must wait, until somebody decides: that
 * is how two-phase commit is. Give `decide` a time after which it aborts, and let another process, the leader of an {@link Election} for
 * example, call it when the first one is gone. And it does nothing at the sites: each carries the decision out by itself, and must
 * still know after a crash what it has voted for.
 *
 * A path is for one transaction: give each a name of its own, or a late vote for the one before counts for the next.
 *
 * Layout: `<path>`, whose data is `{"id":"…","state":"voting"}`, and once, by its version, becomes `committed` or `aborted`;
 * `<path>/<site>`, empty until the site writes `commit` or `abort`. Source: Apache ZooKeeper, recipes: two-phased commit.
 */
import type { Acl, Client, Transaction } from "@zk/client";
import { watchTree } from "../caches/tree-cache.js";
import { until } from "../caches/until.js";
import { checkRecipe, checkZnodePath, invalid } from "../core/checks.js";
import { counted } from "../core/contention.js";
import { makeDirectory } from "../core/directories.js";
import { childPath, directoryOf } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { inAnySession } from "../core/sessions.js";
import { untilTold } from "../core/until-told.js";
import { isRecipeError, RecipeError, type RecipeErrorCode } from "../errors.js";
import {
  type Ballot,
  decodeHead,
  decodeVote,
  encodeBallot,
  readBallot,
  readHead,
  readVote,
  TWO_PHASE,
  type TwoPhaseDecision,
  type TwoPhaseVote,
  verdictOf,
} from "./ballot.js";

/** Options of {@link TwoPhaseCommit}. */
export interface TwoPhaseOptions {
  /** Of the znodes that are made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** Options of {@link TwoPhaseCommit.decide}. */
export interface DecideOptions extends WaitOptions {
  /** Milliseconds after which it aborts without the votes that are missing. Default: never, it waits for them. */
  readonly abortAfterMs?: number;
}

/** A transaction, and what its votes come to; without a verdict it is decided. */
interface Found {
  readonly ballot: Ballot;
  readonly verdict: TwoPhaseDecision | undefined;
}

/** See the head of this file. */
export class TwoPhaseCommit {
  /** The znode of the transaction. */
  readonly path: string;
  readonly #client: Client;
  readonly #acl: readonly Acl[] | undefined;

  /**
   * @param path of this transaction alone
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const transfer = new TwoPhaseCommit(client, "/transfers/4711");
   * await transfer.begin(["bank", "shop"]); // whoever coordinates
   * await transfer.vote("bank", "commit"); // at each site, when it can do it
   * const decision = await transfer.decide({ abortAfterMs: 30_000 }); // whoever coordinates
   * const outcome = await transfer.outcome(); // at each site
   * ```
   */
  constructor(client: Client, path: string, options: TwoPhaseOptions = {}) {
    checkRecipe(client, TWO_PHASE, path, options);
    this.path = path;
    this.#client = client;
    this.#acl = options.acl;
  }

  /**
   * Begins it.
   *
   * @param sites those who are to vote, each one part of a path
   * @throws RecipeError CONFLICT when there is one at the path already; INVALID_ARGUMENT; ABORTED, WAIT_TIMEOUT and SESSION_EXPIRED,
   *   whose `applied` says `maybe` when an answer was lost. ZkError for what a server refuses.
   */
  async begin(sites: readonly string[], options: WaitOptions = {}): Promise<void> {
    this.#checkSites(sites);
    const client = this.#client;
    using patience = this.#patience(options);
    const id = client.randomness.uuid();
    const acl = this.#acl === undefined ? {} : { acl: this.#acl };
    const parent = directoryOf(this.path);
    await untilTold(client, this.#about, patience, {
      look: async () => {
        const head = await readHead(client, this.path, patience);
        if (head?.id === id) return true;
        if (head !== undefined)
          throw this.#error("CONFLICT", "there is one already: each needs a path of its own");
        if (parent !== "/") await patience.read((call) => makeDirectory(client, parent, this.#acl, call));
        return undefined;
      },
      write: async (call) => {
        const transaction = client.transaction();
        transaction.create(this.path, encodeBallot(id, "voting"), acl);
        for (const site of sites) transaction.create(childPath(this.path, site), null, acl);
        await transaction.commit(call);
        return true;
      },
    });
  }

  /**
   * Votes, once. To say the same once more is fine.
   *
   * @throws RecipeError REFUSED when it is decided already, or there is no such transaction or site; CONFLICT when the site has voted
   *   otherwise; CORRUPTED; ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED. `applied` says `maybe` when an answer was lost and it is not known
   *   what became of it, as when all has been removed since. ZkError for what a server refuses.
   */
  async vote(site: string, vote: TwoPhaseVote, options: WaitOptions = {}): Promise<void> {
    this.#checkSites([site]);
    if (vote !== "commit" && vote !== "abort")
      throw this.#error("INVALID_ARGUMENT", `a vote is "commit" or "abort", not ${JSON.stringify(vote)}`);
    const client = this.#client;
    const path = childPath(this.path, site);
    using patience = this.#patience(options);
    await untilTold(client, this.#about, patience, {
      look: async (applied) => {
        const head = await readHead(client, this.path, patience);
        if (head === undefined) throw this.#none(applied);
        const said = await readVote(client, path, patience);
        if (said === vote) return true;
        if (said === "unknown") throw this.#error("REFUSED", `"${site}" is no site of it`, applied);
        if (said !== undefined) throw this.#error("CONFLICT", `"${site}" has voted before: ${said}`);
        if (head.decision === undefined) return undefined;
        throw this.#error("REFUSED", `the vote of "${site}" comes too late: it is ${head.decision}`);
      },
      // Both are of their first version as long as nobody has decided, and nobody voted here.
      write: async (call) => {
        const transaction = client.transaction();
        transaction.check(this.path, { version: 0 });
        transaction.setData(path, vote, { version: 0 });
        await transaction.commit(call);
        return true;
      },
    });
  }

  /**
   * Waits for the votes, and decides. When it is decided already, that is told.
   *
   * @throws RecipeError REFUSED when there is no such transaction; CORRUPTED; ABORTED, WAIT_TIMEOUT and SESSION_EXPIRED: nothing is
   *   decided then, unless `applied` says `maybe`. ZkError for what a server refuses.
   */
  async decide(options: DecideOptions = {}): Promise<TwoPhaseDecision> {
    const { abortAfterMs = Number.POSITIVE_INFINITY } = options;
    if (typeof abortAfterMs !== "number" || !(abortAfterMs >= 0)) {
      const message = `abortAfterMs must be a number of at least 0, not ${String(abortAfterMs)}`;
      throw this.#error("INVALID_ARGUMENT", message);
    }
    const { clock } = this.#client;
    const untilMs = clock.nowMs() + abortAfterMs;
    using patience = this.#patience(options);
    const find = async (applied: "no" | "maybe"): Promise<Found> => {
      for (;;) {
        const ballot = await this.#ballot(patience, applied);
        const leftMs = untilMs - clock.nowMs();
        const verdict = verdictOf(ballot.votes.values()) ?? (leftMs > 0 ? undefined : "aborted");
        if (ballot.decision !== undefined || verdict !== undefined) return { ballot, verdict };
        await this.#untilVoted(patience, leftMs);
      }
    };
    return await counted(this.#client, this.#about, () => this.#decideBy(patience, find));
  }

  /**
   * Decides against it, whatever was voted, unless it is decided already.
   * @returns what is decided: `committed` if that was quicker
   * @throws as {@link TwoPhaseCommit.decide}
   */
  async abort(options: WaitOptions = {}): Promise<TwoPhaseDecision> {
    using patience = this.#patience(options);
    return await this.#decideBy(patience, async (applied) => ({
      ballot: await this.#ballot(patience, applied),
      verdict: "aborted",
    }));
  }

  /**
   * Waits for the decision.
   * @throws RecipeError REFUSED when there is no such transaction; CORRUPTED, ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError of a read
   */
  async outcome(options: WaitOptions = {}): Promise<TwoPhaseDecision> {
    using patience = this.#patience(options);
    return await counted(this.#client, this.#about, () => this.#decided(patience));
  }

  async #decided(patience: Patience): Promise<TwoPhaseDecision> {
    for (;;) {
      const head = await inAnySession(this.#client, patience, this.#about, () =>
        readHead(this.#client, this.path, patience),
      );
      if (head === undefined) throw this.#none();
      if (head.decision !== undefined) return head.decision;
      const isOver = (node: { readonly data: Uint8Array | null } | undefined): boolean =>
        node === undefined || decisionIn(node.data) !== undefined;
      await until(this.#client, this.path, isOver, { signal: patience.signal });
    }
  }

  /**
   * What was voted and decided so far; undefined when there is no such transaction.
   * @throws RecipeError CORRUPTED, ABORTED, WAIT_TIMEOUT; ZkError of a read
   */
  async view(options: WaitOptions = {}): Promise<Pick<Ballot, "decision" | "votes"> | undefined> {
    using patience = this.#patience(options);
    return await inAnySession(this.#client, patience, this.#about, () =>
      readBallot(this.#client, this.path, patience),
    );
  }

  /**
   * Removes it, when every site has carried out what was decided. One that is not there is fine.
   * @throws RecipeError REFUSED while nothing is decided; CORRUPTED, ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError for what a server refuses
   */
  async remove(options: WaitOptions = {}): Promise<void> {
    const client = this.#client;
    using patience = this.#patience(options);
    let sites: readonly string[] = [];
    await untilTold(client, this.#about, patience, {
      look: async () => {
        const ballot = await readBallot(client, this.path, patience);
        if (ballot === undefined) return true;
        if (ballot.decision === undefined) throw this.#error("REFUSED", "nothing is decided: abort it first");
        sites = [...ballot.votes.keys()];
        return undefined;
      },
      write: async (call) => {
        const transaction = client.transaction();
        for (const site of sites) transaction.remove(childPath(this.path, site));
        transaction.remove(this.path, { version: 1 });
        await transaction.commit(call);
        return true;
      },
    });
  }

  /** Makes the decision that is found, if none is made yet. Whoever is first has decided for all. */
  #decideBy(
    patience: Patience,
    find: (applied: "no" | "maybe") => Promise<Found>,
  ): Promise<TwoPhaseDecision> {
    const client = this.#client;
    let decision: TwoPhaseDecision = "aborted";
    let build: (transaction: Transaction) => unknown = () => undefined;
    return untilTold(client, this.#about, patience, {
      look: async (applied) => {
        const { ballot, verdict = "aborted" } = await find(applied);
        if (ballot.decision !== undefined) return ballot.decision;
        decision = verdict;
        build = (transaction) => {
          // A vote is written once, so all of them still are what they were.
          if (verdict === "committed")
            for (const site of ballot.votes.keys())
              transaction.check(childPath(this.path, site), { version: 1 });
          transaction.setData(this.path, encodeBallot(ballot.id, verdict), { version: 0 });
        };
        return undefined;
      },
      write: async (call) => {
        const transaction = client.transaction();
        build(transaction);
        await transaction.commit(call);
        return decision;
      },
    });
  }

  async #ballot(patience: Patience, applied: "no" | "maybe"): Promise<Ballot> {
    const ballot = await readBallot(this.#client, this.path, patience);
    if (ballot === undefined) throw this.#none(applied);
    return ballot;
  }

  /** Resolves when there may be a verdict, or the time is over. */
  async #untilVoted(patience: Patience, limitMs: number): Promise<void> {
    using tree = watchTree(this.#client, this.path, { depth: 1 });
    try {
      await tree.until(
        () => {
          const head = tree.get(this.path);
          if (head === undefined || decisionIn(head.data) !== undefined) return true;
          const sites = tree.childrenOf(this.path);
          const verdict = verdictOf(sites.map(({ path, data }) => decodeVote(data, path)));
          // All sites were made with it; one that is missing here was not read yet.
          return verdict === "aborted" || (verdict === "committed" && sites.length === head.stat.numChildren);
        },
        { signal: patience.signal, timeoutMs: limitMs },
      );
    } catch (error) {
      if (patience.signal.aborted || !isRecipeError(error, "WAIT_TIMEOUT")) throw error;
    }
  }

  #checkSites(sites: readonly string[]): void {
    if (!Array.isArray(sites)) throw invalid(this.#about, "sites", "a list", sites);
    if (sites.length === 0) throw this.#error("INVALID_ARGUMENT", "it needs a site");
    if (new Set(sites).size < sites.length)
      throw this.#error("INVALID_ARGUMENT", "two sites have the same name");
    for (const site of sites) {
      if (typeof site !== "string" || site === "" || site.includes("/"))
        throw this.#error("INVALID_ARGUMENT", `a site is one part of a path, not ${JSON.stringify(site)}`);
      checkZnodePath(this.#client, TWO_PHASE, childPath(this.path, site));
    }
  }

  #patience(options: WaitOptions): Patience {
    // Whoever uses it looks at it: thrown here, it would leave its timer and its listener.
    return new Patience(this.#client, this.#about, options);
  }

  #none(applied: "no" | "maybe" = "no"): RecipeError {
    return this.#error("REFUSED", "there is no such transaction", applied);
  }

  #error(code: RecipeErrorCode, message: string, applied: "no" | "maybe" = "no"): RecipeError {
    return new RecipeError({ code, message, ...this.#about, applied });
  }

  get #about(): { readonly recipe: string; readonly path: string } {
    return { recipe: TWO_PHASE, path: this.path };
  }
}

/** For those who only want to know whether to look. */
function decisionIn(data: Uint8Array | null): TwoPhaseDecision | undefined {
  try {
    return decodeHead(data).decision;
  } catch {
    // Whoever looks says what is wrong with it.
    return "aborted";
  }
}
