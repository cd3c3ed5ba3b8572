/**
 * Candidates that stand for election, lead, resign, lose their terms, die, and stand again. What must hold:
 * - Whoever is given a term had nobody ahead of it in line, and leads once at a time.
 * - Writes of leaders never go back to an older term (see {@link GuardedLog}).
 * - A term is not called `held` while the client says that it is not connected.
 * - When nothing is wrong any more every candidate gets a term, and nobody is left in line behind the last.
 */
import { isZkError } from "@zk/client";
import type { Election, Hold } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { GuardedLog } from "./guarded-log.js";
import { checkEmpty, checkNothingUnderWay, makeNode, TURN_MS_MAX } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/election";
const LOG = "/terms";

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

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#log = new GuardedLog(stage.ledger, LOG);
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, LOG);
  }

  async perform(player: Player): Promise<void> {
    const { chance, resting } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    const candidacy = this.#electionOf(player);
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

  /** Everybody gets a term, again and again, and leaves nothing. */
  async inspect(player: Player): Promise<void> {
    const candidacy = this.#electionOf(player);
    for (let turn = 0; turn < 3; turn += 1) {
      await candidacy.lead(
        async (term) => {
          this.#checkAhead(player, term);
          await this.#log.write(term);
        },
        { timeoutMs: TURN_MS_MAX },
      );
    }
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DIRECTORY]);
    const wrong = this.#log.look();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  #electionOf(player: Player): Election {
    return new this.#stage.recipes.Election(player.client, DIRECTORY, { identity: player.name });
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
