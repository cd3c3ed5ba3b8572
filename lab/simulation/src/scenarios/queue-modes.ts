/**
 * What else a queue can do: items with an id, removed by it; several values as one item; due times; streams that acknowledge before
 * an item is handed out, or after its work; items that go to the end, and what a queue tells of itself. What must hold:
 * - What the servers' history shows: see {@link QueueBooks}. Only free items are removed, and as many as are told.
 * - What is acknowledged before goes to one consumer, once, and is out by then. What is acknowledged after is out when the next is asked for.
 * - No item is handed out before it is due by the servers' clock; it has the time that its producer asked for.
 * - A stream claims no more than it may hold.
 * - Of what was told to be put nothing is lost but what a consumer that acknowledges before had when it died.
 * - An item that goes to the end comes again, due when it was said; when it cannot, that is said in the recipe's own terms.
 * - What is told of the queue was so: see {@link checkViews}.
 * - Who is alone gets the items in their order, whatever decides on it.
 */
import { isZkError } from "@zk/client";
import type { AckMode, PutOptions, Queue, QueueDialect, QueueItem, QueueOrder } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import {
  checkEmpty,
  checkNothingUnderWay,
  impatienceOf,
  orGiveUp,
  TURN_MS_MAX,
  timeoutOf,
} from "./manners.js";
import { QueueBooks } from "./queue-books.js";
import { checkClaimed, checkViews } from "./queue-views.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const PATH = "/queue";
const CLAIMS = `${PATH}-state/claims`;
const IDS = ["red", "green", "blue"];
/** What the clock of the model's servers shows at 0 virtual milliseconds. */
const EPOCH_MS = 1_400_000_000_000;
/** A clock that is asked over the net is known to half the time of the question. */
const CLOCK_MS_MAX = 1000;
const LOOK_MS = 5000;
const LAYOUTS: readonly (readonly [QueueDialect, QueueOrder])[] = [
  ["curator", "fifo"],
  ["curator", "fifo"],
  ["curator", "due"],
  ["kazoo", "priority"],
  ["simple", "fifo"],
];

/** See the head of this file. */
export const queueModes: Scenario = {
  name: "queue-modes",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Modes(stage),
};

class Modes implements Play {
  readonly #stage: Stage;
  readonly #books: QueueBooks;
  readonly #dialect: QueueDialect;
  readonly #order: QueueOrder;
  readonly #put = new Set<number>();
  readonly #delivered = new Set<number>();
  /** What was out of the queue before it was handed out. */
  readonly #given = new Set<number>();
  readonly #ids = new Map<number, string>();
  readonly #removedIds = new Set<string>();
  /** Those who may be about to be given an item that is out already. */
  readonly #taking = new Set<Player>();
  /** Items that are out and may have been given to nobody. */
  #doubtful = 0;
  #removed = 0;
  #numbers = 0;
  #stillPutting = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    [this.#dialect, this.#order] = stage.chance.pick(LAYOUTS);
    const places = { entries: PATH, claims: CLAIMS, dead: `${PATH}-dead`, records: "/records" };
    this.#books = new QueueBooks(stage.ledger, places);
    this.#books.isRemovable = (value) => this.#removedIds.has(this.#ids.get(value) ?? "");
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    const jobs = this.#queueOf(player, PATH);
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    if (chance.is(0.35)) await this.#fill(player, jobs, wait);
    else if (this.#hasIds && chance.is(0.2)) await this.#remove(player, jobs, wait);
    else if (chance.is(0.1)) await this.#view(player, jobs, wait);
    else if (chance.is(0.2)) await this.#putBack(player, jobs, wait);
    else if (chance.is(0.4)) await this.#takeBefore(player, jobs, wait);
    else await this.#consume(player, jobs, wait.signal, chance.pick(["before", "after", "after"] as const));
    player.afterTurn = () => this.#look(player);
  }

  died(player: Player): void {
    if (this.#taking.delete(player)) this.#doubtful += 1;
  }

  async inspect(player: Player): Promise<void> {
    player.afterTurn = () => this.#look(player);
    await this.#workAlone(player);
    this.#stillPutting += 1;
    const jobs = this.#queueOf(player, PATH);
    await this.#fill(player, jobs, { timeoutMs: TURN_MS_MAX });
    this.#stillPutting -= 1;
    while (this.#stillPutting > 0 || this.#remaining > 0) {
      const item = await orGiveUp(this.#stage, player, () => jobs.take({ timeoutMs: LOOK_MS }));
      if (item === null) continue;
      this.#receive(player, item);
      await item.ack();
    }
    // Markers and claims are removed behind the answers.
    await player.sleep(LOOK_MS);
    this.#look(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    const { report } = this.#stage;
    const wrong = this.#books.look(this.#stage.nowMs);
    if (wrong !== undefined) report(wrong);
    for (const value of this.#put) {
      const where = this.#books.whereabouts(value);
      if (where === undefined) report(`${value} was told to be put and never was there`);
      if (typeof where === "string") report(`${value} is left at ${where}`);
    }
    const lost = [...this.#put].filter(
      (value) => !this.#delivered.has(value) && !this.#books.isRemovable(value),
    );
    if (lost.length > this.#doubtful)
      report(`${lost.join(", ")} went and came to nobody, and ${this.#doubtful} are in doubt`);
    if (this.#removed > this.#books.removed)
      report(`${this.#removed} were told to be removed, and ${this.#books.removed} were`);
    checkEmpty(this.#stage, [CLAIMS]);
  }

  #queueOf({ client }: Player, path: string): Queue<number> {
    const options = { codec: NUMBERS, dialect: this.#dialect, order: this.#order };
    return new this.#stage.recipes.Queue(client, path, options);
  }

  get #hasIds(): boolean {
    return this.#dialect === "curator" && this.#order === "fifo";
  }

  get #serversNowMs(): number {
    return EPOCH_MS + this.#stage.nowMs;
  }

  #placement({ chance }: Player): PutOptions {
    if (this.#order === "priority") return { priority: chance.pick([0, 100, 999]) };
    if (this.#order === "due") return { delayMs: chance.pick([0, 200, 4000]) };
    return this.#hasIds && chance.is(0.7) ? { id: chance.pick(IDS) } : {};
  }

  async #fill(
    player: Player,
    jobs: Queue<number>,
    wait: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<void> {
    const { chance } = player;
    this.#numbers += 1;
    const value = this.#numbers;
    const placement = this.#placement(player);
    if (placement.id !== undefined) this.#ids.set(value, placement.id);
    const fromMs = this.#serversNowMs;
    try {
      const isTogether = this.#dialect === "curator" && chance.is(0.4);
      const { names } = isTogether
        ? await jobs.putTogether([value, value + 0.5], { ...placement, ...wait })
        : await jobs.put(value, { ...placement, ...wait });
      this.#put.add(value);
      if (this.#order === "due" && names !== undefined)
        this.#checkDue(player, names[0] ?? "", fromMs + (placement.delayMs ?? 0));
    } catch (error) {
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
      player.note(`does not put ${value}: ${error.code}, applied: ${error.applied}`);
      if (error.applied === "no") this.#books.refused.add(value);
    }
  }

  /** The name says when the item is due, in hexadecimal digits. */
  #checkDue(player: Player, name: string, earliestMs: number): void {
    const dueMs = Number.parseInt(/^queue-\|([0-9A-F]+)\|/.exec(name)?.[1] ?? "", 16);
    player.demand(
      dueMs >= earliestMs - CLOCK_MS_MAX,
      () => `${name} is due ${Math.round(earliestMs - dueMs)} ms before it should be`,
    );
  }

  async #remove(
    player: Player,
    jobs: Queue<number>,
    wait: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<void> {
    const id = player.chance.pick(IDS);
    this.#removedIds.add(id);
    const removed = await orGiveUp(this.#stage, player, () => jobs.remove(id, wait), ENDS);
    this.#removed += removed ?? 0;
    player.note(`removes ${removed} of ${id}`);
  }

  async #view(
    player: Player,
    jobs: Queue<number>,
    wait: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<void> {
    const places = { entries: PATH, claims: CLAIMS };
    await orGiveUp(this.#stage, player, () => checkViews(this.#stage, player, jobs, places, wait));
  }

  /** The work is not done, and others are to be done before it. */
  async #putBack(
    player: Player,
    jobs: Queue<number>,
    wait: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<void> {
    const { chance } = player;
    const item = await orGiveUp(this.#stage, player, () => jobs.take(wait));
    if (item === null) return;
    this.#receive(player, item);
    await player.sleep(chance.wait(200));
    const delayMs = this.#order === "due" ? chance.pick([0, 200, 4000]) : 0;
    const fromMs = this.#serversNowMs;
    try {
      await item.nack({ to: "end", ...(this.#order === "due" ? { delayMs } : {}), ...wait });
      player.demand(item.isTakenOut, () => `${item.value} has gone to the end, and is called where it was`);
      this.#look(player);
      const where = this.#books.whereabouts(item.value);
      if (this.#order === "due" && typeof where === "string")
        this.#checkDue(player, where.slice(PATH.length + 1), fromMs + delayMs);
    } catch (error) {
      const { isRecipeError } = this.#stage.recipes;
      if (!isZkError(error) && !isRecipeError(error)) throw error;
      player.note(`does not put ${item.value} back: ${error.code}, applied: ${error.applied}`);
      // The end of its session is the end of its claim.
      player.demand(
        isRecipeError(error)
          ? PUT_BACK_ENDS.some((code) => code === error.code)
          : error.code !== "SESSION_EXPIRED",
        () => `${item.value} was not put back: ${String(error)}`,
      );
      await item.release();
    }
  }

  async #takeBefore(
    player: Player,
    jobs: Queue<number>,
    wait: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<void> {
    const options = { ...wait, ack: "before" } as const;
    this.#taking.add(player);
    const item = await orGiveUp(
      this.#stage,
      player,
      () => (player.chance.is(0.3) ? jobs.tryTake(options) : jobs.take(options)),
      ENDS,
    );
    this.#taking.delete(player);
    // It may have been out when the wait ended.
    if (item === null) this.#doubtful += 1;
    else this.#receiveOut(player, item);
  }

  async #consume(
    player: Player,
    jobs: Queue<number>,
    signal: AbortSignal,
    ack: Exclude<AckMode, "manual">,
  ): Promise<void> {
    const { chance } = player;
    const prefetch = 1 + chance.below(3);
    let left = 1 + chance.below(5);
    let before: QueueItem<number> | undefined;
    let isSure = true;
    player.afterTurn = () => {
      this.#look(player);
      isSure &&= player.client.state === "connected";
      if (isSure) this.#checkClaims(player, prefetch);
    };
    if (ack === "before") this.#taking.add(player);
    const ended = await orGiveUp(
      this.#stage,
      player,
      async () => {
        for await (const item of jobs.consume({ ack, prefetch, signal })) {
          player.demand(
            before?.state !== "held",
            () => `${before?.value} is held on when the next one is asked for`,
          );
          if (ack === "before") this.#receiveOut(player, item);
          else this.#receive(player, item);
          before = item;
          await player.sleep(chance.wait(100));
          left -= 1;
          if (left === 0) break;
        }
        return true;
      },
      ENDS,
    );
    this.#taking.delete(player);
    if (ack === "before" && ended === null) this.#doubtful += 1;
  }

  /** Its claims, of which those that were given up may still be there. */
  #checkClaims(player: Player, prefetch: number): void {
    const { ledger, recipes } = this.#stage;
    const { client } = player;
    const { janitorPending } = recipes.recipeMetrics(client);
    const claims = (ledger.now(CLAIMS)?.children ?? []).filter(
      (name) => ledger.now(`${CLAIMS}/${name}`)?.owner === client.sessionId,
    );
    player.demand(
      claims.length <= prefetch + janitorPending,
      () => `has claimed ${claims.join(", ")}, and may hold ${prefetch}`,
    );
  }

  #receive(player: Player, { value, values, dueMs }: QueueItem<number>): void {
    this.#look(player);
    this.#delivered.add(value);
    player.demand(
      values.length === 1 || (values.length === 2 && values[1] === value + 0.5),
      () => `${value} came with ${values.join(", ")}`,
    );
    const earlyMs = (dueMs ?? 0) - this.#serversNowMs;
    player.demand(earlyMs < CLOCK_MS_MAX, () => `${value} came ${Math.round(earlyMs)} ms before it is due`);
    player.demand(!this.#given.has(value), () => `${value} was given away for good, and came again`);
  }

  #receiveOut(player: Player, item: QueueItem<number>): void {
    const { value } = item;
    this.#receive(player, item);
    this.#given.add(value);
    player.demand(
      item.isTakenOut && item.state === "released" && this.#books.whereabouts(value) === null,
      () => `${value} was given as one that is out, and is at ${this.#books.whereabouts(value)}`,
    );
  }

  /** A queue of its own: nobody else takes anything, so the order is strict. */
  async #workAlone(player: Player): Promise<void> {
    const own = this.#queueOf(player, `/own-${player.name}`);
    const put: { readonly value: number; readonly rank: number }[] = [];
    for (const rank of [2, 0, 1, 0]) {
      this.#numbers += 1;
      const value = this.#numbers;
      const placement =
        this.#order === "priority"
          ? { priority: rank }
          : this.#order === "due"
            ? { delayMs: 6000 * rank }
            : {};
      await own.put(value, { ...placement, timeoutMs: TURN_MS_MAX });
      put.push({ value, rank: this.#order === "fifo" ? 0 : rank });
    }
    const inOrder = put.toSorted((a, b) => a.rank - b.rank).map(({ value }) => value);
    const seen = await own.peek({ count: 10 });
    player.demand(
      seen.map(({ value }) => value).join() === inOrder.join(),
      () => `${seen.map(({ value }) => value).join(", ")} are next, and should be ${inOrder.join(", ")}`,
    );
    for (const value of inOrder) {
      const item = await own.take({ timeoutMs: TURN_MS_MAX });
      // Asked of what it has just claimed: it is told of its own.
      await checkClaimed(player, own, item, inOrder.length - inOrder.indexOf(value));
      player.demand(item.value === value, () => `${item.value} came before ${value}`);
      const earlyMs = (item.dueMs ?? 0) - this.#serversNowMs;
      player.demand(earlyMs < CLOCK_MS_MAX, () => `${value} came ${Math.round(earlyMs)} ms before it is due`);
      await item.ack();
    }
  }

  /** Items that are still to be taken. */
  get #remaining(): number {
    return this.#stage.ledger.now(PATH)?.children.length ?? 0;
  }

  #look(player: Player): void {
    const wrong = this.#books.look(this.#stage.nowMs);
    player.demand(wrong === undefined, () => wrong as string);
  }
}

const ENDS = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "AMBIGUOUS"] as const;

const PUT_BACK_ENDS = ["ABORTED", "WAIT_TIMEOUT", "HOLD_LOST", "AMBIGUOUS"] as const;

/** The second of two values that are put together is told apart from a first one by its letter. */
const NUMBERS = {
  encode: (value: number): Uint8Array =>
    new TextEncoder().encode(Number.isInteger(value) ? `v${value};` : `w${value};`),
  decode: (bytes: Uint8Array): number => Number(new TextDecoder().decode(bytes).slice(1, -1)),
};
