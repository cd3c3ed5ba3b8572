/**
 * Permits that several clients take, one or several at once, try to take, wait for, give back and die with. What must hold:
 * - At no moment are there more permits out than there are; with a number that changes no more than it ever was while whoever
 *   came last stood at the door. The number that is told is one that was so meanwhile.
 * - All whose permits are out believe in the same number; who is told of another belief met one.
 * - Permits of one hold come in one transaction, and whoever gets them was first at the door.
 * - Slot numbers are nobody else's at the same time.
 * - Guarded writes go through only while all permits of the writer stand.
 * - A wait that was given up leaves nothing; a hold is not believed in longer than may be. Where nobody may make a permit, or
 *   stand at the door, whoever comes is refused and leaves nothing.
 * - What runs while permits are held gives them back, whether it fails or not, and what it says is what the caller hears.
 * - When nothing is wrong any more who waits hears of a number that grows, everybody gets all the permits at once, one after the
 *   other, and nothing is left.
 */
import { isZkError } from "@zk/client";
import type { Semaphore, SemaphoreHold, SemaphoreOptions } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { DirectoryLog } from "./directory-log.js";
import {
  checkBelief,
  checkEmpty,
  checkNothingLeft,
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  orGiveUp,
  TURN_MS_MAX,
  textOf,
  timeoutOf,
} from "./manners.js";
import { isRefused, makeClosed } from "./refusals.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const PATH = "/semaphore";
const COUNT = "/permits";
const LOG = "/log";
const CLOSED = "/closed";
/** Within it all have begun to look at everything: virtual milliseconds. */
const GATHER_MS = 1000;

/** See the head of this file. */
export const semaphore: Scenario = {
  name: "semaphore",
  clients: [2, 5],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Permitting(stage),
};

class Permitting implements Play {
  readonly #stage: Stage;
  readonly #dialect: "curator" | "kazoo";
  readonly #hasSlots: boolean;
  /** Whether a znode says how many permits there are. */
  readonly #isResized: boolean;
  readonly #max: number;
  /** Whether some take their permits for a piece of work, and ask how many there are. */
  readonly #runs: boolean;
  /** Whether some believe in another number of permits. */
  readonly #hasStrangers: boolean;
  /** What nobody may write to in a semaphore that there is besides. */
  readonly #closed: string | undefined;
  readonly #door: DirectoryLog;
  readonly #leases: DirectoryLog;
  readonly #strangers = new WeakSet<Semaphore>();
  #written = 0n;

  constructor(stage: Stage) {
    const { chance, ledger } = stage;
    this.#stage = stage;
    this.#dialect = chance.pick(["curator", "curator", "kazoo"]);
    this.#hasSlots = this.#dialect === "curator" && chance.is(0.4);
    this.#isResized = this.#dialect === "curator" && chance.is(0.3);
    this.#max = chance.pick([1, 2, 3]);
    const isCurator = this.#dialect === "curator";
    // A stream of their own: the other choices stay what they are.
    const more = chance.fork("more");
    this.#runs = more.is(0.4);
    this.#hasStrangers = isCurator && more.is(0.3);
    const closable = isCurator ? [`${CLOSED}/locks`, `${CLOSED}/leases`] : [`${CLOSED}-__lock__`, CLOSED];
    this.#closed = more.is(0.3) ? more.pick(closable) : undefined;
    this.#door = new DirectoryLog(ledger, isCurator ? `${PATH}/locks` : `${PATH}-__lock__`);
    this.#leases = new DirectoryLog(ledger, isCurator ? `${PATH}/leases` : PATH);
  }

  async prepare(player: Player): Promise<void> {
    await makeNode(player, LOG);
    if (this.#closed === undefined) return;
    if (this.#closed.startsWith(`${CLOSED}/`)) await makeNode(player, CLOSED);
    await makeClosed(player, this.#closed);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    const onSuspended = chance.pick(["abort", "abort", "wait"] as const);
    let mine = this.#semaphoreOf(player, onSuspended);
    if (this.#isResized && chance.is(0.1)) return this.#resize(player, mine);
    if (this.#closed !== undefined && chance.is(0.1)) return void (await this.#isRefused(player));
    if (this.#hasStrangers && chance.is(0.2)) mine = this.#strangerOf(player, onSuspended);
    else if (this.#runs && chance.is(0.1)) return void (await this.#ask(player, mine));
    if (this.#runs && chance.is(0.4)) return this.#run(player, mine, onSuspended);
    const hold = await this.#take(player, mine, 1 + chance.below(this.#max));
    if (hold === null) return;
    this.#lookAlsoAt(player, hold, onSuspended);
    try {
      await this.#work(player, hold);
    } finally {
      await hold.release();
      player.afterTurn = () => this.#look(player);
    }
  }

  /** Everybody gets all there are, again and again, and leaves nothing. */
  async inspect(player: Player): Promise<void> {
    const mine = this.#semaphoreOf(player, "abort");
    if (this.#isResized) await this.#grow(player, mine);
    player.demand(
      await this.#ask(player, mine),
      () => "nothing is wrong, and yet nobody says how many there are",
    );
    if (this.#closed !== undefined)
      player.demand(await this.#isRefused(player), () => "nothing is wrong, and yet no server refused it");
    for (let turn = 0; turn < 3; turn += 1) {
      const hold = await mine.acquire({ permits: turn === 1 ? 1 : this.#max, timeoutMs: TURN_MS_MAX });
      this.#checkWhole(player, hold, turn === 1 ? 1 : this.#max);
      await this.#write(hold);
      await player.sleep(player.chance.wait(50));
      const { confirmed } = await hold.release();
      player.demand(confirmed, () => "nothing is wrong, and yet a release was not confirmed");
    }
    this.#look(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [this.#door.path, this.#leases.path]);
    const wrong = this.#wrong();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  #semaphoreOf(
    player: Player,
    onSuspended: "abort" | "wait",
    max: SemaphoreOptions["max"] = this.#isResized ? { path: COUNT, initial: this.#max } : this.#max,
  ): Semaphore {
    return new this.#stage.recipes.Semaphore(player.client, PATH, {
      max,
      identity: player.name,
      dialect: this.#dialect,
      slots: this.#hasSlots,
      onSuspended,
    });
  }

  /** One that believes in another number than all others. */
  #strangerOf(player: Player, onSuspended: "abort" | "wait"): Semaphore {
    const strange = this.#semaphoreOf(player, onSuspended, this.#isResized ? this.#max : this.#max + 1);
    this.#strangers.add(strange);
    return strange;
  }

  /** Wants permits of the semaphore in which there are none to be had. */
  async #isRefused(player: Player): Promise<boolean> {
    const { Semaphore } = this.#stage.recipes;
    const mine = new Semaphore(player.client, CLOSED, { max: this.#max, dialect: this.#dialect });
    const directories = [`${CLOSED}-__lock__`, CLOSED];
    return await isRefused(this.#stage, player, directories, (wait) => mine.acquire(wait));
  }

  /** Asks how many permits there are. */
  async #ask(player: Player, mine: Semaphore): Promise<boolean> {
    const { ledger } = this.#stage;
    const from = player.client.lastZxid;
    const told = await orGiveUp(this.#stage, player, () => mine.max({ timeoutMs: 5000 }));
    if (told === null) return false;
    const counts = this.#isResized ? this.#countsFrom(from, ledger.lastZxid) : [this.#max];
    player.demand(
      counts.includes(told),
      () => `${told} permits are told, and there were ${counts.join(", ")}`,
    );
    return true;
  }

  /** The numbers that the znode said. */
  #countsFrom(from: bigint, to: bigint): readonly number[] {
    const { ledger } = this.#stage;
    return [from, ...ledger.changesAfter(COUNT, from).map(({ zxid }) => zxid)]
      .filter((zxid) => zxid <= to || zxid === from)
      .map((zxid) => ledger.at(COUNT, zxid)?.data)
      .flatMap((data) =>
        data?.length === 4 ? [new DataView(data.buffer, data.byteOffset).getInt32(0)] : [],
      );
  }

  /** There are none; who waits for them hears that there are again. */
  async #grow(player: Player, mine: Semaphore): Promise<void> {
    await mine.resize(0, { timeoutMs: TURN_MS_MAX });
    const growing = player.sleep(GATHER_MS).then(() => mine.resize(this.#max, { timeoutMs: TURN_MS_MAX }));
    const [hold] = await Promise.all([mine.acquire({ permits: this.#max, timeoutMs: TURN_MS_MAX }), growing]);
    await hold.release();
  }

  /** Takes permits for a piece of work, which fails now and then. */
  async #run(player: Player, mine: Semaphore, onSuspended: "abort" | "wait"): Promise<void> {
    const { chance } = player;
    const permits = 1 + chance.below(this.#max);
    const failure = chance.is(0.3) ? new Error("the work fails") : undefined;
    let held: SemaphoreHold | undefined;
    using impatience = impatienceOf(player);
    const wait = { permits, signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const work = async (hold: SemaphoreHold): Promise<bigint> => {
      held = hold;
      this.#checkWhole(player, hold, permits);
      this.#lookAlsoAt(player, hold, onSuspended);
      await this.#work(player, hold);
      if (failure !== undefined) throw failure;
      return hold.token;
    };
    const ended = await this.#orConflict(player, mine, () => mine.run(work, wait)).catch((error: unknown) => {
      if (error !== failure) throw error;
      return failure;
    });
    player.afterTurn = () => this.#look(player);
    checkNothingLeft(this.#stage, player, [this.#door.path, this.#leases.path]);
    if (held === undefined) return;
    const { state, token } = held;
    player.demand(
      ended === (failure ?? token),
      () => `what ran said ${failure ?? token}, and ${ended} is heard`,
    );
    player.demand(
      state === "released" || state === "lost",
      () => `what ran is over, and its permits are ${state}`,
    );
  }

  /** As {@link orGiveUp}; also somebody who believes in another number of permits may be the end of it. */
  async #orConflict<T>(player: Player, mine: Semaphore, take: () => Promise<T>): Promise<T | null> {
    const from = player.client.lastZxid;
    const { recipes } = this.#stage;
    const codes = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED"] as const;
    if (!this.#hasStrangers) return await orGiveUp(this.#stage, player, take, codes);
    return await orGiveUp(
      this.#stage,
      player,
      async () => {
        try {
          return await take();
        } catch (error) {
          if (recipes.isRecipeError(error, "CONFLICT")) this.#checkConflict(player, mine, from);
          throw error;
        }
      },
      [...codes, "CONFLICT"],
    );
  }

  async #resize(player: Player, mine: Semaphore): Promise<void> {
    const max = 1 + player.chance.below(this.#max);
    await orGiveUp(this.#stage, player, () => mine.resize(max, { signal: player.resting }));
  }

  async #take(player: Player, mine: Semaphore, permits: number): Promise<SemaphoreHold | null> {
    const { chance } = player;
    using impatience = impatienceOf(player);
    const wait = { permits, signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const hold = await this.#orConflict(player, mine, () =>
      chance.is(0.25) ? mine.tryAcquire(wait) : mine.acquire({ ...wait, failOnExpiry: chance.is(0.2) }),
    );
    if (hold === null) checkNothingLeft(this.#stage, player, [this.#door.path, this.#leases.path]);
    else this.#checkWhole(player, hold, permits);
    return hold;
  }

  async #work(player: Player, hold: SemaphoreHold): Promise<void> {
    const { chance } = player;
    const writes = chance.below(3);
    for (let write = 0; write < writes && !hold.signal.aborted; write += 1) {
      try {
        await this.#write(hold);
      } catch (error) {
        if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error, "HOLD_LOST")) throw error;
      }
      await player.sleep(chance.wait(200));
    }
  }

  async #write(hold: SemaphoreHold): Promise<void> {
    const text = [hold.token, ...hold.leases.map(({ path }) => path)].join(" ");
    await hold.guard((tx) => tx.setData(LOG, text));
  }

  #checkWhole(player: Player, hold: SemaphoreHold, permits: number): void {
    player.demand(
      hold.leases.length === permits && hold.leases.every(({ token }) => token === hold.token),
      () => `asked for ${permits} permits, and has ${hold.leases.map(({ token }) => token).join(", ")}`,
    );
  }

  #lookAlsoAt(player: Player, hold: SemaphoreHold, onSuspended: "abort" | "wait"): void {
    player.afterTurn = () => {
      this.#look(player);
      checkBelief(player, hold.leases.map(({ path }) => path).join(" and "), hold, onSuspended);
    };
  }

  /** Somebody held a permit meanwhile who believes in what we do not. */
  #checkConflict(player: Player, mine: Semaphore, from: bigint): void {
    const { ledger } = this.#stage;
    const { path } = this.#leases;
    const isStrange = this.#strangers.has(mine);
    const usual = this.#isResized ? COUNT : `${this.#max}`;
    const isMet = [from, ...ledger.changesAfter(path, from).map(({ zxid }) => zxid)].some((zxid) =>
      this.#beliefsAt(zxid).some((belief) => (belief === usual) === isStrange),
    );
    player.demand(isMet, () => "is told of another number of permits, and nobody believed in one");
  }

  /** What those believe whose permits are out, each once. */
  #beliefsAt(zxid: bigint): readonly string[] {
    const { ledger } = this.#stage;
    const { path } = this.#leases;
    const out = (ledger.at(path, zxid)?.children ?? []).filter(isPermit);
    return [...new Set(out.map((name) => beliefOf(textOf(ledger.at(`${path}/${name}`, zxid)?.data))))];
  }

  #look(player: Player): void {
    const wrong = this.#wrong();
    player.demand(wrong === undefined, () => wrong as string);
  }

  #wrong(): string | undefined {
    const left = new Map(this.#door.look().map(({ zxid, went }) => [zxid, went]));
    for (const { zxid, came } of this.#leases.look()) {
      const wrong = this.#wrongPermits(zxid, came.filter(isPermit), left.get(zxid));
      if (wrong !== undefined) return `${wrong} (transaction ${zxid})`;
    }
    return this.#wrongWrites();
  }

  #wrongPermits(
    zxid: bigint,
    came: readonly string[],
    left: readonly string[] | undefined,
  ): string | undefined {
    if (came.length === 0) return undefined;
    const { ledger, recipes } = this.#stage;
    const out = (ledger.at(this.#leases.path, zxid)?.children ?? []).filter(isPermit);
    const line = recipes.sortContenders(ledger.at(this.#door.path, zxid - 1n)?.children ?? []);
    if (left?.length !== 1 || line[0]?.name !== left[0])
      return `permits came without a turn: ${left?.join(", ")} of ${line.map(({ name }) => name).join(", ")}`;
    const most = this.#mostAt(`${this.#door.path}/${left[0]}`, zxid);
    if (out.length > most) return `${out.length} permits are out, of ${most}`;
    if (this.#dialect === "curator" && this.#beliefsAt(zxid).length > 1)
      return `there are permits of ${this.#beliefsAt(zxid).join(" and of ")}`;
    if (!this.#hasSlots) return undefined;
    const slots = out.map((name) => slotOf(textOf(ledger.at(`${this.#leases.path}/${name}`, zxid)?.data)));
    return new Set(slots).size === slots.length ? undefined : `slots are ${slots.join(", ")}`;
  }

  /** How many permits there were at most, as whoever came last and stood at the door could know. */
  #mostAt(stood: string, zxid: bigint): number {
    const [belief = ""] = this.#dialect === "curator" ? this.#beliefsAt(zxid) : [`${this.#max}`];
    if (belief !== COUNT) return Number(belief);
    const since = this.#stage.ledger.at(stood, zxid - 1n)?.czxid ?? 0n;
    return Math.max(...this.#countsFrom(since, zxid));
  }

  #wrongWrites(): string | undefined {
    const { ledger } = this.#stage;
    for (const { zxid, kind } of ledger.changesAfter(LOG, this.#written)) {
      this.#written = zxid;
      if (kind !== "data") continue;
      const [token = "", ...paths] = textOf(ledger.at(LOG, zxid)?.data).split(" ");
      const gone = paths.find((path) => ledger.at(path, zxid)?.czxid !== BigInt(token));
      if (gone !== undefined) return `${token} wrote when ${gone} was gone`;
    }
    return undefined;
  }
}

/** kazoo's permits lie in the directory of the semaphore itself; ours say `lease`. */
function isPermit(name: string): boolean {
  return name.includes("-lease-") || /^[0-9a-f]{32}$/.test(name);
}

/** The number of permits that somebody believes in, or the znode that says it. */
function beliefOf(text: string): string {
  const { max, maxFrom } = JSON.parse(text) as { readonly max?: number; readonly maxFrom?: string };
  return maxFrom ?? `${max}`;
}

function slotOf(text: string): unknown {
  return (JSON.parse(text) as { readonly slot?: number }).slot;
}
