/**
 * Candidates that stand for election, lead, resign, lose their terms, die, and stand again. What must hold:
 * - Whoever is given a term had nobody ahead of it in line, and leads once at a time.
 * - Writes of leaders never go back to an older term (see {@link GuardedLog}).
 * - A term is not called `held` while the client says that it is not connected.
 * - Whoever is told to lead, or to stand in line, did at one moment of the look; one who observes is told of later leaders only.
 * - A candidacy that goes on by itself ends when it is told to, and hears of every failure of its leader.
 * - When nothing is wrong any more every candidate gets a term, those who observe hear of it, and of the end of the last, and
 *   nobody is left in line.
 */
import { isZkError } from "@zk/client";
import type { Candidate, Election, Hold } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { GuardedLog } from "./guarded-log.js";
import { checkEmpty, checkNothingUnderWay, makeNode, TURN_MS_MAX } from "./manners.js";
import { Observing } from "./observing.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/election";
const LOG = "/terms";
const LOOK_MS = 20;
/** Within it all have begun to look at everything: virtual milliseconds. */
const GATHER_MS = 1000;

/** See the head of this file. */
export const election: Scenario = {
  name: "election",
  clients: [2, 5],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Electing(stage),
};

class Electing implements Play {
  readonly #stage: Stage;
  readonly #log: GuardedLog;
  readonly #observing: Observing;
  readonly #dialect: "curator" | "kazoo";
  #came = 0;
  #served = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#log = new GuardedLog(stage.ledger, LOG);
    this.#observing = new Observing(stage, DIRECTORY);
    this.#dialect = stage.chance.pick(["curator", "curator", "kazoo"]);
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, LOG);
  }

  async perform(player: Player): Promise<void> {
    const { chance, resting } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    const candidacy = this.#electionOf(player);
    if (chance.is(0.2)) return this.#observing.watch(player, candidacy);
    if (chance.is(0.2)) return this.#goOn(player, candidacy);
    const options = { signal: resting, timeoutMs: chance.pick([200, 5000, Number.POSITIVE_INFINITY]) };
    try {
      if (chance.is(0.5)) {
        await candidacy.lead((term) => this.#serve(player, term), options);
        return;
      }
      let terms = 1 + chance.below(3);
      for await (const term of candidacy.terms(options)) {
        await this.#serve(player, term);
        terms -= 1;
        if (terms === 0) break;
      }
    } catch (error) {
      if (!this.#stage.recipes.isRecipeError(error) && !isZkError(error)) throw error;
      player.note(`stands no longer: ${error.code}`);
    } finally {
      player.afterTurn = () => this.#checkLog(player);
    }
  }

  /** Everybody gets a term, again and again, observes the others, and leaves nothing. */
  async inspect(player: Player): Promise<void> {
    const candidacy = this.#electionOf(player);
    this.#came += 1;
    const until = new AbortController();
    let told: Candidate | null | undefined;
    const observing = this.#observing.observe(player, candidacy, { signal: until.signal }, (leader) => {
      told = leader;
    });
    // All have looked by then, and nobody leads.
    await player.sleep(GATHER_MS);
    for (let turn = 0; turn < 3; turn += 1) {
      await candidacy.lead(
        async (term) => {
          this.#checkAhead(player, term);
          await this.#log.write(term);
          // Whoever leads for long enough is told.
          while (turn === 0 && told?.token !== term.token) await player.sleep(LOOK_MS);
        },
        { timeoutMs: TURN_MS_MAX },
      );
    }
    this.#served += 1;
    while (this.#served < this.#came || told !== null) await player.sleep(LOOK_MS);
    until.abort(new Error("everybody has led"));
    await observing.catch((error: unknown) => {
      if (!this.#stage.recipes.isRecipeError(error, "ABORTED")) throw error;
    });
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DIRECTORY]);
    const wrong = this.#log.look();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  #electionOf(player: Player): Election {
    const options = { identity: player.name, dialect: this.#dialect };
    return new this.#stage.recipes.Election(player.client, DIRECTORY, options);
  }

  /** Leads term after term, fails now and then, and stops when it is told to. */
  async #goOn(player: Player, candidacy: Election): Promise<void> {
    const { chance, resting } = player;
    const until = new AbortController();
    const rest = (): void => until.abort(resting.reason);
    resting.addEventListener("abort", rest);
    if (resting.aborted) rest();
    const failures: unknown[] = [];
    let failed = 0;
    let terms = 1 + chance.below(3);
    const work = async (term: Hold): Promise<void> => {
      await this.#serve(player, term);
      terms -= 1;
      if (terms <= 0) until.abort(new Error("has led enough"));
      else if (chance.is(0.4)) {
        failed += 1;
        throw new Error("fails");
      } else if (term.signal.aborted) throw term.signal.reason;
    };
    try {
      await candidacy.lead(work, {
        autoRequeue: true,
        signal: until.signal,
        onError: (error) => failures.push(error),
      });
      player.report("a candidacy that goes on by itself has ended, and nobody told it to");
    } catch (error) {
      if (!this.#stage.recipes.isRecipeError(error) && !isZkError(error)) throw error;
      player.note(`stands no longer: ${error.code}`);
      const isHeard = failures.length === failed && failures.every((each) => String(each) === "Error: fails");
      player.demand(isHeard, () => `${failed} failures, and heard ${failures.map(String).join(", ")}`);
    } finally {
      resting.removeEventListener("abort", rest);
      player.afterTurn = () => this.#checkLog(player);
    }
  }

  /** What a leader does: it writes as long as it is told that it leads. */
  async #serve(player: Player, term: Hold): Promise<void> {
    const { chance } = player;
    this.#checkAhead(player, term);
    player.afterTurn = () => {
      this.#checkLog(player);
      player.demand(
        term.state !== "held" || player.client.state === "connected",
        () => `leads while the client is ${player.client.state}`,
      );
    };
    try {
      const writes = chance.below(4);
      for (let write = 0; write < writes && !term.signal.aborted; write += 1) {
        await this.#log.write(term);
        await player.sleep(chance.wait(300));
      }
    } catch (error) {
      // What the guard refuses was not written; what a server does not answer ends the term.
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error, "HOLD_LOST")) throw error;
    } finally {
      player.afterTurn = () => this.#checkLog(player);
    }
  }

  /** Nobody ahead in line can come back, so it does not matter how long ago the turn came. */
  #checkAhead(player: Player, term: Hold): void {
    const children = this.#stage.ledger.now(DIRECTORY)?.children ?? [];
    if (this.#stage.ledger.now(term.path) === null) return;
    const ahead = this.#stage.recipes.sortContenders(children)[0];
    const isFirst = ahead !== undefined && term.path === `${DIRECTORY}/${ahead.name}`;
    player.demand(isFirst, () => `leads with ${term.path}, behind ${ahead?.name}`);
  }

  #checkLog(player: Player): void {
    const wrong = this.#log.look();
    player.demand(wrong === undefined, () => `two lead: ${wrong}`);
  }
}
