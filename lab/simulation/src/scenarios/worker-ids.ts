/**
 * Worker ids that several clients take, wait for, give back, take from each other, and die with. What must hold:
 * - A number is one holder's at a time, by the claims that there are and by the writes through the guard.
 * - One whose holder was lost is taken by nobody before its session timeout and the quarantine have passed since its claim went, by
 *   the servers' clock; one that was given back not before the time that is asked for that.
 * - It counts as given back only when its holder gave it back while it had it, or never had it; and then it does.
 * - Who is told that none is free found each taken, or resting.
 * - A hold is not believed in longer than may be. A wait that was given up leaves nothing.
 * - When nothing is wrong any more everybody gets a number, and no claim is left behind the last.
 */
import { isZkError } from "@zk/client";
import type { WorkerId, WorkerIds } from "@zk/recipes";
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

const PATH = "/ids";
const CLAIMS = `${PATH}/claims`;
const DOOR = `${PATH}/door`;

/** What is known of a claim that somebody was given. */
interface Had {
  readonly sessionTimeoutMs: number;
  isGivenBack: boolean;
}

/** When a number was last nobody's, and for how long it has to rest. */
interface Gone {
  readonly atMs: number;
  readonly restMs: number;
}

/** See the head of this file. */
export const workerIds: Scenario = {
  name: "worker-ids",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Numbering(stage),
};

class Numbering implements Play {
  readonly #stage: Stage;
  readonly #bits: number;
  readonly #quarantineMs: number;
  readonly #afterReleaseMs: number;
  readonly #logs: readonly GuardedLog[];
  readonly #claims: DirectoryLog;
  readonly #had = new Map<string, Had>();
  readonly #holders = new Map<number, string>();
  readonly #gone = new Map<number, Gone>();

  constructor(stage: Stage) {
    const { chance, ledger } = stage;
    this.#stage = stage;
    this.#bits = chance.pick([1, 1, 2, 3]);
    this.#quarantineMs = chance.pick([0, 300, 2000]);
    this.#afterReleaseMs = chance.pick([0, 0, 200]);
    this.#logs = Array.from({ length: 2 ** this.#bits }, (_, id) => new GuardedLog(ledger, `/log-${id}`));
    this.#claims = new DirectoryLog(ledger, CLAIMS);
  }

  async prepare(player: Player): Promise<void> {
    for (const { path } of this.#logs) await makeNode(player, path);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    if (chance.is(0.1)) return this.#break(player);
    const onSuspended = chance.pick(["abort", "abort", "wait"] as const);
    const held = await this.#take(player, onSuspended);
    if (held === null) return;
    player.afterTurn = () => {
      this.#look(player);
      checkBelief(player, "the number", held, onSuspended);
    };
    try {
      const writes = chance.below(3);
      for (let write = 0; write < writes && !held.signal.aborted; write += 1) {
        await this.#write(held);
        await player.sleep(chance.wait(300));
      }
    } finally {
      await this.#giveBack(player, held);
      player.afterTurn = () => this.#look(player);
    }
  }

  /** Everybody gets a number, again and again. */
  async inspect(player: Player): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      const held = await this.#idsOf(player, "abort").acquire({ wait: true, timeoutMs: TURN_MS_MAX });
      this.#noteHad(player, held);
      await this.#logs[held.id]!.write(held);
      player.demand(held.state === "held", () => `nothing is wrong, and yet it is ${held.state}`);
      await player.sleep(player.chance.wait(50));
      const isConfirmed = await this.#giveBack(player, held);
      player.demand(isConfirmed, () => "nothing is wrong, and yet a release was not confirmed");
      this.#checkGivenBack(player, held);
    }
    this.#look(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DOOR, CLAIMS]);
    const wrong = this.#wrong();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  #idsOf(player: Player, onSuspended: "abort" | "wait"): WorkerIds {
    return new this.#stage.recipes.WorkerIds(player.client, PATH, {
      bits: this.#bits,
      quarantineMs: this.#quarantineMs,
      afterReleaseMs: this.#afterReleaseMs,
      identity: player.name,
      onSuspended,
    });
  }

  async #take(player: Player, onSuspended: "abort" | "wait"): Promise<WorkerId | null> {
    const { chance } = player;
    const { ledger, recipes } = this.#stage;
    const from = player.client.lastZxid;
    let isNoneFree = false;
    using impatience = impatienceOf(player);
    const wait = { wait: chance.is(0.6), signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const held = await orGiveUp(
      this.#stage,
      player,
      async () => {
        try {
          return await this.#idsOf(player, onSuspended).acquire(wait);
        } catch (error) {
          isNoneFree = recipes.isRecipeError(error, "CAPACITY");
          throw error;
        }
      },
      ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "CAPACITY"],
    );
    if (held !== null) {
      this.#noteHad(player, held);
      player.demand(held.state !== "lost", () => "was given a number that is lost");
      return held;
    }
    checkNothingLeft(this.#stage, player, [DOOR, CLAIMS]);
    const untouched = this.#logs.findIndex((_, id) => this.#wasNeverTaken(id, from, ledger.lastZxid));
    player.demand(
      !isNoneFree || untouched < 0,
      () => `is told that none is free, and nobody had ${untouched}`,
    );
    player.demand(!isNoneFree || !wait.wait, () => "was to wait for a number, and did not");
    return null;
  }

  /** Whether a number that nobody has yet had could be had all the time. */
  #wasNeverTaken(id: number, from: bigint, to: bigint): boolean {
    const { ledger } = this.#stage;
    const record = `${PATH}/records/${id}`;
    return ledger.at(record, from) === null && ledger.at(record, to) === null;
  }

  #noteHad(player: Player, { id, path, token }: WorkerId): void {
    const { sessionTimeoutMs } = player.client;
    this.#had.set(path, { sessionTimeoutMs, isGivenBack: false });
    player.demand(id >= 0 && id < this.#logs.length, () => `${id} is none of the numbers`);
    player.note(`has the number ${id} as ${token}`);
  }

  /** @returns whether it is confirmed */
  async #giveBack(player: Player, held: WorkerId): Promise<boolean> {
    const { ledger } = this.#stage;
    const had = this.#had.get(held.path);
    const isLost = held.state === "lost";
    if (had !== undefined && !isLost) had.isGivenBack = true;
    const { confirmed } = await held.release();
    const owner = ledger.now(held.path)?.owner;
    player.demand(
      !confirmed || owner !== player.client.sessionId,
      () => `${held.path} is there behind a release`,
    );
    return confirmed;
  }

  /** The transaction that took its claim away says so in its record. */
  #checkGivenBack(player: Player, { id, path, token }: WorkerId): void {
    const { ledger } = this.#stage;
    const gone = ledger.changesAfter(path, token).find(({ kind }) => kind === "deleted");
    const record = gone && ledger.at(`${PATH}/records/${id}`, gone.zxid);
    player.demand(record?.mzxid === gone?.zxid, () => `${path} was given back, and does not count as such`);
  }

  /** Somebody thinks that it knows better, and takes a claim away. */
  async #break({ client, chance }: Player): Promise<void> {
    const names = await client.getChildren(CLAIMS);
    if (names.length > 0) await client.remove(`${CLAIMS}/${chance.pick(names)}`, { retry: "always" });
  }

  async #write(held: WorkerId): Promise<void> {
    try {
      await this.#logs[held.id]!.write(held);
    } catch (error) {
      if (isZkError(error) || this.#stage.recipes.isRecipeError(error, "HOLD_LOST")) return;
      throw error;
    }
  }

  #look(player: Player): void {
    const wrong = this.#wrong();
    player.demand(wrong === undefined, () => wrong ?? "");
  }

  /** What is wrong with the claims that came and went, and with the writes. */
  #wrong(): string | undefined {
    for (const { zxid, timeMs, came, went } of this.#claims.look()) {
      for (const name of went) {
        const wrong = this.#went(name, zxid, timeMs);
        if (wrong !== undefined) return wrong;
      }
      for (const name of came) {
        const id = idOf(name);
        const other = this.#holders.get(id);
        if (other !== undefined) return `${name} came while ${other} was there`;
        this.#holders.set(id, name);
        const gone = this.#gone.get(id);
        if (gone !== undefined && timeMs < gone.atMs + gone.restMs)
          return `${name} came ${timeMs - gone.atMs} ms behind the one before, which rests for ${gone.restMs} ms`;
      }
    }
    for (const log of this.#logs) {
      const wrong = log.look();
      if (wrong !== undefined) return `two have a number: ${wrong}`;
    }
    return undefined;
  }

  #went(name: string, zxid: bigint, atMs: number): string | undefined {
    const { ledger } = this.#stage;
    const id = idOf(name);
    const had = this.#had.get(`${CLAIMS}/${name}`);
    const record = ledger.at(`${PATH}/records/${id}`, zxid);
    const isReleased = record?.mzxid === zxid && textOf(record.data).includes('"released"');
    if (isReleased && had?.isGivenBack === false) return `${name} counts as given back, and was lost`;
    if (this.#holders.get(id) === name) this.#holders.delete(id);
    // Of one that nobody was told of it is not known which session it was of.
    const timeoutMs = had?.sessionTimeoutMs ?? 0;
    const restMs = isReleased ? this.#afterReleaseMs : timeoutMs + this.#quarantineMs;
    this.#gone.set(id, { atMs, restMs });
    return undefined;
  }
}

function idOf(name: string): number {
  return Number(name.split("-")[0]);
}
