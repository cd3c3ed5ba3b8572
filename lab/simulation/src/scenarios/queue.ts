/**
 * A queue that several clients put into and take from, in one of its layouts and orders. They work on items, acknowledge them with
 * a record in the same transaction, give them back, lose them, and die with them. What must hold:
 * - What the servers' history shows: see {@link QueueBooks}. Nothing is put twice, nothing recorded twice.
 * - What was told: a put that succeeded is there or was taken, a refused one never was; an acknowledgement that succeeded is in
 *   the records, a refused one is not and never will be.
 * - An item is not called `held` while the client says that it is not connected.
 * - When nothing is wrong any more nobody waits while there is an item to be had, everything that was put comes out, and no
 *   claim and nobody who waits is left.
 * - Who is alone gets the items in their order.
 */
import { isZkError } from "@zk/client";
import type {
  Codec,
  PutOptions,
  Queue,
  QueueDialect,
  QueueItem,
  QueueOrder,
  RecipeErrorCode,
} from "@zk/recipes";
import type { Player } from "../actors/player.js";
import {
  checkBelief,
  checkEmpty,
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  orGiveUp,
  TURN_MS_MAX,
  timeoutOf,
} from "./manners.js";
import { QueueBooks, type QueuePlaces } from "./queue-books.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const PATH = "/queue";
const RECORDS = "/records";
/** Within it somebody who waits has the item that may be had, once nothing is wrong: virtual milliseconds. */
const PICKED_UP_MS_MAX = 2000;
/** How long one waits for an item then, and keeps away from one that it has given back. */
const LOOK_MS = 5000;
/** Items that each gives back then: keeping away takes time. */
const GIVEN_BACK_MAX = 3;
/** Items that each puts for itself alone. */
const OWN_ITEMS = 4;

const LAYOUTS: readonly (readonly [QueueDialect, QueueOrder])[] = [
  ["curator", "fifo"],
  ["curator", "fifo"],
  ["curator", "priority"],
  ["curator", "due"],
  ["kazoo-locking", "priority"],
  ["simple", "fifo"],
];

/** See the head of this file. */
export const queue: Scenario = {
  name: "queue",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Queueing(stage),
};

class Queueing implements Play {
  readonly #stage: Stage;
  readonly #books: QueueBooks;
  readonly #dialect: QueueDialect;
  readonly #order: QueueOrder;
  readonly #limits: { readonly capacity?: number; readonly deliveriesMax?: number };
  readonly #places: QueuePlaces;
  /** Told to be put. */
  readonly #put = new Set<number>();
  /** How many items each has given back since nothing is wrong any more. */
  readonly #givenBack = new Map<Player, number>();
  #numbers = 0;
  #stillPutting = 0;

  constructor(stage: Stage) {
    const { chance, ledger } = stage;
    this.#stage = stage;
    [this.#dialect, this.#order] = chance.pick(LAYOUTS);
    this.#limits = {
      ...(chance.is(0.3) ? { capacity: 3 } : {}),
      ...(chance.is(0.3) ? { deliveriesMax: chance.pick([2, 100]) } : {}),
    };
    const isLocking = this.#dialect === "kazoo-locking";
    this.#places = {
      entries: isLocking ? `${PATH}/entries` : PATH,
      claims: isLocking ? `${PATH}/taken` : `${PATH}-state/claims`,
      dead: isLocking ? `${PATH}-dead/entries` : `${PATH}-dead`,
      records: RECORDS,
    };
    this.#books = new QueueBooks(ledger, this.#places);
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, RECORDS);
  }

  async perform(player: Player): Promise<void> {
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    const jobs = this.#queueOf(player, PATH);
    switch (player.chance.below(5)) {
      case 0:
      case 1:
        return this.#fill(player, jobs);
      case 2:
        return this.#consume(player, jobs);
      default:
        return this.#take(player, jobs);
    }
  }

  async inspect(player: Player): Promise<void> {
    await this.#workAlone(player);
    this.#stillPutting += 1;
    const jobs = this.#queueOf(player, PATH);
    const value = this.#next();
    const options = { ...this.#placement(player), timeoutMs: TURN_MS_MAX };
    // A full queue needs somebody who takes.
    while ((await jobs.tryPut(value, options)) === null) await this.#drain(player, jobs);
    this.#put.add(value);
    this.#stillPutting -= 1;
    while (this.#stillPutting > 0 || this.#remaining > 0) await this.#drain(player, jobs);
    // Markers and claims are removed behind the answers.
    await player.sleep(LOOK_MS);
    this.#look(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    const wrong = this.#books.look(this.#stage.nowMs);
    if (wrong !== undefined) this.#stage.report(wrong);
    for (const value of this.#put) {
      const where = this.#books.whereabouts(value);
      if (where === undefined) return this.#stage.report(`${value} was told to be put and never was there`);
      if (where?.startsWith(`${this.#places.entries}/`))
        return this.#stage.report(`${value} is left at ${where}`);
    }
    const waiting = this.#stage.ledger.below(`${PATH}-state/waiting`);
    checkEmpty(this.#stage, [this.#places.claims, ...waiting.filter((path) => /\/\d$/.test(path))]);
  }

  #queueOf({ client }: Player, path: string): Queue<number> {
    return new this.#stage.recipes.Queue(client, path, {
      codec: NUMBERS,
      dialect: this.#dialect,
      order: this.#order,
      ...this.#limits,
    });
  }

  #next(): number {
    this.#numbers += 1;
    return this.#numbers;
  }

  #placement({ chance }: Player): PutOptions {
    if (this.#order === "priority") return { priority: chance.below(3) };
    return this.#order === "due" ? { delayMs: chance.pick([0, 200]) } : {};
  }

  async #fill(player: Player, jobs: Queue<number>): Promise<void> {
    const values = Array.from({ length: 1 + player.chance.below(3) }, () => this.#next());
    using impatience = impatienceOf(player);
    const options = {
      ...this.#placement(player),
      signal: impatience.signal,
      timeoutMs: timeoutOf(player),
      once: player.chance.is(0.8),
    };
    try {
      await jobs.putAll(values, options);
      for (const value of values) this.#put.add(value);
    } catch (error) {
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
      player.note(`does not put ${values.join(", ")}: ${error.code}, applied: ${error.applied}`);
      if (error.applied === "no") for (const value of values) this.#books.refused.add(value);
    }
  }

  async #take(player: Player, jobs: Queue<number>): Promise<void> {
    using impatience = impatienceOf(player);
    const options = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const item = await orGiveUp(this.#stage, player, () =>
      player.chance.is(0.3) ? jobs.tryTake(options) : jobs.take(options),
    );
    if (item === null) return;
    try {
      await this.#work(player, item);
    } finally {
      await item.release();
      player.afterTurn = () => this.#look(player);
    }
  }

  /** Takes one after the other, some of them at the same time. */
  async #consume(player: Player, jobs: Queue<number>): Promise<void> {
    const { chance } = player;
    using impatience = impatienceOf(player);
    let left = 1 + chance.below(4);
    await orGiveUp(this.#stage, player, async () => {
      for await (const item of jobs.consume({ signal: impatience.signal, prefetch: 1 + chance.below(3) })) {
        await this.#work(player, item);
        await item.release();
        left -= 1;
        if (left === 0) break;
      }
    });
    player.afterTurn = () => this.#look(player);
  }

  async #work(player: Player, item: QueueItem<number>): Promise<void> {
    const { chance } = player;
    player.afterTurn = () => {
      this.#look(player);
      checkBelief(player, item.path, item, "wait");
    };
    await player.sleep(chance.wait(chance.pick([20, 300])));
    const end = chance.next();
    if (end < 0.65) return this.#ack(player, item);
    if (end < 0.85) await orGiveUp(this.#stage, player, () => this.#nack(player, item), ENDS);
  }

  async #nack({ chance }: Player, item: QueueItem<number>): Promise<null> {
    const to = chance.pick(["place", "end", "end", "dead"] as const);
    await item.nack({ to, timeoutMs: chance.pick([500, 5000]) });
    return null;
  }

  async #ack(player: Player, item: QueueItem<number>): Promise<void> {
    const { chance } = player;
    const ack = `${player.name}#${this.#next()}`;
    const options = { timeoutMs: chance.pick([100, 1000, 10_000]), certain: chance.is(0.3) };
    try {
      await item.ack((tx) => tx.create(`${RECORDS}/${item.key}`, `${item.value} ${ack}`), options);
      this.#look(player);
      player.demand(
        this.#books.recorded.get(item.value) === ack,
        () => `${item.value} was acknowledged, and is not recorded`,
      );
    } catch (error) {
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
      player.note(`${ack} of ${item.value} fails: ${error.code}, applied: ${error.applied}`);
      player.demand(
        isZkError(error) || ENDS.includes(error.code),
        () => `an acknowledgement ended with ${String(error)}`,
      );
      if (error.applied !== "no") return;
      this.#look(player);
      player.demand(
        this.#books.recorded.get(item.value) !== ack,
        () => `${item.value} is recorded by ${ack}, which was told that it is not`,
      );
      this.#books.refusedAcks.add(ack);
    }
  }

  /** Takes one item, now and then only to give it back; waits for one if there is none. */
  async #drain(player: Player, jobs: Queue<number>): Promise<void> {
    const item = await orGiveUp(this.#stage, player, () => jobs.take({ timeoutMs: LOOK_MS }));
    this.#look(player);
    if (item === null) {
      for (const [name, sinceMs] of this.#books.freeSince) {
        const forMs = this.#stage.nowMs - sinceMs;
        player.demand(forMs < PICKED_UP_MS_MAX, () => `waits although ${name} is free for ${forMs} ms`);
      }
      return;
    }
    await player.sleep(player.chance.wait(20));
    const given = this.#givenBack.get(player) ?? 0;
    if (given >= GIVEN_BACK_MAX || player.chance.is(0.7)) return this.#ack(player, item);
    this.#givenBack.set(player, given + 1);
    await item.release();
    await player.sleep(LOOK_MS);
  }

  /** A queue of its own: nobody else takes anything, so the order is strict. */
  async #workAlone(player: Player): Promise<void> {
    const own = this.#queueOf(player, `/own-${player.name}`);
    const isPlaced = this.#order === "priority";
    const put: { readonly value: number; readonly priority: number }[] = [];
    for (let index = 0; index < Math.min(OWN_ITEMS, this.#limits.capacity ?? OWN_ITEMS); index += 1) {
      const value = this.#next();
      const priority = isPlaced ? player.chance.below(3) : 0;
      await own.put(value, { ...(isPlaced ? { priority } : {}), timeoutMs: TURN_MS_MAX });
      put.push({ value, priority });
    }
    for (const { value } of put.toSorted((a, b) => a.priority - b.priority)) {
      const item = await own.take({ timeoutMs: TURN_MS_MAX });
      player.demand(item.value === value, () => `${item.value} came before ${value}`);
      await item.ack();
    }
  }

  /** Items that are still to be taken. */
  get #remaining(): number {
    return this.#stage.ledger.now(this.#places.entries)?.children.length ?? 0;
  }

  #look(player: Player): void {
    const wrong = this.#books.look(this.#stage.nowMs);
    player.demand(wrong === undefined, () => wrong as string);
  }
}

const ENDS: readonly RecipeErrorCode[] = [
  "HOLD_LOST",
  "RELEASED",
  "ABORTED",
  "WAIT_TIMEOUT",
  "AMBIGUOUS",
  "SESSION_EXPIRED",
];

const NUMBERS: Codec<number> = {
  encode: (value) => new TextEncoder().encode(`v${value};`),
  decode: (bytes) => Number(new TextDecoder().decode(bytes).slice(1, -1)),
};
