/**
 * Permits that several clients take, one or several at once, try to take, wait for, give back and die with. What must hold:
 * - At no moment are there more permits out than there are, with a number that changes no more than there ever were.
 * - Permits of one hold come in one transaction, and whoever gets them was first at the door.
 * - Slot numbers are nobody else's at the same time.
 * - Guarded writes go through only while all permits of the writer stand.
 * - A wait that was given up leaves nothing; a hold is not believed in longer than may be.
 * - When nothing is wrong any more everybody gets all the permits at once, one after the other, and nothing is left.
 */
import { isZkError } from "@zk/client";
import type { Semaphore, SemaphoreHold } from "@zk/recipes";
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
import type { Play, Scenario, Stage } from "./scenario.js";

const PATH = "/semaphore";
const COUNT = "/permits";
const LOG = "/log";

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
  readonly #door: DirectoryLog;
  readonly #leases: DirectoryLog;
  #written = 0n;

  constructor(stage: Stage) {
    const { chance, ledger } = stage;
    this.#stage = stage;
    this.#dialect = chance.pick(["curator", "curator", "kazoo"]);
    this.#hasSlots = this.#dialect === "curator" && chance.is(0.4);
    this.#isResized = this.#dialect === "curator" && chance.is(0.3);
    this.#max = chance.pick([1, 2, 3]);
    const isCurator = this.#dialect === "curator";
    this.#door = new DirectoryLog(ledger, isCurator ? `${PATH}/locks` : `${PATH}-__lock__`);
    this.#leases = new DirectoryLog(ledger, isCurator ? `${PATH}/leases` : PATH);
  }

  async prepare(player: Player): Promise<void> {
    await makeNode(player, LOG);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    const onSuspended = chance.pick(["abort", "abort", "wait"] as const);
    const mine = this.#semaphoreOf(player, onSuspended);
    if (this.#isResized && chance.is(0.1)) return this.#resize(player, mine);
    const hold = await this.#take(player, mine, 1 + chance.below(this.#max));
    if (hold === null) return;
    player.afterTurn = () => {
      this.#look(player);
      checkBelief(player, hold.leases.map(({ path }) => path).join(" and "), hold, onSuspended);
    };
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
    if (this.#isResized) await mine.resize(this.#max, { timeoutMs: TURN_MS_MAX });
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

  #semaphoreOf(player: Player, onSuspended: "abort" | "wait"): Semaphore {
    return new this.#stage.recipes.Semaphore(player.client, PATH, {
      max: this.#isResized ? { path: COUNT, initial: this.#max } : this.#max,
      identity: player.name,
      dialect: this.#dialect,
      slots: this.#hasSlots,
      onSuspended,
    });
  }

  async #resize(player: Player, mine: Semaphore): Promise<void> {
    const max = 1 + player.chance.below(this.#max);
    await orGiveUp(this.#stage, player, () => mine.resize(max, { signal: player.resting }));
  }

  async #take(player: Player, mine: Semaphore, permits: number): Promise<SemaphoreHold | null> {
    const { chance } = player;
    using impatience = impatienceOf(player);
    const wait = { permits, signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const hold = await orGiveUp(this.#stage, player, () =>
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
    if (out.length > this.#max) return `${out.length} permits are out, of ${this.#max}`;
    const line = recipes.sortContenders(ledger.at(this.#door.path, zxid - 1n)?.children ?? []);
    if (left?.length !== 1 || line[0]?.name !== left[0])
      return `permits came without a turn: ${left?.join(", ")} of ${line.map(({ name }) => name).join(", ")}`;
    if (!this.#hasSlots) return undefined;
    const slots = out.map((name) => slotOf(textOf(ledger.at(`${this.#leases.path}/${name}`, zxid)?.data)));
    return new Set(slots).size === slots.length ? undefined : `slots are ${slots.join(", ")}`;
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

function slotOf(text: string): unknown {
  return (JSON.parse(text) as { readonly slot?: number }).slot;
}
