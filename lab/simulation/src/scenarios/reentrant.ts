/**
 * Locks that are entered again by code that has them, over waits and in branches side by side, while other code of the same
 * client, and other clients, want them too. What must hold:
 * - Whoever enters again gets the very hold of the code around it, at once; whoever is not within waits like everybody else.
 * - The hold ends with the outermost of them and not before, and is gone then.
 * - Code whose hold is lost gets another one, as everybody does, or none.
 * - Of a read-write lock a reader does not become a writer by entering again; that is refused at once, and nothing is left.
 * - Guarded writes go through as of `lock`; a hold is not believed in longer than may be, however deep. One that a server says to
 *   stand was there when it was asked.
 * - The same of a mutex that two libraries share, where everybody waits for whoever is before, whatever it is called.
 * - When nothing is wrong any more everybody gets its turns, and nothing is left.
 */
import { isZkError } from "@zk/client";
import type { Lock, LockHold, ReadWriteLock } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { GuardedLog } from "./guarded-log.js";
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
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/lock";
const LOG = "/log";
const DEPTH_MAX = 3;

type Side = "read" | "write";
type Wait = { readonly signal?: AbortSignal; readonly timeoutMs?: number };

/** One way into a lock. A mutex has the side `write` alone. */
type Enter = (side: Side, work: (hold: LockHold) => Promise<void>, wait: Wait) => Promise<void>;

/** See the head of this file. */
export const reentrant: Scenario = {
  name: "reentrant",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Entering(stage),
};

class Entering implements Play {
  readonly #stage: Stage;
  readonly #log: GuardedLog;
  readonly #isMutex: boolean;
  /** Undefined when each takes the one it likes. */
  readonly #dialect: "curator" | "kazoo" | undefined;
  readonly #isReentrant: boolean;
  /** A lock is entered again through the same object. */
  readonly #entries = new Map<Player, Enter>();
  readonly #inside = new Map<Player, Set<LockHold>>();

  constructor(stage: Stage) {
    const { chance } = stage;
    this.#stage = stage;
    this.#log = new GuardedLog(stage.ledger, LOG);
    this.#isMutex = chance.is(0.6);
    this.#dialect = chance.pick(this.#isMutex ? ["curator", "kazoo", undefined] : ["curator", "kazoo"]);
    this.#isReentrant = this.#isMutex || chance.is(0.8);
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, LOG);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    if (chance.is(0.1)) return this.#break(player);
    // Code that has nothing to do with each other, in one process.
    await Promise.all(Array.from({ length: chance.pick([1, 1, 2]) }, () => this.#comeIn(player)));
  }

  died(player: Player): void {
    this.#entries.delete(player);
    this.#inside.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const enter = this.#entryOf(player);
    for (let turn = 0; turn < 3; turn += 1) {
      let outer: LockHold | undefined;
      const within = async (hold: LockHold): Promise<void> => {
        outer = hold;
        this.#checkAhead(player, hold);
        if (this.#isReentrant) await enter("write", (inner) => this.#log.write(inner), {});
        player.demand(hold.state === "held", () => `nothing is wrong, and yet it is ${hold.state}`);
      };
      await enter("write", within, { timeoutMs: TURN_MS_MAX });
      this.#checkOver(player, outer);
    }
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DIRECTORY]);
    const wrong = this.#log.look();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  /** Somebody thinks that it knows better and takes the first out of the line. */
  async #break({ client }: Player): Promise<void> {
    const line = this.#stage.recipes.sortContenders(await client.getChildren(DIRECTORY));
    if (line[0] !== undefined) await client.remove(`${DIRECTORY}/${line[0].name}`, { retry: "always" });
  }

  #entryOf(player: Player): Enter {
    let enter = this.#entries.get(player);
    if (enter !== undefined) return enter;
    const { recipes } = this.#stage;
    const options = {
      dialect: this.#dialect ?? player.chance.pick(["curator", "kazoo"] as const),
      contenders: this.#dialect === undefined ? ("any" as const) : ("own" as const),
      identity: player.name,
      reentrant: this.#isReentrant,
    };
    if (this.#isMutex) {
      const mutex: Lock = new recipes.Lock(player.client, DIRECTORY, options);
      enter = (_side, work, wait) => mutex.run(work, wait);
    } else {
      const lock: ReadWriteLock = new recipes.ReadWriteLock(player.client, DIRECTORY, options);
      enter = (side, work, wait) => lock[side].run<void>(work, wait);
    }
    this.#entries.set(player, enter);
    return enter;
  }

  /** Comes from outside, and goes out again. */
  async #comeIn(player: Player): Promise<void> {
    let outermost: LockHold | undefined;
    const side = this.#sideFor(player);
    await this.#enter(player, side, async (hold) => {
      outermost = hold;
      await this.#work(player, hold, 1);
    });
    this.#checkOver(player, outermost);
  }

  /** A way in that is had, refused, or given up. */
  async #enter(player: Player, side: Side, work: (hold: LockHold) => Promise<void>): Promise<void> {
    const { chance } = player;
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player), failOnExpiry: chance.is(0.2) };
    const inside = this.#insideOf(player);
    await orGiveUp(this.#stage, player, () =>
      this.#entryOf(player)(
        side,
        async (hold) => {
          player.demand(hold.state !== "lost", () => "was let in by a lock that is lost");
          const isNew = !inside.has(hold);
          inside.add(hold);
          if (isNew) this.#checkAhead(player, hold);
          try {
            await work(hold);
          } finally {
            if (isNew) inside.delete(hold);
          }
        },
        wait,
      ),
    );
  }

  async #work(player: Player, hold: LockHold, depth: number): Promise<void> {
    const { chance } = player;
    const steps = 1 + chance.below(3);
    for (let step = 0; step < steps; step += 1) {
      if (depth < DEPTH_MAX && chance.is(0.5)) {
        const branches = Array.from({ length: chance.pick([1, 1, 2]) }, () =>
          this.#enterAgain(player, hold, depth),
        );
        await Promise.all(branches);
      } else if (chance.is(0.2)) {
        await this.#verify(player, hold);
      } else if (isWriter(hold)) {
        await this.#write(hold);
      }
      await player.sleep(chance.wait(chance.pick([5, 200])));
    }
  }

  async #enterAgain(player: Player, around: LockHold, depth: number): Promise<void> {
    const side = this.#sideFor(player);
    const isStanding = around.state === "held" || around.state === "suspect";
    const mayEnter = this.#isReentrant && (side === "read" || isWriter(around));
    if (isStanding && !mayEnter) return await this.#beRefused(player, side);
    const { nowMs } = this.#stage;
    let isIn = false;
    await this.#enter(player, side, async (hold) => {
      isIn = true;
      if (isStanding) {
        player.demand(hold === around, () => `entered ${around.path} again, and has ${hold.path}`);
        player.demand(nowMs === this.#stage.nowMs, () => "waited for what the code around it had");
      } else player.demand(hold.token > around.token, () => `${hold.token} came after ${around.token}`);
      await this.#work(player, hold, depth + 1);
    });
    player.demand(!isStanding || isIn, () => "was not let in where the code around it was");
    player.demand(around.state !== "released", () => "gave back what the code around it has");
  }

  /** It would wait for itself. */
  async #beRefused(player: Player, side: Side): Promise<void> {
    const { ledger, nowMs, recipes } = this.#stage;
    const before = ledger.below(DIRECTORY).length;
    try {
      await this.#entryOf(player)(side, async () => player.report("was let in beside itself"), {});
    } catch (error) {
      if (!recipes.isRecipeError(error, "REFUSED")) throw error;
      const isAtOnce = nowMs === this.#stage.nowMs && before === ledger.below(DIRECTORY).length;
      player.demand(isAtOnce, () => "stood in line, and was refused then");
    }
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

  /** It stands if a server says so, and is lost if that says not. */
  async #verify(player: Player, hold: LockHold): Promise<void> {
    const { ledger, recipes } = this.#stage;
    const from = ledger.lastZxid;
    try {
      await hold.verify({ timeoutMs: 1000 });
      const there = ledger.at(hold.path, from);
      player.demand(there !== null, () => `a server said that ${hold.path} stands, which had gone before`);
    } catch (error) {
      if (isZkError(error)) return;
      if (!recipes.isRecipeError(error, "HOLD_LOST")) throw error;
      player.demand(hold.state === "lost", () => `it is said to be lost, and is ${hold.state}`);
    }
  }

  #sideFor({ chance }: Player): Side {
    return this.#isMutex || chance.is(0.5) ? "write" : "read";
  }

  #insideOf(player: Player): Set<LockHold> {
    let inside = this.#inside.get(player);
    if (inside === undefined) {
      inside = new Set();
      this.#inside.set(player, inside);
    }
    return inside;
  }

  /** Nobody ahead in line can come back, so it does not matter how long ago the turn came. */
  #checkAhead(player: Player, hold: LockHold): void {
    const { ledger, recipes } = this.#stage;
    if (ledger.now(hold.path) === null) return;
    const line = recipes.sortContenders(ledger.now(DIRECTORY)?.children ?? []);
    const own = line.findIndex(({ name }) => hold.path === `${DIRECTORY}/${name}`);
    const ahead = line.slice(0, own).find(({ prefix }) => isWriter(hold) || isWriting(prefix));
    player.demand(ahead === undefined, () => `has the lock with ${hold.path}, behind ${ahead?.name}`);
  }

  /** The outermost has left. */
  #checkOver(player: Player, hold: LockHold | undefined): void {
    if (hold === undefined) return;
    const { state } = hold;
    player.demand(state === "released" || state === "lost", () => `all have left, and it is ${state}`);
    const { client } = player;
    if (client.state !== "connected" || this.#stage.recipes.recipeMetrics(client).janitorPending > 0) return;
    const owner = this.#stage.ledger.now(hold.path)?.owner;
    player.demand(owner !== client.sessionId, () => `all have left, and ${hold.path} is there`);
  }

  #look(player: Player): void {
    const wrong = this.#log.look();
    player.demand(wrong === undefined, () => `two have the lock: ${wrong}`);
    const inside = [...this.#insideOf(player)];
    for (const hold of inside) checkBelief(player, hold.path, hold, "abort");
    const held = inside.filter(({ state }) => state === "held");
    player.demand(
      held.length <= 1 || !held.some(isWriter),
      () => `side by side are in it: ${held.map(({ path }) => path).join(", ")}`,
    );
  }
}

function isWriter({ path }: LockHold): boolean {
  return isWriting(path);
}

/** Whoever excludes everybody else. */
function isWriting(name: string): boolean {
  return /-lock-|__lock__|__WRIT__/.test(name);
}
