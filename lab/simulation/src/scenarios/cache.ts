/**
 * A small tree that several clients write to and keep in caches: a znode, the children of one, or all of it. What must hold:
 * - What a cache shows was there: a znode with that data, of that transaction.
 * - It never goes back: the next word on a znode is of a later transaction than the one before.
 * - When nothing is wrong any more every cache comes to what the servers have, by itself, and goes on to hear of what changes.
 */
import { CreateMode, isZkError } from "@zk/client";
import type { CacheChange, CachedNode, ZnodeCache } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { textOf } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const ROOT = "/tree";
const NAMES = ["a", "b", "c"];
/** Within it a cache has heard of a change once nothing is wrong: virtual milliseconds. A pause after a lost connection is part of it. */
const HEARD_MS_MAX = 3000;

type Kind = "node" | "children" | "tree";

/** A cache, and what it has told so far. */
interface Kept {
  readonly kind: Kind;
  readonly cache: ZnodeCache;
  /** The newest transaction of each znode that was told. */
  readonly told: Map<string, bigint>;
}

/** See the head of this file. */
export const cache: Scenario = {
  name: "cache",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Caching(stage),
};

class Caching implements Play {
  readonly #stage: Stage;
  readonly #kept = new Map<Player, Kept>();
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    if (chance.is(0.05)) {
      this.#kept.get(player)?.cache.close();
      this.#kept.delete(player);
    }
    if (!this.#kept.has(player)) this.#watch(player, chance.pick(["node", "children", "tree", "tree"]));
    const writes = 1 + chance.below(5);
    for (let write = 0; write < writes && !player.resting.aborted; write += 1) {
      await this.#write(player);
      await player.sleep(chance.wait(chance.pick([2, 100])));
    }
  }

  async inspect(player: Player): Promise<void> {
    const kept = this.#kept.get(player);
    for (let round = 0; round < 3; round += 1) {
      await player.sleep(2 * HEARD_MS_MAX);
      if (kept !== undefined) this.#checkTruth(player, kept);
      // Everybody looks before anybody writes, and writes before anybody looks.
      await player.sleep(HEARD_MS_MAX);
      for (let write = 0; write < 4; write += 1) await this.#write(player);
    }
    kept?.cache.close();
  }

  #watch(player: Player, kind: Kind): void {
    const { recipes } = this.#stage;
    const { client } = player;
    const path = kind === "tree" ? ROOT : `${ROOT}/${player.chance.pick(NAMES)}`;
    const made = {
      node: () => recipes.watchNode(client, path),
      children: () => recipes.watchChildren(client, path),
      tree: () => recipes.watchTree(client, path),
    }[kind]();
    const kept: Kept = { kind, cache: made, told: new Map() };
    made.onChange((change) => this.#heard(player, kept, change));
    made.signal.addEventListener("abort", () => {
      if (made.state === "failed") player.report(`a cache has failed: ${String(made.failure)}`);
    });
    this.#kept.set(player, kept);
  }

  #heard(player: Player, { told }: Kept, change: CacheChange): void {
    if (!("path" in change)) return;
    const { path } = change;
    if (change.type === "deleted") {
      // What comes next is of a later transaction than what was there.
      told.set(path, change.previous.stat.mzxid);
      return;
    }
    const { stat } = change.node;
    const before = told.get(path) ?? -1n;
    player.demand(stat.mzxid > before, () => `${path} goes from ${before} to ${stat.mzxid} (${change.type})`);
    player.demand(
      change.type !== "recreated" || stat.czxid > before,
      () => `${path} is called recreated, and is of ${stat.czxid}`,
    );
    told.set(path, stat.mzxid);
    this.#checkReal(player, change.node);
  }

  /** It was there: with this data, after that transaction. */
  #checkReal(player: Player, { path, data, stat }: CachedNode): void {
    const was = this.#stage.ledger.at(path, stat.mzxid);
    player.demand(
      was !== null &&
        was.mzxid === stat.mzxid &&
        was.czxid === stat.czxid &&
        textOf(was.data) === textOf(data),
      () => `${path} is shown as of ${stat.mzxid} with ${textOf(data)}, which it never was`,
    );
  }

  #checkTruth(player: Player, { kind, cache: kept }: Kept): void {
    const { ledger } = this.#stage;
    const depth = { node: 0, children: 1, tree: 9 }[kind];
    const from = kept.path.split("/").length;
    const paths = ledger.below(kept.path).filter((path) => {
      const level = path.split("/").length - from;
      return level <= depth && (kind !== "children" || level === 1);
    });
    const { nodes } = kept.snapshot();
    const is = paths.map((path) => `${path} of ${ledger.now(path)?.mzxid}`).toSorted();
    const shown = [...nodes.values()].map(({ path, stat }) => `${path} of ${stat.mzxid}`).toSorted();
    player.demand(
      is.join() === shown.join(),
      () => `the cache of the ${kind} ${kept.path} shows ${shown.join(", ")}, and there are ${is.join(", ")}`,
    );
    player.demand(kept.state === "live", () => `nothing is wrong, and a cache is ${kept.state}`);
    for (const node of nodes.values()) this.#checkReal(player, node);
  }

  async #write({ client, chance }: Player): Promise<void> {
    this.#count += 1;
    const data = `v${this.#count}`;
    const parent = chance.is(0.1) ? ROOT : `${ROOT}/${chance.pick(NAMES)}`;
    const path = parent === ROOT || chance.is(0.3) ? parent : `${parent}/${chance.pick(NAMES)}`;
    try {
      switch (chance.below(6)) {
        case 0:
        case 1:
          return void (await client.create(path, data, { createParents: true }));
        case 2:
          return void (await client.create(path, data, { mode: CreateMode.EPHEMERAL }));
        case 3:
          return await client.remove(path);
        case 4:
          // Gone and there again at once.
          return void (await client.transaction().remove(path).create(path, data).commit());
        default:
          return void (await client.setData(path, data));
      }
    } catch (error) {
      if (!isZkError(error)) throw error;
    }
  }
}
