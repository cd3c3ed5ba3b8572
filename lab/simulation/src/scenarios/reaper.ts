/**
 * Reapers over directories in which locks are taken, given back and left, and which are made, written to and shown flags in by
 * others. In some worlds one reaper of all is elected, in others all are at work. What must hold:
 * - What goes is persistent, no root, has neither children nor data, and was looked at twice by whoever removed it, in one session,
 *   a window apart and with nothing changed; the last look was not behind. Nothing was written to it since.
 * - A reaper that is elected removes nothing that is not of its term.
 * - Locks below are one's at a time, and tokens only grow (see {@link GuardedLog}); nobody removes a contender of another's.
 * - When nothing is wrong any more everybody gets a lock, and then all that is empty goes.
 */
import { type Client, CreateMode, isZkError, type Stat } from "@zk/client";
import type { ReaperOptions } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import type { NodeVersion } from "../checks/ledger.js";
import { DirectoryLog } from "./directory-log.js";
import { GuardedLog } from "./guarded-log.js";
import { checkNothingUnderWay, impatienceOf, makeNode, orGiveUp, TURN_MS_MAX, timeoutOf } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const ROOT = "/locks";
const LEADER = "/reapers";
const LOCKS = [`${ROOT}/a/x`, `${ROOT}/b`];
/** Directories that others make, write to, and put children and flags into. */
const PLAIN = [`${ROOT}/c`, `${ROOT}/d`];
const FLAG = `${ROOT}/flag`;
const WATCHED = [ROOT, `${ROOT}/a`, FLAG, ...LOCKS, ...PLAIN];

/** What a reaper saw, by its own clock, and the newest transaction of when it asked. */
interface Look {
  readonly stat: Stat;
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly zxid: bigint;
  /** The newest transaction of when it last asked its server to catch up. */
  readonly syncedZxid: bigint;
}

/** See the head of this file. */
export const reaper: Scenario = {
  name: "reaper",
  clients: [3, 5],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Reaping(stage),
};

class Reaping implements Play {
  readonly #stage: Stage;
  readonly #leader: string | undefined;
  readonly #emptyForMs: number;
  readonly #logs: readonly GuardedLog[];
  readonly #lines: readonly DirectoryLog[];
  /** By session and path. */
  readonly #looks = new Map<string, Look[]>();
  readonly #tapped = new WeakSet<Client>();
  #checked = 0n;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#leader = stage.chance.is(0.6) ? LEADER : undefined;
    this.#emptyForMs = stage.chance.pick([50, 300, 1000]);
    this.#logs = LOCKS.map((_, index) => new GuardedLog(stage.ledger, `/log${index}`));
    this.#lines = LOCKS.map((path) => new DirectoryLog(stage.ledger, path));
  }

  async prepare(player: Player): Promise<void> {
    for (const path of [ROOT, ...this.#logs.map((log) => log.path)]) await makeNode(player, path, "");
    await makeNode(player, FLAG, "set");
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    this.#tap(player);
    player.afterTurn = () => this.#check(player);
    if (this.#leader !== undefined && chance.is(0.1)) return await this.#depose(player, this.#leader);
    if (chance.is(0.4)) return await this.#reap(player);
    if (chance.is(0.3)) return await this.#useDirectory(player);
    await this.#useLock(player);
  }

  /** Everybody has turns, and reaps until nothing is left. */
  async inspect(player: Player): Promise<void> {
    const { recipes, ledger } = this.#stage;
    this.#tap(player);
    for (const [index, path] of LOCKS.entries()) {
      const hold = await new recipes.Lock(player.client, path).acquire({ timeoutMs: TURN_MS_MAX });
      await this.#logs[index]!.write(hold);
      await hold.release();
    }
    for (const path of PLAIN) await this.#removeChild(player, path);
    const reaping = new recipes.Reaper(player.client, { ...this.#options(player), intervalMs: 100 }).start();
    const left = (): readonly string[] => ledger.now(ROOT)?.children ?? [];
    for (let waitedMs = 0; left().length > 1 && waitedMs < TURN_MS_MAX; waitedMs += 100)
      await player.sleep(100);
    player.demand(left().join() === "flag", () => `nothing is wrong, and yet there is ${left().join(", ")}`);
    await reaping.close();
    player.demand(reaping.state === "closed", () => `nothing is wrong, and yet it is ${reaping.state}`);
    this.#check(player);
    checkNothingUnderWay(this.#stage, player);
  }

  #options({ chance }: Player): ReaperOptions {
    const leader = this.#leader === undefined ? {} : { leader: this.#leader };
    return {
      roots: [ROOT],
      emptyForMs: this.#emptyForMs,
      intervalMs: chance.pick([10, 100]),
      concurrency: chance.pick([1, 8]),
      ...leader,
    };
  }

  /** In the background for a while, or one round. */
  async #reap(player: Player): Promise<void> {
    const { recipes } = this.#stage;
    const { chance, client } = player;
    if (this.#leader === undefined && chance.is(0.3)) {
      using impatience = impatienceOf(player);
      const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
      await orGiveUp(this.#stage, player, () => recipes.reap(client, { ...this.#options(player), ...wait }));
      return;
    }
    const reaping = new recipes.Reaper(client, this.#options(player));
    reaping.onEvent((event) => {
      if (event.type !== "passed") player.note(`reaper: ${event.type} ${"path" in event ? event.path : ""}`);
      const isOff = event.type === "failed" && !isZkError(event.error);
      player.demand(!isOff, () => `a reaper failed: ${String((event as { error?: unknown }).error)}`);
    });
    reaping.start();
    await player.sleep(chance.wait(4000), player.resting).catch(() => {});
    await reaping.close();
    player.demand(["closed", "failed"].includes(reaping.state), () => `it is closed, and ${reaping.state}`);
  }

  /** Somebody takes the one that is at work out of the election. */
  async #depose({ client }: Player, leader: string): Promise<void> {
    try {
      const [first] = this.#stage.recipes.sortContenders(await client.getChildren(leader));
      if (first !== undefined) await client.remove(`${leader}/${first.name}`);
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
    }
  }

  async #useLock(player: Player): Promise<void> {
    const { chance, client } = player;
    const which = chance.below(LOCKS.length);
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const lock = new this.#stage.recipes.Lock(client, LOCKS[which]!);
    const hold = await orGiveUp(this.#stage, player, () => lock.acquire(wait));
    if (hold === null) return;
    try {
      if (!hold.signal.aborted) await this.#logs[which]!.write(hold);
      // Now and then for longer than the window.
      await player.sleep(chance.wait(chance.pick([20, 20, 2000])), player.resting).catch(() => {});
      if (!hold.signal.aborted) await this.#logs[which]!.write(hold);
    } catch (error) {
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error, "HOLD_LOST")) throw error;
    } finally {
      await hold.release();
    }
    if (chance.is(0.3)) await player.sleep(chance.wait(1500), player.resting).catch(() => {});
  }

  /** Makes it, writes to it, has a child come and go, again and again, and now and then for longer than the window not. */
  async #useDirectory(player: Player): Promise<void> {
    const { chance } = player;
    const path = chance.pick(PLAIN);
    for (let times = chance.below(12); times > 0 && !player.resting.aborted; times -= 1) {
      try {
        await this.#change(player, path);
      } catch (error) {
        if (!isZkError(error, "NODE_EXISTS") && !isZkError(error, "NO_NODE")) throw error;
      }
      await player.sleep(chance.wait(chance.pick([60, 60, 400])), player.resting).catch(() => {});
    }
  }

  async #change({ chance, client }: Player, path: string): Promise<void> {
    const what = chance.pick(["make", "write", "write", "child"]);
    if (what === "make") await client.create(path, null);
    if (what === "write") await client.setData(path, null);
    if (what !== "child") return;
    await client.create(`${path}/child`, null, { mode: CreateMode.EPHEMERAL });
    await client.remove(`${path}/child`);
  }

  /** Of a session that lives, and lost the answer to its removal. */
  async #removeChild({ client }: Player, path: string): Promise<void> {
    await client.remove(`${path}/child`, { retry: "always" }).catch((error: unknown) => {
      if (!isZkError(error, "NO_NODE")) throw error;
    });
  }

  /** Listens to what reapers look at, and lets them stand still with it for a while. */
  #tap(player: Player): void {
    const { chance, client } = player;
    if (this.#tapped.has(client)) return;
    this.#tapped.add(client);
    const { ledger } = this.#stage;
    const look = client.getChildrenWithStat.bind(client);
    const sync = client.sync.bind(client);
    let syncedZxid = 0n;
    client.sync = async (path, options) => {
      const zxid = ledger.lastZxid;
      await sync(path, options);
      syncedZxid = zxid;
    };
    client.getChildrenWithStat = async (path, options) => {
      const { lastZxid: zxid } = ledger;
      const sentMs = client.clock.nowMs();
      const found = await look(path, options);
      const key = `${client.sessionId} ${path}`;
      const last = { stat: found.stat, sentMs, answeredMs: client.clock.nowMs(), zxid, syncedZxid };
      const looks = [...(this.#looks.get(key) ?? []), last].slice(-LOOKS_MAX);
      this.#looks.set(key, looks);
      if (player.resting.aborted) return found;
      if (chance.is(0.05)) await player.sleep(chance.wait(600));
      else if (found.children.length === 0 && this.#seenForMs(looks, last) >= this.#emptyForMs) {
        const what = chance.pick(["nothing", "nothing", "nothing", "depose", "write"]);
        if (what === "depose") this.#deposeItself(client);
        if (what === "write" && path !== ROOT)
          client.setData(path, found.stat.dataLength > 0 ? "set" : null).catch(() => {});
      }
      return found;
    };
  }

  #check(player: Player): void {
    const { ledger } = this.#stage;
    for (const log of this.#logs) {
      const wrong = log.look();
      player.demand(wrong === undefined, () => `two have a lock: ${wrong}`);
    }
    for (const line of this.#lines) {
      for (const { zxid, went } of line.look()) {
        for (const name of went) {
          const owner = ledger.at(`${line.path}/${name}`, zxid - 1n)?.owner;
          const isOwn = owner === ledger.sessionOf(zxid);
          player.demand(isOwn, () => `${name} of ${line.path} was removed by another session`);
        }
      }
    }
    const from = this.#checked;
    this.#checked = ledger.lastZxid;
    for (const path of WATCHED) {
      for (const { zxid, kind } of ledger.changesAfter(path, from)) {
        if (kind !== "deleted") continue;
        const wrong = this.#wrongRemoval(path, zxid);
        player.demand(wrong === undefined, () => `${zxid} removed ${path}: ${wrong}`);
      }
    }
  }

  /** Only reapers remove these. */
  #wrongRemoval(path: string, zxid: bigint): string | undefined {
    const { ledger } = this.#stage;
    const session = ledger.sessionOf(zxid);
    const was = ledger.at(path, zxid - 1n);
    if (path === ROOT || path === FLAG) return "it is not to go";
    if (was === null || was.owner !== 0n || (was.data?.length ?? 0) > 0) return "it is none of theirs";
    if (this.#leader !== undefined && this.#leaderAt(zxid - 1n) !== session) return "its term is over";
    const looks = this.#looks.get(`${session} ${path}`) ?? [];
    const last = looks.findLast((look) => isSame(look.stat, was) || this.#isRemade(path, look, was));
    if (last === undefined) return `nobody has seen it as it was, ${was.mzxid}`;
    const forMs = this.#seenForMs(looks, last);
    if (forMs < this.#emptyForMs) return `it was seen for ${forMs} ms`;
    const then = ledger.at(path, last.syncedZxid);
    const isBehind = then !== null && (then.pzxid > last.stat.pzxid || then.mzxid > last.stat.mzxid);
    return isBehind ? `it was seen as of ${last.stat.pzxid}, and was of ${then.pzxid}` : undefined;
  }

  #seenForMs(looks: readonly Look[], last: Look): number {
    const first = looks.find(({ stat }) => isUnchanged(stat, last.stat));
    return last.sentMs - (first?.answeredMs ?? last.sentMs);
  }

  /** Its term is taken away while it is about to remove something: the servers are told of that first, and it only after it. */
  #deposeItself(client: Client): void {
    const { ledger, recipes } = this.#stage;
    if (this.#leader === undefined || this.#leaderAt(ledger.lastZxid) !== client.sessionId) return;
    const [first] = recipes.sortContenders(ledger.now(this.#leader)?.children ?? []);
    if (first !== undefined) client.remove(`${this.#leader}/${first.name}`).catch(() => {});
  }

  /** Two reapers that are not elected may be at the same: what one removed is made again, and looks the same to the servers. */
  #isRemade(path: string, look: Look, was: NodeVersion): boolean {
    return (
      this.#leader === undefined && was.czxid > look.zxid && this.#stage.ledger.at(path, look.zxid) !== null
    );
  }

  #leaderAt(zxid: bigint): bigint | undefined {
    const { ledger, recipes } = this.#stage;
    const [first] = recipes.sortContenders(ledger.at(LEADER, zxid)?.children ?? []);
    return first === undefined ? undefined : ledger.at(`${LEADER}/${first.name}`, zxid)?.owner;
  }
}

/** Looks at one directory that are remembered. */
const LOOKS_MAX = 1000;

/** As far as a removal can demand it: a child may have come and gone. */
function isSame(stat: Stat, was: NodeVersion): boolean {
  return stat.czxid === was.czxid && stat.mzxid === was.mzxid;
}

function isUnchanged(one: Stat, other: Stat): boolean {
  const { czxid, mzxid, pzxid } = one;
  return czxid === other.czxid && mzxid === other.mzxid && pzxid === other.pzxid;
}
