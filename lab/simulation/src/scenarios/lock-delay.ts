/**
 * A lock with a delay, which several clients take, try to take, give back, take from each other, and die with. What must hold:
 * - Whoever has it had nobody ahead of it in line, and writes through the guard never go back to an older holder.
 * - Behind a holder that was lost nobody has it before the delay has passed since its contender went, by the servers' clock.
 * - The delay is begun behind nobody else: not behind one that gave the lock back, nor behind one that only waited for it.
 * - A wait that was given up leaves nothing. A hold is not believed in longer than may be.
 * - When nothing is wrong any more everybody gets the lock, and who gives it back leaves a directory that says nothing.
 */
import { isZkError } from "@zk/client";
import type { Lock, LockHold } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { DirectoryLog } from "./directory-log.js";
import { GuardedLog } from "./guarded-log.js";
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

const DIRECTORY = "/lock";
const LOG = "/log";

/** See the head of this file. */
export const lockDelay: Scenario = {
  name: "lock-delay",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Delaying(stage),
};

class Delaying implements Play {
  readonly #stage: Stage;
  readonly #log: GuardedLog;
  readonly #line: DirectoryLog;
  readonly #dialect: "curator" | "kazoo";
  readonly #delayMs: number;
  /** Contenders that were told that they have the lock, and whether they gave it back. */
  readonly #had = new Map<string, { isGivenBack: boolean }>();
  readonly #broken = new Set<string>();
  /** Contenders that went with their session, or were taken away. */
  readonly #taken = new Set<string>();
  /** When the last holder was lost, if nobody has had the lock since: the servers' milliseconds. */
  #lostMs: number | undefined;
  #written = 0n;

  constructor(stage: Stage) {
    const { chance, ledger } = stage;
    this.#stage = stage;
    this.#log = new GuardedLog(ledger, LOG);
    this.#line = new DirectoryLog(ledger, DIRECTORY);
    this.#dialect = chance.pick(["curator", "curator", "kazoo"]);
    this.#delayMs = chance.pick([300, 1500, 4000]);
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, LOG);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    if (chance.is(0.1)) return this.#break(player);
    const onSuspended = chance.pick(["abort", "abort", "wait"] as const);
    const hold = await this.#take(player, onSuspended);
    if (hold === null) return;
    player.afterTurn = () => {
      this.#look(player);
      checkBelief(player, "the lock", hold, onSuspended);
    };
    try {
      const writes = chance.below(3);
      for (let write = 0; write < writes && !hold.signal.aborted; write += 1) {
        await this.#write(hold);
        await player.sleep(chance.wait(300));
      }
    } finally {
      await this.#giveBack(hold);
      player.afterTurn = () => this.#look(player);
    }
  }

  /** Everybody gets its turn, again and again. */
  async inspect(player: Player): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      const hold = await this.#lockOf(player, "abort").acquire({ timeoutMs: TURN_MS_MAX });
      this.#noteHad(player, hold);
      await this.#log.write(hold);
      player.demand(hold.state === "held", () => `nothing is wrong, and yet it is ${hold.state}`);
      const isConfirmed = await this.#giveBack(hold);
      player.demand(isConfirmed, () => "nothing is wrong, and yet a release was not confirmed");
      this.#checkSaysNothing(player, hold);
    }
    this.#look(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DIRECTORY]);
    const wrong = this.#wrong();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  #lockOf(player: Player, onSuspended: "abort" | "wait"): Lock {
    return new this.#stage.recipes.Lock(player.client, DIRECTORY, {
      dialect: this.#dialect,
      identity: player.name,
      lockDelayMs: this.#delayMs,
      onSuspended,
    });
  }

  async #take(player: Player, onSuspended: "abort" | "wait"): Promise<LockHold | null> {
    const { chance } = player;
    const mine = this.#lockOf(player, onSuspended);
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const hold = await orGiveUp(this.#stage, player, () =>
      chance.is(0.2) ? mine.tryAcquire(wait) : mine.acquire(wait),
    );
    if (hold === null) checkNothingLeft(this.#stage, player, [DIRECTORY]);
    else this.#noteHad(player, hold);
    return hold;
  }

  /** It has the lock from now on. */
  #noteHad(player: Player, hold: LockHold): void {
    const { ledger, recipes, serverMs } = this.#stage;
    this.#look(player);
    const sinceMs = serverMs - (this.#lostMs ?? Number.NEGATIVE_INFINITY);
    player.demand(
      sinceMs >= this.#delayMs,
      () => `has the lock ${sinceMs} ms behind one who lost it; the delay is ${this.#delayMs} ms`,
    );
    this.#lostMs = undefined;
    this.#had.set(hold.path, { isGivenBack: false });
    player.note(`has the lock as ${hold.token}`);
    if (ledger.now(hold.path) === null) {
      // It went before we were told.
      this.#lostMs = serverMs;
      return;
    }
    const [first] = recipes.sortContenders(ledger.now(DIRECTORY)?.children ?? []);
    const isFirst = first !== undefined && hold.path === `${DIRECTORY}/${first.name}`;
    player.demand(isFirst, () => `has the lock with ${hold.path}, behind ${first?.name}`);
  }

  /** @returns whether it is confirmed */
  async #giveBack(hold: LockHold): Promise<boolean> {
    const had = this.#had.get(hold.path);
    if (had !== undefined && hold.state !== "lost") had.isGivenBack = true;
    return (await hold.release()).confirmed;
  }

  /** The transaction that took its contender away left the directory without a word. */
  #checkSaysNothing(player: Player, { path, token }: LockHold): void {
    const { ledger } = this.#stage;
    const gone = ledger.changesAfter(path, token).find(({ kind }) => kind === "deleted");
    const directory = gone && ledger.at(DIRECTORY, gone.zxid);
    const isSaid = directory?.mzxid === gone?.zxid && textOf(directory?.data) === "";
    player.demand(isSaid, () => `${path} was given back, and does not count as such`);
  }

  /** Somebody thinks that it knows better and takes one out of the line, mostly the first. */
  async #break({ client, chance }: Player): Promise<void> {
    const line = this.#stage.recipes.sortContenders(await client.getChildren(DIRECTORY));
    if (line.length === 0) return;
    const { name } = chance.is(0.6) ? line[0]! : chance.pick(line);
    this.#broken.add(`${DIRECTORY}/${name}`);
    await client.remove(`${DIRECTORY}/${name}`, { retry: "always" });
  }

  async #write(hold: LockHold): Promise<void> {
    try {
      await this.#log.write(hold);
    } catch (error) {
      if (isZkError(error) || this.#stage.recipes.isRecipeError(error, "HOLD_LOST")) return;
      throw error;
    }
  }

  #look(player: Player): void {
    const wrong = this.#wrong();
    player.demand(wrong === undefined, () => wrong ?? "");
  }

  #wrong(): string | undefined {
    const wrong = this.#log.look();
    if (wrong !== undefined) return `two have the lock: ${wrong}`;
    for (const { zxid, timeMs, went } of this.#line.look())
      for (const name of went) this.#went(`${DIRECTORY}/${name}`, zxid, timeMs);
    return this.#wrongDelay();
  }

  #went(path: string, zxid: bigint, timeMs: number): void {
    const { ledger } = this.#stage;
    const owner = ledger.at(path, zxid - 1n)?.owner ?? 0n;
    if (this.#broken.has(path) || ledger.closedSessions.get(owner) === zxid) this.#taken.add(path);
    if (this.#had.get(path)?.isGivenBack === false) this.#lostMs = timeMs;
  }

  /** Behind whom a delay was begun that there should not be. */
  #wrongDelay(): string | undefined {
    const { ledger } = this.#stage;
    for (const { zxid, kind } of ledger.changesAfter(DIRECTORY, this.#written)) {
      this.#written = zxid;
      const text = kind === "data" ? textOf(ledger.at(DIRECTORY, zxid)?.data) : "";
      if (text === "") continue;
      const { state, by } = JSON.parse(text) as { readonly state: string; readonly by: string };
      const path = `${DIRECTORY}/${by}`;
      if (state !== "lapsed") continue;
      // Whoever never heard that it has the lock may have been written down as its holder when it went.
      const isLost = this.#had.get(path)?.isGivenBack === false || this.#taken.has(path);
      if (!isLost)
        return `a delay is begun behind ${by}, which ${this.#had.has(path) ? "gave it back" : "never had it"}`;
    }
    return undefined;
  }
}
