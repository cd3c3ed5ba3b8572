/**
 * Several locks that clients take together, some of them or all, are asked to give back, and die with. What must hold:
 * - Whoever has them is the first in the line of each.
 * - Guarded writes go through only while all of them stand, and never go back to an older holder at any lock.
 * - A wait that was given up leaves nothing at any lock; a hold is not believed in longer than may be.
 * - The tokens are those of the locks, each with its own. Who may not have one of them has none, and leaves nothing.
 * - A lock that is called given back is. Who is asked to give back hears of it.
 * - When nothing is wrong any more everybody gets all of them, one after the other, and nothing is left.
 */
import { isZkError } from "@zk/client";
import type { MultiLock, MultiLockHold } from "@zk/recipes";
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
import { isRefused, makeClosed } from "./refusals.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const LOCKS = ["/locks/a", "/locks/b", "/locks/c"];
/** One that nobody may have; it is the last to be taken. */
const CLOSED = "/shut";
const logOf = (lock: string): string => `/log-${lock.slice("/locks/".length)}`;

/** See the head of this file. */
export const multiLock: Scenario = {
  name: "multi-lock",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new LockingAll(stage),
};

class LockingAll implements Play {
  readonly #stage: Stage;
  readonly #logs: readonly GuardedLog[];
  readonly #hasClosed: boolean;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#logs = LOCKS.map((lock) => new GuardedLog(stage.ledger, logOf(lock)));
    // A stream of its own: the other choices stay what they are.
    this.#hasClosed = stage.chance.fork("more").is(0.3);
  }

  async prepare(player: Player): Promise<void> {
    for (const lock of LOCKS) await makeNode(player, logOf(lock));
    if (this.#hasClosed) await makeClosed(player, CLOSED);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#checkLogs(player);
    if (chance.is(0.2)) return this.#revoke(player);
    if (this.#hasClosed && chance.is(0.1)) return void (await this.#isRefused(player));
    const paths = LOCKS.filter(() => chance.is(0.6));
    // In whatever order they are named.
    const mine = this.#lockOf(
      player,
      paths.length === 0 ? LOCKS : chance.is(0.5) ? paths : paths.toReversed(),
    );
    const hold = await this.#take(player, mine);
    if (hold === null) return;
    player.afterTurn = () => {
      this.#checkLogs(player);
      checkBelief(player, mine.paths.join(" and "), hold, "abort");
    };
    try {
      const writes = chance.below(8);
      for (let write = 0; write < writes && !hold.signal.aborted; write += 1) {
        await this.#write(player, hold);
        await player.sleep(chance.wait(chance.pick([2, 100])));
      }
    } finally {
      await hold.release();
      player.afterTurn = () => this.#checkLogs(player);
    }
  }

  async inspect(player: Player): Promise<void> {
    if (this.#hasClosed)
      player.demand(await this.#isRefused(player), () => "nothing is wrong, and yet no server refused it");
    for (let turn = 0; turn < 3; turn += 1) {
      const order = player.chance.is(0.5) ? LOCKS : LOCKS.toReversed();
      const hold = await this.#lockOf(player, order).acquire({ timeoutMs: TURN_MS_MAX });
      this.#checkAhead(player, hold);
      await this.#write(player, hold);
      player.demand(hold.state === "held", () => `nothing is wrong, and yet it is ${hold.state}`);
      const { confirmed } = await hold.release();
      player.demand(confirmed, () => "nothing is wrong, and yet a release was not confirmed");
    }
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, LOCKS);
    for (const log of this.#logs) {
      const wrong = log.look();
      if (wrong !== undefined) this.#stage.report(wrong);
    }
  }

  #lockOf({ client, name }: Player, paths: readonly string[]): MultiLock {
    return new this.#stage.recipes.MultiLock(client, paths, { identity: name });
  }

  async #take(player: Player, mine: MultiLock): Promise<MultiLockHold | null> {
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const hold = await orGiveUp(this.#stage, player, () =>
      mine.acquire({ ...wait, failOnExpiry: player.chance.is(0.2) }),
    );
    if (hold === null) checkNothingLeft(this.#stage, player, LOCKS);
    else this.#checkAhead(player, hold);
    return hold;
  }

  /** Wants some that it may have, and one that it may not. */
  async #isRefused(player: Player): Promise<boolean> {
    const paths = LOCKS.filter(() => player.chance.is(0.5));
    const mine = this.#lockOf(player, [CLOSED, ...paths]);
    return await isRefused(this.#stage, player, [...LOCKS, CLOSED], (wait) => mine.acquire(wait));
  }

  /** One transaction for all logs. */
  async #write(player: Player, hold: MultiLockHold): Promise<void> {
    try {
      await hold.guard((tx) => {
        for (const [lock, { token, path }] of hold.holds) tx.setData(logOf(lock), `${token} ${path}`);
        return tx;
      });
    } catch (error) {
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
      player.note(`does not write: ${error.code}`);
    }
  }

  /** Asks whoever has one of the locks to give it back, or takes it away. */
  async #revoke(player: Player): Promise<void> {
    const { chance, resting } = player;
    const lock = chance.pick(LOCKS);
    const { ledger, recipes } = this.#stage;
    const options = {
      graceMs: chance.pick([0, 50, 500]),
      force: chance.is(0.7),
      signal: resting,
      timeoutMs: 5000,
    };
    const holder = recipes.sortContenders(ledger.now(lock)?.children ?? [])[0]?.name;
    const outcome = await orGiveUp(this.#stage, player, () => recipes.revoke(player.client, lock, options));
    player.note(`revokes ${lock} of ${holder}: ${outcome}`);
  }

  /** Nobody ahead in line can come back, so it does not matter how long ago the turn came. */
  #checkAhead(player: Player, hold: MultiLockHold): void {
    const { ledger, recipes } = this.#stage;
    const { tokens } = hold;
    player.demand(
      tokens.size === hold.holds.size,
      () => `${hold.holds.size} locks, and ${tokens.size} tokens`,
    );
    for (const [lock, { path }] of hold.holds) {
      const token = tokens.get(lock);
      player.demand(
        token !== undefined && ledger.at(path, token)?.czxid === token,
        () => `has ${lock} with ${path}, which was not made by ${token}`,
      );
      if (ledger.now(path) === null) continue;
      const ahead = recipes.sortContenders(ledger.now(lock)?.children ?? [])[0];
      player.demand(
        path === `${lock}/${ahead?.name}`,
        () => `has ${lock} with ${path}, behind ${ahead?.name}`,
      );
    }
  }

  #checkLogs(player: Player): void {
    for (const log of this.#logs) {
      const wrong = log.look();
      player.demand(wrong === undefined, () => `two have a lock: ${wrong}`);
    }
  }
}
