/**
 * Items that are dealt out among those who take part, who come, go and die. What must hold:
 * - Guarded writes for an item never go back to an older owner (see {@link GuardedLog}).
 * - An item is not called `held` while the client says that it is not connected, and not given back while it is used.
 * - When nothing is wrong any more each item is used by exactly one, all have their share; and when all have gone nothing is left.
 */
import { isZkError } from "@zk/client";
import type { PartitionHold, SetPartitioner } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { GuardedLog } from "./guarded-log.js";
import { checkBelief, checkEmpty, checkNothingUnderWay, makeNode, orGiveUp } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/shards";
const ITEMS = ["a", "b", "c", "d", "e"];
/** Within it everything is dealt out once nothing is wrong: virtual milliseconds. */
const DEALT_MS_MAX = 30_000;
const logOf = (item: string): string => `/log-${item}`;

/** See the head of this file. */
export const partition: Scenario = {
  name: "partition",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Sharding(stage),
};

class Sharding implements Play {
  readonly #stage: Stage;
  readonly #logs: readonly GuardedLog[];
  readonly #assignment: "balanced" | "kazoo";
  readonly #held = new Map<Player, Set<PartitionHold>>();
  #rounds = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#logs = ITEMS.map((item) => new GuardedLog(stage.ledger, logOf(item)));
    this.#assignment = stage.chance.pick(["balanced", "kazoo"]);
  }

  async prepare(player: Player): Promise<void> {
    for (const item of ITEMS) await makeNode(player, logOf(item));
  }

  async perform(player: Player): Promise<void> {
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    const abort = new AbortController();
    const rest = (): void => abort.abort(player.resting.reason);
    player.resting.addEventListener("abort", rest);
    if (player.resting.aborted) rest();
    const cancel = player.client.clock.setTimer(player.chance.wait(3000), () =>
      abort.abort(new Error("goes")),
    );
    player.afterTurn = () => this.#look(player);
    try {
      const taking = (): Promise<never> =>
        this.#partitioner(player).each((hold) => this.#use(player, hold), { signal: abort.signal });
      await orGiveUp(this.#stage, player, taking, ["ABORTED", "SESSION_EXPIRED"]);
      const left = this.#heldBy(player).size;
      player.demand(left === 0, () => `takes part no more, and uses ${left} items`);
    } finally {
      cancel();
      player.resting.removeEventListener("abort", rest);
    }
  }

  died(player: Player): void {
    this.#held.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const abort = new AbortController();
    player.afterTurn = () => this.#look(player);
    const ended = this.#partitioner(player)
      .each((hold) => this.#use(player, hold), { signal: abort.signal })
      .catch((error: unknown) => error);
    await player.sleep(DEALT_MS_MAX);
    this.#checkDealt(player);
    // Nobody goes before everybody has looked.
    await player.sleep(DEALT_MS_MAX);
    abort.abort(new Error("goes"));
    const error = await ended;
    player.demand(this.#stage.recipes.isRecipeError(error, "ABORTED"), () => `ended with ${String(error)}`);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    const locks = ITEMS.map((item) => `${DIRECTORY}/locks/${item}`);
    checkEmpty(this.#stage, [`${DIRECTORY}/party`, ...locks]);
    for (const log of this.#logs) {
      const wrong = log.look();
      if (wrong !== undefined) this.#stage.report(wrong);
    }
  }

  #partitioner({ client, name }: Player): SetPartitioner {
    // Another one each time: a server may still have the one of before.
    this.#rounds += 1;
    return new this.#stage.recipes.SetPartitioner(client, DIRECTORY, ITEMS, {
      identity: `${name}-${this.#rounds}`,
      assignment: this.#assignment,
      settleMs: 300,
    });
  }

  /** Writes as long as it is told that the item is its own. */
  async #use(player: Player, hold: PartitionHold): Promise<void> {
    const held = this.#heldBy(player);
    held.add(hold);
    try {
      while (!hold.signal.aborted) {
        await hold.guard((tx) => tx.setData(logOf(hold.item), `${hold.token} ${hold.path}`));
        await player.sleep(player.chance.wait(200), hold.signal).catch(() => {});
      }
    } catch (error) {
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
    } finally {
      held.delete(hold);
    }
  }

  #heldBy(player: Player): Set<PartitionHold> {
    let held = this.#held.get(player);
    if (held === undefined) {
      held = new Set();
      this.#held.set(player, held);
    }
    return held;
  }

  #checkDealt(player: Player): void {
    const used = [...this.#held.values()].flatMap((held) => [...held].map(({ item }) => item));
    player.demand(
      used.toSorted().join() === ITEMS.join(),
      () => `of ${ITEMS.join(", ")} there are used ${used.toSorted().join(", ")}`,
    );
    const shares = [...this.#held.values()].map(({ size }) => size);
    player.demand(
      Math.max(...shares) - Math.min(...shares) <= 1,
      () => `the shares are ${shares.join(", ")}`,
    );
  }

  #look(player: Player): void {
    for (const hold of this.#heldBy(player)) {
      checkBelief(player, hold.item, hold, "abort");
      player.demand(hold.state !== "released", () => `${hold.item} was given back while it is used`);
    }
    for (const log of this.#logs) {
      const wrong = log.look();
      player.demand(wrong === undefined, () => `two have an item: ${wrong}`);
    }
  }
}
