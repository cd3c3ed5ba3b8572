/**
 * Sets of znodes that are published one after the other, by whoever has the lock, and read by all. What must hold:
 * - A set that is shown is one that was published, whole, as it was when it became ready; and none before it is shown again.
 * - When nothing is wrong any more everybody can publish, and all come to the last set.
 */
import type { LockHold, ReadySet, WatchedReadySet } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { checkNothingUnderWay, impatienceOf, orGiveUp, TURN_MS_MAX, textOf, timeoutOf } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/sets/routing";
const LOCK = "/lock";
const NAMES = ["a", "b", "c", "d", "e", "f"];
/** Within it everybody has heard of a set once nothing is wrong: virtual milliseconds. */
const HEARD_MS_MAX = 3000;

/** See the head of this file. */
export const readySet: Scenario = {
  name: "ready-set",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Publishing(stage),
};

class Publishing implements Play {
  readonly #stage: Stage;
  readonly #kept = new Map<Player, WatchedReadySet>();
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    const reader = this.#readerOf(player);
    if (chance.is(0.05)) {
      reader.close();
      this.#kept.delete(player);
    }
    if (chance.is(0.4)) return await player.sleep(chance.wait(300));
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const hold = await orGiveUp(this.#stage, player, () => this.#take(player, wait));
    if (hold === null) return;
    try {
      await orGiveUp(this.#stage, player, () => this.#publish(player, hold, wait), ENDS);
    } finally {
      await hold.release();
    }
  }

  died(player: Player): void {
    this.#kept.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const reader = this.#readerOf(player);
    const wait = { timeoutMs: TURN_MS_MAX };
    const hold = await this.#take(player, wait);
    await this.#publish(player, hold, wait);
    await hold.release();
    await player.sleep(TURN_MS_MAX / 2);
    const { token } = await reader.get({ timeoutMs: HEARD_MS_MAX });
    const is = this.#stage.ledger.now(`${DIRECTORY}/ready`)?.czxid;
    player.demand(token === is, () => `shows the set of ${token}, and there is that of ${is}`);
    reader.close();
    checkNothingUnderWay(this.#stage, player);
  }

  #take(
    { client }: Player,
    wait: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<LockHold> {
    return new this.#stage.recipes.Lock(client, LOCK).acquire(wait);
  }

  /** All its parts say which set they are of. */
  async #publish(
    { client, chance }: Player,
    hold: LockHold,
    wait: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<true> {
    this.#count += 1;
    const text = `set ${this.#count}`;
    const parts = new Map(NAMES.filter(() => chance.is(0.6)).map((name) => [name, text]));
    await this.#stage.recipes.publishReadySet(client, DIRECTORY, parts, { ...wait, hold });
    return true;
  }

  #readerOf(player: Player): WatchedReadySet {
    const known = this.#kept.get(player);
    if (known !== undefined) return known;
    const reader = this.#stage.recipes.watchReadySet(player.client, DIRECTORY);
    let newest = -1n;
    reader.onSet((set) => {
      if (set === undefined) return;
      player.demand(set.token >= newest, () => `goes from the set of ${newest} to that of ${set.token}`);
      newest = set.token;
      this.#checkWhole(player, set);
    });
    this.#kept.set(player, reader);
    return reader;
  }

  /** As it was in the transaction that made it ready. */
  #checkWhole(player: Player, { parts, token }: ReadySet): void {
    const { ledger } = this.#stage;
    const names = (ledger.at(DIRECTORY, token)?.children ?? []).filter((name) => name !== "ready");
    const was = names.map((name) => `${name}: ${textOf(ledger.at(`${DIRECTORY}/${name}`, token)?.data)}`);
    const is = [...parts].map(([name, data]) => `${name}: ${textOf(data)}`);
    player.demand(
      was.toSorted().join() === is.toSorted().join(),
      () => `the set of ${token} is shown as ${is.join(", ")}, and was ${was.join(", ")}`,
    );
    const texts = new Set([...parts.values()].map((data) => textOf(data)));
    player.demand(texts.size <= 1, () => `parts of ${[...texts].join(" and ")} are one set`);
  }
}

const ENDS = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "HOLD_LOST", "RELEASED"] as const;
