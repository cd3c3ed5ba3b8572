/**
 * A counter in a znode that several clients raise by one, each with the version that it read. It shows how a scenario is
 * made, and has promises of its own: no two are told the same number, none that was told is lost, and what nobody was told
 * is there only if somebody was told that it may be.
 */
import { isZkError } from "@zk/client";
import type { Player } from "../actors/player.js";
import { makeNode, textOf } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const PATH = "/counter";

/** See the head of this file. */
export const counter: Scenario = {
  name: "counter",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ operationTimeoutMs: chance.pick([2000, 10_000]), afterExpiry: "renew" }),
  play: (stage) => new Counting(stage),
};

class Counting implements Play {
  readonly #stage: Stage;
  readonly #told = new Set<number>();
  /** Steps that may have been taken without anybody knowing. */
  #doubtful = 0;
  /** Who is taking a step that was not answered yet. */
  readonly #underWay = new Set<Player>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, PATH);
  }

  async perform(player: Player): Promise<void> {
    const { client, chance } = player;
    const { data, stat } = await client.getData(PATH);
    await player.sleep(chance.wait(5));
    const next = Number(textOf(data)) + 1;
    this.#underWay.add(player);
    try {
      await client.setData(PATH, String(next), { version: stat.version });
      player.demand(!this.#told.has(next), () => `was told ${next}, as another was`);
      this.#told.add(next);
    } catch (error) {
      if (isZkError(error) && error.applied === "maybe") this.#doubtful += 1;
      throw error;
    } finally {
      this.#underWay.delete(player);
    }
  }

  died(player: Player): void {
    if (this.#underWay.delete(player)) this.#doubtful += 1;
  }

  /** When nothing is wrong a step succeeds, sooner or later: others take steps as well. */
  async inspect(player: Player): Promise<void> {
    for (;;) {
      try {
        return await this.perform(player);
      } catch (error) {
        if (!isZkError(error, "BAD_VERSION")) throw error;
      }
    }
  }

  finish(): void {
    const value = Number(textOf(this.#stage.ledger.now(PATH)?.data));
    const told = this.#told.size;
    if (value >= told && value <= told + this.#doubtful) return;
    this.#stage.report(`the counter is ${value}: ${told} steps were told, ${this.#doubtful} are in doubt`);
  }
}
