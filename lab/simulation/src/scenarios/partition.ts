/**
 * Items that are dealt out among those who take part, who come, go and die. What must hold:
 * - Guarded writes for an item never go back to an older owner (see {@link GuardedLog}).
 * - An item is not called `held` while the client says that it is not connected, and not given back while it is used.
 * - A slice has the items in their order, is told to be over as soon as one of them is, and those that stay are in the next one.
 * - When nothing is wrong any more each item is used by exactly one, all have their share; and when all have gone nothing is left.
 */
import { isZkError } from "@zk/client";
import type { PartitionHold, SetPartitioner, Slice } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { GuardedLog } from "./guarded-log.js";
import { checkBelief, checkEmpty, checkNothingUnderWay, makeNode, orGiveUp } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/shards";
const ITEMS = ["a", "b", "c", "d", "e"];
/** Within it everything is dealt out once nothing is wrong: virtual milliseconds. */
const DEALT_MS_MAX = 30_000;
/** Within it all have looked. */
const LOOKED_MS = 5000;
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
  /** Those who loop over slices, each with the one that it is at. */
  readonly #slices = new Map<Player, Slice>();
  #leaver: Player | undefined;
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
      const taking = (): Promise<void> => this.#takePart(player, abort.signal);
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
    this.#slices.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const abort = new AbortController();
    player.afterTurn = () => this.#look(player);
    const ended = this.#takePart(player, abort.signal).catch((error: unknown) => error);
    await player.sleep(DEALT_MS_MAX);
    this.#checkDealt(player);
    // Nobody goes before everybody has looked; then one does, and the others have what it had.
    await player.sleep(LOOKED_MS);
    this.#leaver ??= player;
    if (this.#leaver !== player) {
      await player.sleep(DEALT_MS_MAX);
      this.#checkDealt(player);
      await player.sleep(LOOKED_MS);
    }
    abort.abort(new Error("goes"));
    const error = await ended;
    player.demand(this.#stage.recipes.isRecipeError(error, "ABORTED"), () => `ended with ${String(error)}`);
    this.#held.delete(player);
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

  async #takePart(player: Player, signal: AbortSignal): Promise<void> {
    const partitioner = this.#partitioner(player);
    if (player.chance.is(0.5)) return await partitioner.each((hold) => this.#use(player, hold), { signal });
    let before: Slice | undefined;
    for await (const slice of partitioner.slices({ signal })) {
      this.#checkSlice(player, slice, before);
      await this.#useSlice(player, slice);
      before = slice;
      // Whoever leaves the loop gives everything up.
      if (!player.resting.aborted && player.chance.is(0.1)) return;
    }
  }

  #checkSlice(player: Player, { items, holds }: Slice, before: Slice | undefined): void {
    const inOrder = ITEMS.filter((item) => items.includes(item));
    player.demand(
      items.length > 0 &&
        items.join() === inOrder.join() &&
        items.join() === holds.map(({ item }) => item).join(),
      () => `a slice has ${items.join(", ")}, and holds ${holds.map(({ item }) => item).join(", ")}`,
    );
    const stayed = before?.holds.find((hold) => !hold.signal.aborted && !holds.includes(hold));
    player.demand(stayed === undefined, () => `${stayed?.item} has not gone, and is not in the next slice`);
  }

  /** Writes for all items until the slice is over. */
  async #useSlice(player: Player, slice: Slice): Promise<void> {
    const held = this.#heldBy(player);
    this.#slices.set(player, slice);
    for (const hold of slice.holds) held.add(hold);
    try {
      while (!slice.signal.aborted) {
        for (const hold of slice.holds) if (!slice.signal.aborted) await this.#write(hold).catch(() => {});
        await player.sleep(pauseOf(player), slice.signal).catch(() => {});
      }
    } finally {
      for (const hold of slice.holds) held.delete(hold);
      this.#slices.delete(player);
    }
  }

  /** Writes as long as it is told that the item is its own. */
  async #use(player: Player, hold: PartitionHold): Promise<void> {
    const held = this.#heldBy(player);
    held.add(hold);
    try {
      while (!hold.signal.aborted) {
        await this.#write(hold);
        await player.sleep(pauseOf(player), hold.signal).catch(() => {});
      }
    } catch (error) {
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
    } finally {
      held.delete(hold);
    }
  }

  async #write(hold: PartitionHold): Promise<void> {
    await hold.guard((tx) => tx.setData(logOf(hold.item), `${hold.token} ${hold.path}`));
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
    // First of all: to ask for a state may be what makes a hold notice that it is lost.
    const slice = this.#slices.get(player);
    const gone = slice?.holds.find((hold) => hold.signal.aborted);
    player.demand(
      gone === undefined || slice?.signal.aborted === true,
      () => `${gone?.item} is to be given up, and the slice goes on`,
    );
    for (const hold of this.#held.get(player) ?? []) {
      checkBelief(player, hold.item, hold, "abort");
      player.demand(hold.state !== "released", () => `${hold.item} was given back while it is used`);
    }
    for (const log of this.#logs) {
      const wrong = log.look();
      player.demand(wrong === undefined, () => `two have an item: ${wrong}`);
    }
  }
}

/** Between two writes. When nothing is wrong any more, what is looked at is who has what. */
function pauseOf({ chance, resting }: Player): number {
  return chance.wait(resting.aborted ? 2000 : 200);
}
