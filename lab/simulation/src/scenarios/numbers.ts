/**
 * Numbers that several clients change at the same time: atomic numbers of both sizes, ids in three ways, and amounts that are moved
 * from one account to another by {@link atomically}. What must hold:
 * - A change that was told was made, once, from the number before to the number after; one that was refused never was.
 * - The same of numbers that are written, whatever is there or only over a certain one: see {@link WrittenNumbers}.
 * - No two are ever told the same id.
 * - What the accounts hold together is the same after every transaction, and for everybody who reads them together; a transfer that
 *   was told was made, one that was refused never was.
 */
import { isZkError } from "@zk/client";
import type { AtomicTransaction } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import {
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  orGiveUp,
  TURN_MS_MAX,
  textOf,
  timeoutOf,
} from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";
import { numberOf, WrittenNumbers } from "./written-numbers.js";

/** Each is raised by one. */
const COUNTS = ["/long", "/integer"] as const;
const ACCOUNTS = ["/accounts/a", "/accounts/b", "/accounts/c"];
const TRANSFERS = "/transfers";
const EACH = 100;
/** Ids that are reserved at a time: few, so that reserving is what is looked at. */
const RANGE = 3;

type CountPath = (typeof COUNTS)[number];

/** What is known of a number that is raised. */
interface Count {
  /** Steps that were told, by the number after. */
  readonly told: Set<bigint>;
  /** Steps that may have been taken without anybody knowing. */
  doubtful: number;
}

type Wait = { readonly signal?: AbortSignal; readonly timeoutMs: number };

/** See the head of this file. */
export const numbers: Scenario = {
  name: "numbers",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Counting(stage),
};

class Counting implements Play {
  readonly #stage: Stage;
  readonly #ids = new Set<string>();
  readonly #counts: Readonly<Record<CountPath, Count>> = {
    "/long": { told: new Set(), doubtful: 0 },
    "/integer": { told: new Set(), doubtful: 0 },
  };
  readonly #written: WrittenNumbers;
  /** Transfers that were told to be made, and not to be. */
  readonly #made = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #underWay = new Map<Player, Count>();
  readonly #sequences = new Map<Player, { next(wait: Wait): Promise<bigint> }>();
  #seen = 0n;
  #transfers = 0;
  readonly #hasMarkers: boolean;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#written = new WrittenNumbers(stage);
    this.#hasMarkers = stage.chance.is(0.5);
  }

  async prepare(player: Player): Promise<void> {
    await makeNode(player, "/accounts");
    await makeNode(player, TRANSFERS);
    for (const path of ACCOUNTS) await makeNode(player, path, String(EACH));
  }

  async perform(player: Player): Promise<void> {
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    using impatience = impatienceOf(player);
    await this.#round(player, { signal: impatience.signal, timeoutMs: timeoutOf(player) });
  }

  died(player: Player): void {
    const count = this.#underWay.get(player);
    if (count !== undefined) count.doubtful += 1;
    this.#underWay.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const wait = { timeoutMs: TURN_MS_MAX };
    for (const path of COUNTS) await this.#step(player, path, wait);
    await this.#written.workAlone(player, wait);
    await this.#transfer(player, wait);
    await this.#takeId(player, wait);
    // Markers are removed behind the answers.
    await player.sleep(1000);
    this.#look(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    const { ledger, report } = this.#stage;
    for (const path of COUNTS) {
      const { told, doubtful } = this.#counts[path];
      const value = Number(numberOf(ledger.now(path)?.data));
      if (value < told.size || value > told.size + doubtful)
        report(`${path} is ${value}: ${told.size} steps were told, ${doubtful} are in doubt`);
    }
    this.#written.finish();
    for (const name of ledger.now(TRANSFERS)?.children ?? [])
      if ((ledger.now(`${TRANSFERS}/${name}`)?.version ?? 0) > 0) report(`${name} was made twice`);
    for (const name of this.#made)
      if (ledger.now(`${TRANSFERS}/${name}`) === null)
        report(`${name} was told to be made, and is not there`);
    for (const name of this.#refused)
      if (ledger.now(`${TRANSFERS}/${name}`) !== null)
        report(`${name} was told not to be made, and is there`);
  }

  async #round(player: Player, wait: Wait): Promise<void> {
    const work = player.chance.pick([
      "step",
      "step",
      "write",
      "write",
      "id",
      "transfer",
      "transfer",
      "audit",
    ] as const);
    switch (work) {
      case "step":
        return this.#step(player, player.chance.pick(COUNTS), wait);
      case "write":
        return this.#written.write(player, wait);
      case "id":
        return this.#takeId(player, wait);
      case "transfer":
        return this.#transfer(player, wait);
      case "audit":
        return void (await orGiveUp(this.#stage, player, () => this.#audit(player, wait), ENDS));
      default:
        return work satisfies never;
    }
  }

  async #step(player: Player, path: CountPath, wait: Wait): Promise<void> {
    const { recipes, ledger } = this.#stage;
    const { client } = player;
    const count = this.#counts[path];
    const { told } = count;
    this.#underWay.set(player, count);
    try {
      const number = new recipes[path === "/long" ? "AtomicLong" : "AtomicInteger"](client, path);
      const result = await number.increment(wait);
      const { mzxid } = result;
      const [pre, post] = [BigInt(result.pre), BigInt(result.post)];
      player.demand(post === pre + 1n && !told.has(post), () => `was told ${pre} and ${post}`);
      told.add(post);
      const is = numberOf(ledger.at(path, mzxid)?.data);
      const was = numberOf(ledger.at(path, mzxid - 1n)?.data);
      player.demand(
        is === post && was === pre,
        () => `was told ${pre} and ${post}, and it went from ${was} to ${is}`,
      );
    } catch (error) {
      if (!isZkError(error) && !recipes.isRecipeError(error)) throw error;
      player.note(`does not count: ${error.code}, applied: ${error.applied}`);
      if (error.applied === "maybe") count.doubtful += 1;
    } finally {
      this.#underWay.delete(player);
    }
  }

  async #takeId(player: Player, wait: Wait): Promise<void> {
    const { recipes } = this.#stage;
    const { client, chance } = player;
    let sequence = this.#sequences.get(player);
    if (sequence === undefined) {
      sequence = new recipes.SequenceIds(client, "/ids/sequence", { range: RANGE });
      this.#sequences.set(player, sequence);
    }
    const kind = chance.pick(["sequence", "zxid", "version"] as const);
    const next = {
      sequence: () => sequence.next(wait),
      zxid: () => new recipes.ZxidIds(client, "/ids/zxid").next(wait),
      version: () => new recipes.VersionIds(client, "/ids/version").next(wait),
    }[kind];
    const id = await orGiveUp<bigint | number>(this.#stage, player, next, ENDS);
    if (id === null) return;
    player.demand(!this.#ids.has(`${kind} ${id}`), () => `${kind} gave ${id} a second time`);
    this.#ids.add(`${kind} ${id}`);
  }

  async #transfer(player: Player, wait: Wait): Promise<void> {
    const { recipes } = this.#stage;
    const { chance, client } = player;
    this.#transfers += 1;
    const name = `t${this.#transfers}`;
    const [from, to] = [chance.pick(ACCOUNTS), chance.pick(ACCOUNTS)];
    const amount = 1 + chance.below(5);
    const options = this.#hasMarkers ? { ...wait, markers: "/markers" } : wait;
    try {
      await recipes.atomically(
        client,
        async (tx) => {
          tx.write(from, String((await amountAt(tx, from)) - amount));
          tx.write(to, String((await amountAt(tx, to)) + amount));
          tx.write(`${TRANSFERS}/${name}`, player.name);
        },
        options,
      );
      player.demand(this.#isMade(name), () => `${name} was told to be made, and is not there`);
      this.#made.add(name);
    } catch (error) {
      if (!isZkError(error) && !recipes.isRecipeError(error)) throw error;
      player.note(`does not transfer ${name}: ${error.code}, applied: ${error.applied}`);
      if (error.applied !== "no") return;
      player.demand(!this.#isMade(name), () => `${name} was told not to be made, and is there`);
      this.#refused.add(name);
    }
  }

  /** What is read together was so at one moment. */
  async #audit(player: Player, wait: Wait): Promise<number> {
    const { value: sum } = await this.#stage.recipes.atomically(
      player.client,
      async (tx) => {
        let total = 0;
        for (const path of ACCOUNTS) {
          total += await amountAt(tx, path);
          await player.sleep(player.chance.wait(20));
        }
        return total;
      },
      wait,
    );
    player.demand(sum === EACH * ACCOUNTS.length, () => `the accounts were read to hold ${sum}`);
    return sum;
  }

  #isMade(name: string): boolean {
    return this.#stage.ledger.now(`${TRANSFERS}/${name}`) !== null;
  }

  #look(player: Player): void {
    const { ledger } = this.#stage;
    const changes = ACCOUNTS.flatMap((path) => ledger.changesAfter(path, this.#seen));
    for (const { zxid, kind } of changes) {
      if (zxid > this.#seen) this.#seen = zxid;
      const amounts = ACCOUNTS.map((path) => ledger.at(path, zxid)).filter((node) => node !== null);
      // They are made one after the other.
      if (kind === "created" || amounts.length < ACCOUNTS.length) continue;
      const sum = amounts.reduce((total, { data }) => total + Number(textOf(data)), 0);
      player.demand(sum === EACH * ACCOUNTS.length, () => `the accounts hold ${sum} after ${zxid}`);
    }
  }
}

const ENDS = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "AMBIGUOUS"] as const;

async function amountAt(tx: AtomicTransaction, path: string): Promise<number> {
  return Number(textOf(await tx.read(path)));
}
