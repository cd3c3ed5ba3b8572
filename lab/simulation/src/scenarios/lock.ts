/**
 * A lock that several clients take, try to take, wait for, give up waiting for, take from each other, and die with. What must
 * hold:
 * - Whoever is told that it has the lock had nobody ahead of it in line.
 * - Writes through the guard never go back to an older holder (see {@link GuardedLog}).
 * - A wait that was given up leaves no contender, or the janitor is at it. So does a release.
 * - A hold is never called `held`, and its signal not left alone, while the client says that it is not connected.
 * - When nothing is wrong any more everybody gets the lock, and nobody is left in line behind the last.
 */
import { isZkError } from "@zk/client";
import type { Lock, LockHold } from "@zk/recipes";
import type { Player } from "../actors/player.js";
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
  timeoutOf,
} from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/lock";
const LOG = "/log";

/** See the head of this file. */
export const lock: Scenario = {
  name: "lock",
  clients: [2, 5],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Locking(stage),
};

class Locking implements Play {
  readonly #stage: Stage;
  readonly #log: GuardedLog;
  readonly #dialect: "curator" | "kazoo";

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#log = new GuardedLog(stage.ledger, LOG);
    this.#dialect = stage.chance.pick(["curator", "curator", "kazoo"]);
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, LOG);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    if (chance.is(0.1)) return this.#break(player);
    const onSuspended = chance.pick(["abort", "abort", "wait"] as const);
    const hold = await this.#take(player, onSuspended);
    if (hold === null) return;
    player.demand(hold.state !== "lost", () => "was given a lock that is lost");
    this.#checkAhead(player, hold);
    player.afterTurn = () => this.#checkBelief(player, hold, onSuspended);
    try {
      const writes = chance.below(3);
      for (let write = 0; write < writes && !hold.signal.aborted; write += 1) {
        await this.#write(hold);
        await player.sleep(chance.wait(300));
      }
    } finally {
      const { confirmed } = await hold.release();
      player.afterTurn = () => this.#checkLog(player);
      if (confirmed) this.#checkGone(player, hold.path);
    }
  }

  /** Everybody gets its turn, again and again, and leaves nothing. */
  async inspect(player: Player): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) await this.#takeTurn(player);
  }

  async #takeTurn(player: Player): Promise<void> {
    const hold = await this.#lockOf(player, "abort").acquire({ timeoutMs: TURN_MS_MAX });
    this.#checkAhead(player, hold);
    await this.#log.write(hold);
    player.demand(hold.state === "held", () => `nothing is wrong, and yet it is ${hold.state}`);
    const { confirmed } = await hold.release();
    player.demand(confirmed, () => "nothing is wrong, and yet a release was not confirmed");
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DIRECTORY]);
    const wrong = this.#log.look();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  /** Somebody thinks that it knows better and takes one out of the line, mostly the first. */
  async #break({ client, chance }: Player): Promise<void> {
    const line = this.#stage.recipes.sortContenders(await client.getChildren(DIRECTORY));
    if (line.length === 0) return;
    const { name } = chance.is(0.6) ? line[0]! : chance.pick(line);
    await client.remove(`${DIRECTORY}/${name}`, { retry: "always" });
  }

  #lockOf(player: Player, onSuspended: "abort" | "wait"): Lock {
    return new this.#stage.recipes.Lock(player.client, DIRECTORY, {
      dialect: this.#dialect,
      identity: player.name,
      onSuspended,
    });
  }

  async #take(player: Player, onSuspended: "abort" | "wait"): Promise<LockHold | null> {
    const { chance } = player;
    const mine = this.#lockOf(player, onSuspended);
    if (chance.is(0.2)) {
      const hold = await this.#giveUp(player, () => mine.tryAcquire({ timeoutMs: 3000 }));
      return hold;
    }
    using impatience = impatienceOf(player);
    return await this.#giveUp(player, () =>
      mine.acquire({
        signal: impatience.signal,
        timeoutMs: timeoutOf(player),
        failOnExpiry: chance.is(0.2),
      }),
    );
  }

  /** A wait that ends without the lock leaves nothing. */
  async #giveUp(player: Player, wait: () => Promise<LockHold | null>): Promise<LockHold | null> {
    const hold = await orGiveUp(this.#stage, player, wait);
    if (hold === null) checkNothingLeft(this.#stage, player, [DIRECTORY]);
    return hold;
  }

  /** What the guard refuses was not written; everything else says what it is. */
  async #write(hold: LockHold): Promise<void> {
    try {
      await this.#log.write(hold);
    } catch (error) {
      if (isZkError(error) || this.#stage.recipes.isRecipeError(error, "HOLD_LOST")) return;
      throw error;
    }
  }

  /** Nobody ahead in line can come back, so it does not matter how long ago the turn came. */
  #checkAhead(player: Player, hold: LockHold): void {
    const children = this.#stage.ledger.now(DIRECTORY)?.children ?? [];
    if (this.#stage.ledger.now(hold.path) === null) return;
    const ahead = this.#stage.recipes.sortContenders(children)[0];
    const isFirst = ahead !== undefined && hold.path === `${DIRECTORY}/${ahead.name}`;
    player.demand(isFirst, () => `has the lock with ${hold.path}, behind ${ahead?.name}`);
  }

  #checkGone(player: Player, path: string): void {
    const isThere = this.#stage.ledger.now(path) !== null;
    const isOurs = player.client.sessionId === this.#stage.ledger.now(path)?.owner;
    player.demand(!isThere || !isOurs, () => `${path} is there behind a confirmed release`);
  }

  #checkBelief(player: Player, hold: LockHold, onSuspended: "abort" | "wait"): void {
    this.#checkLog(player);
    checkBelief(player, "the lock", hold, onSuspended);
  }

  #checkLog(player: Player): void {
    const wrong = this.#log.look();
    player.demand(wrong === undefined, () => `two have the lock: ${wrong}`);
  }
}
