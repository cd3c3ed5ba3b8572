/**
 * Candidates in the background: latches that are kept, lead for a while, are closed, and lose their terms. What must hold:
 * - Nobody is called leader while the client says that it is not connected, and whoever is had nobody ahead of it in line.
 * - Guarded writes of leaders never go back to an older term (see {@link GuardedLog}).
 * - When nothing is wrong any more one leads, everybody gets its turn when those before it have closed, and nothing is left.
 */
import { isZkError } from "@zk/client";
import type { LeaderLatch } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { GuardedLog } from "./guarded-log.js";
import {
  checkEmpty,
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  orGiveUp,
  TURN_MS_MAX,
  timeoutOf,
} from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/latch";
const LOG = "/terms";

/** See the head of this file. */
export const latch: Scenario = {
  name: "latch",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Latching(stage),
};

class Latching implements Play {
  readonly #stage: Stage;
  readonly #log: GuardedLog;
  readonly #kept = new Map<Player, LeaderLatch>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#log = new GuardedLog(stage.ledger, LOG);
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, LOG);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    const mine = this.#latchOf(player);
    if (chance.is(0.15)) {
      this.#kept.delete(player);
      const path = mine.leadership?.path;
      await mine.close();
      this.#checkGone(player, path);
      return;
    }
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const leadership = await orGiveUp(this.#stage, player, () => mine.leading(wait));
    if (leadership === null) return;
    const writes = chance.below(4);
    for (let write = 0; write < writes && !leadership.signal.aborted; write += 1) {
      try {
        await leadership.guard((tx) => tx.setData(LOG, `${leadership.token} ${leadership.path}`));
      } catch (error) {
        if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
      }
      await player.sleep(chance.wait(200));
    }
  }

  died(player: Player): void {
    this.#kept.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const mine = this.#latchOf(player);
    // Whoever leads leads on, until it closes.
    const leadership = await mine.leading({ timeoutMs: TURN_MS_MAX });
    await leadership.guard((tx) => tx.setData(LOG, `${leadership.token} ${leadership.path}`));
    const [first] = await mine.candidates({ timeoutMs: TURN_MS_MAX });
    player.demand(
      first?.path === leadership.path,
      () => `leads with ${leadership.path}, behind ${first?.path}`,
    );
    await player.sleep(player.chance.wait(100));
    player.demand(mine.isLeader, () => "nothing is wrong, and yet it does not lead any more");
    await mine.close();
    this.#kept.delete(player);
    this.#checkGone(player, leadership.path);
    player.afterTurn = () => this.#checkLog(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DIRECTORY]);
    const wrong = this.#log.look();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  #latchOf(player: Player): LeaderLatch {
    let mine = this.#kept.get(player);
    if (mine === undefined || mine.state === "failed") {
      const { client, name } = player;
      mine = new this.#stage.recipes.LeaderLatch(client, DIRECTORY, { identity: name }).start();
      this.#kept.set(player, mine);
      player.afterTurn = () => this.#checkBelief(player);
    }
    return mine;
  }

  #checkBelief(player: Player): void {
    this.#checkLog(player);
    const leadership = this.#kept.get(player)?.leadership;
    if (leadership === undefined) return;
    const { client } = player;
    player.demand(client.state === "connected", () => `leads while the client is ${client.state}`);
    const { ledger, recipes } = this.#stage;
    if (ledger.now(leadership.path) === null) return;
    const ahead = recipes.sortContenders(ledger.now(DIRECTORY)?.children ?? [])[0];
    player.demand(
      leadership.path === `${DIRECTORY}/${ahead?.name}`,
      () => `leads with ${leadership.path}, behind ${ahead?.name}`,
    );
  }

  /** Of an earlier session nothing is ours any more. */
  #checkGone(player: Player, path: string | undefined): void {
    const { client } = player;
    if (path === undefined || client.state !== "connected") return;
    if (this.#stage.recipes.recipeMetrics(client).janitorPending > 0) return;
    const owner = this.#stage.ledger.now(path)?.owner;
    player.demand(owner !== client.sessionId, () => `is closed, and ${path} is there`);
  }

  #checkLog(player: Player): void {
    const wrong = this.#log.look();
    player.demand(wrong === undefined, () => `two lead: ${wrong}`);
  }
}
