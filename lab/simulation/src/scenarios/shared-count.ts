/**
 * A shared count that several clients add to, in the form of either library, with an end to its range that is now and then near, and
 * with others who remove it or leave it empty. What must hold:
 * - Every step from one number to the next is one addition that somebody asked for, no addition is made twice, one that was told was
 *   made by the transaction that was told, one that was refused never was.
 * - Where there is no number, or an empty one, the seed is what is added to.
 * - A sum that has no such form is refused, and nothing is written.
 * - What is shown was there, and never goes back; when nothing is wrong any more everybody comes to the number that the servers have.
 */
import { isZkError } from "@zk/client";
import type { SharedCount, VersionedValue } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { checkNothingUnderWay, impatienceOf, TURN_MS_MAX, textOf, timeoutOf } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const PATH = "/counts/visits";
const INT_MAX = 2 ** 31 - 1;
/** Within it everybody has heard of a change once nothing is wrong: virtual milliseconds. A pause after a lost connection is part of it. */
const HEARD_MS_MAX = 3000;

type Wait = { readonly signal?: AbortSignal; readonly timeoutMs: number };

/** See the head of this file. */
export const sharedCount: Scenario = {
  name: "shared-count",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Counting(stage),
};

class Counting implements Play {
  readonly #stage: Stage;
  readonly #dialect: "curator" | "kazoo";
  readonly #seed: number;
  readonly #kept = new Map<Player, SharedCount>();
  /** What is known of each addition, by how much it adds: no two add the same. */
  readonly #additions = new Map<number, "maybe" | "no" | bigint>();
  /** The transaction that made each. */
  readonly #made = new Map<number, bigint>();
  #seen = 0n;
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#dialect = stage.chance.pick(["curator", "kazoo"]);
    this.#seed = stage.chance.pick([0, 7, this.#dialect === "curator" ? INT_MAX - 300 : 2 ** 53 - 300]);
  }

  async perform(player: Player): Promise<void> {
    const { chance, client } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    const count = this.#keptOf(player);
    if (chance.is(0.05)) {
      count.close();
      this.#kept.delete(player);
      return;
    }
    if (chance.is(0.05)) return await client.remove(PATH);
    // As kazoo makes it.
    if (chance.is(0.05)) return void (await client.setData(PATH, ""));
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    if (chance.is(0.15)) await this.#get(player, count, wait);
    else await this.#add(player, count, wait);
  }

  died(player: Player): void {
    this.#kept.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const count = this.#keptOf(player);
    player.afterTurn = () => this.#look(player);
    await count.ready;
    await this.#add(player, count, { timeoutMs: TURN_MS_MAX });
    await player.sleep(3 * HEARD_MS_MAX);
    const is = this.#stage.ledger.now(PATH);
    player.demand(
      is?.mzxid === count.current?.mzxid && this.#numberOf(is?.data) === count.current?.value,
      () => `the count is of ${is?.mzxid}, and ${count.current?.value} of ${count.current?.mzxid} is shown`,
    );
    await player.sleep(HEARD_MS_MAX);
    count.close();
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    this.#take((message) => this.#stage.report(message));
    for (const [delta, fate] of this.#additions) {
      if (typeof fate === "bigint" && this.#made.get(delta) !== fate)
        this.#stage.report(`${delta} was told to be added by ${fate}, and was by ${this.#made.get(delta)}`);
    }
  }

  #keptOf(player: Player): SharedCount {
    const known = this.#kept.get(player);
    if (known !== undefined) return known;
    const options = { dialect: this.#dialect, seed: this.#seed };
    const count = new this.#stage.recipes.SharedCount(player.client, PATH, options);
    let newest = -1n;
    count.onChange((now) => {
      if (now === undefined) return;
      player.demand(now.mzxid > newest, () => `the count goes from ${newest} to ${now.mzxid}`);
      newest = now.mzxid;
      this.#checkReal(player, now);
    });
    this.#kept.set(player, count);
    return count;
  }

  async #get(player: Player, count: SharedCount, wait: Wait): Promise<void> {
    const { ledger, recipes } = this.#stage;
    const before = ledger.now(PATH)?.mzxid ?? 0n;
    try {
      const now = await count.get(wait);
      if (now === undefined) return;
      this.#checkReal(player, now);
      player.demand(now.mzxid >= before, () => `is told of ${now.mzxid}, when there was ${before} already`);
    } catch (error) {
      if (!isZkError(error) && !recipes.isRecipeError(error)) throw error;
    }
  }

  async #add(player: Player, count: SharedCount, wait: Wait): Promise<void> {
    const { ledger, recipes } = this.#stage;
    this.#count += 1;
    // In the form of kazoo there are fractions too; far out they would be rounded.
    const isFraction = this.#dialect === "kazoo" && this.#seed < 100 && player.chance.is(0.3);
    const delta = (this.#count + (isFraction ? 0.5 : 0)) * (player.chance.is(0.3) ? -1 : 1);
    this.#additions.set(delta, "maybe");
    try {
      const now = await count.add(delta, wait);
      this.#additions.set(delta, now.mzxid);
      this.#checkReal(player, now);
      const was = ledger.at(PATH, now.mzxid - 1n);
      const before = was === null ? this.#seed : this.#numberOf(was.data);
      player.demand(
        now.value === before + delta,
        () => `added ${delta} to ${before}, and was told ${now.value}`,
      );
    } catch (error) {
      if (!isZkError(error) && !recipes.isRecipeError(error)) throw error;
      player.note(`does not add ${delta}: ${error.code}, applied: ${error.applied}`);
      if (error.applied === "no" || error.code === "INVALID_ARGUMENT") this.#additions.set(delta, "no");
      player.demand(
        error.code !== "INVALID_ARGUMENT" || (delta > 0 && this.#seed > 100),
        () => `${delta} was refused although the sum has its form: ${error.message}`,
      );
    }
  }

  /** It was there: written by that transaction. */
  #checkReal(player: Player, { value, mzxid }: VersionedValue<number>): void {
    const was = this.#stage.ledger.at(PATH, mzxid);
    player.demand(
      was?.mzxid === mzxid && this.#numberOf(was.data) === value,
      () => `${value} is shown as of ${mzxid}, when there was ${this.#numberOf(was?.data)} of ${was?.mzxid}`,
    );
  }

  #look(player: Player): void {
    this.#take((message) => player.report(message));
  }

  /** Takes in what the servers have made of it since. */
  #take(report: (message: string) => void): void {
    const { ledger } = this.#stage;
    for (const { zxid, kind } of ledger.changesAfter(PATH, this.#seen)) {
      this.#seen = zxid;
      if (kind === "deleted" || kind === "children") continue;
      const [was, is] = [ledger.at(PATH, zxid - 1n), ledger.at(PATH, zxid)];
      // Somebody has left it empty.
      if (is === null || isEmpty(is.data)) continue;
      const before = was === null ? this.#seed : this.#numberOf(was.data);
      const delta = this.#numberOf(is.data) - before;
      if (delta === 0 && (was === null || isEmpty(was.data))) continue;
      const fate = this.#additions.get(delta);
      if (fate === undefined)
        report(`the count went from ${before} to ${before + delta}, which nobody asked for`);
      if (fate === "no") report(`${delta} was added, and told that it was not`);
      if (this.#made.has(delta)) report(`${delta} was added twice`);
      this.#made.set(delta, zxid);
    }
  }

  /** An empty one is the seed. */
  #numberOf(data: Uint8Array | null | undefined): number {
    if (data === null || data === undefined || data.length === 0) return this.#seed;
    if (this.#dialect === "kazoo") return Number(textOf(data));
    return new DataView(data.buffer, data.byteOffset, data.byteLength).getInt32(0);
  }
}

function isEmpty(data: Uint8Array | null): boolean {
  return data === null || data.length === 0;
}
