/**
 * Clients that begin and end something together, so many at a time, and that wait at a gate which others open and close. They
 * give up, go without waiting, and die. What must hold:
 * - A double barrier is ready only after so many members were there at the same time; who is let in had it ready.
 * - Who has left with the others saw no other any more.
 * - Who gives up is no member any more. A wait at the gate that ends saw the closing end that it tells of.
 * - When nothing is wrong any more all begin and end together, round after round; who waits at a gate goes on when it opens, be it
 *   ever so shortly; and nothing is left.
 */
import type { Barrier, DoubleBarrier, DoubleBarrierMember } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { DirectoryLog } from "./directory-log.js";
import {
  checkBelief,
  checkEmpty,
  checkNothingLeft,
  checkNothingUnderWay,
  impatienceOf,
  orGiveUp,
  TURN_MS_MAX,
  timeoutOf,
} from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/double";
const CALM = "/calm";
const GATE = "/gate";
/** Within it all have begun to look at everything: virtual milliseconds. */
const GATHER_MS = 1000;
const ROUNDS = 3;

/** See the head of this file. */
export const barrier: Scenario = {
  name: "barrier",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Gathering(stage),
};

class Gathering implements Play {
  readonly #stage: Stage;
  readonly #members: number;
  readonly #log: DirectoryLog;
  /** Members that were there at most since the barrier was not ready any more. */
  #most = 0;
  /** Members that are there. */
  readonly #present = new Set<string>();
  /** When it came to be ready, ever. */
  readonly #ready = new Set<bigint>();
  #gathered = 0;
  readonly #entered: number[] = [];
  readonly #left: number[] = [];
  #opener: Player | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#members = stage.chance.pick([2, 2, 3]);
    this.#log = new DirectoryLog(stage.ledger, DIRECTORY);
  }

  async perform(player: Player): Promise<void> {
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    if (player.chance.is(0.4)) await this.#passGate(player);
    else await this.#gather(player);
  }

  async inspect(player: Player): Promise<void> {
    this.#gathered += 1;
    this.#opener ??= player;
    await player.sleep(GATHER_MS);
    for (let round = 0; round < ROUNDS; round += 1) await this.#gatherInPeace(player, round);
    await this.#passInPeace(player);
    this.#look(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [CALM]);
    const left = (this.#stage.ledger.now(DIRECTORY)?.children ?? []).filter((name) => name !== "ready");
    // `ready` stays when all who could take it away have died.
    if (left.length > 0) this.#stage.report(`left in ${DIRECTORY}: ${left.join(", ")}`);
  }

  async #gather(player: Player): Promise<void> {
    const { chance } = player;
    const double: DoubleBarrier = new this.#stage.recipes.DoubleBarrier(player.client, DIRECTORY, {
      members: this.#members,
    });
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const member = await orGiveUp(this.#stage, player, () => double.enter(wait), ENDS);
    if (member === null) {
      checkNothingLeft(this.#stage, player, [DIRECTORY]);
      return;
    }
    this.#look(player);
    const { generation } = member;
    player.demand(
      generation === null ? this.#ready.size > 0 : this.#ready.has(generation),
      () => `entered in ${generation}, and it was ready in ${[...this.#ready].join(", ")}`,
    );
    player.afterTurn = () => {
      this.#look(player);
      checkBelief(player, member.path, member, "wait");
    };
    try {
      await player.sleep(chance.wait(200));
      if (chance.is(0.8)) await this.#leave(player, member);
    } finally {
      await member.release();
      player.afterTurn = () => this.#look(player);
    }
  }

  async #leave(player: Player, member: DoubleBarrierMember): Promise<void> {
    const { generation } = member;
    const wait = { signal: player.resting, timeoutMs: timeoutOf(player) };
    const left = await orGiveUp(this.#stage, player, () => member.leave(wait).then(() => true), ENDS);
    if (left === null || generation === null) return;
    const { ledger } = this.#stage;
    const own = member.path.slice(DIRECTORY.length + 1);
    const isAlone = (zxid: bigint): boolean =>
      (ledger.at(DIRECTORY, zxid)?.children ?? []).every((name) => name === own || name === "ready");
    const moments = [generation, ...ledger.changesAfter(DIRECTORY, generation).map(({ zxid }) => zxid)];
    player.demand(
      moments.some(isAlone),
      () => `has left ${generation}, and others have been there ever since`,
    );
  }

  async #passGate(player: Player): Promise<void> {
    const { chance, client, resting } = player;
    const gate: Barrier = new this.#stage.recipes.Barrier(client, GATE);
    const wait = { signal: resting, timeoutMs: timeoutOf(player) };
    switch (chance.below(5)) {
      case 0:
        return void (await orGiveUp(this.#stage, player, () => gate.close(wait)));
      case 1:
        return void (await orGiveUp(this.#stage, player, () => gate.open(wait)));
      case 2: {
        const hold = await orGiveUp(this.#stage, player, () => gate.closeWhileAlive(wait), [
          ...ENDS,
          "CONFLICT",
        ]);
        await player.sleep(chance.wait(100));
        await hold?.release();
        return;
      }
      default: {
        const waited = await orGiveUp(this.#stage, player, () =>
          gate.wait(wait).then((closed) => ({ closed })),
        );
        const closed = waited?.closed ?? null;
        player.demand(
          closed === null || this.#stage.ledger.now(GATE)?.czxid !== closed,
          () => `waited for ${closed}, which has not ended`,
        );
      }
    }
  }

  /** Nobody is through before all are there, and nobody has gone before all want to. */
  async #gatherInPeace(player: Player, round: number): Promise<void> {
    const members = this.#gathered;
    const double = new this.#stage.recipes.DoubleBarrier(player.client, CALM, { members });
    this.#entered[round] = (this.#entered[round] ?? 0) + 1;
    await player.sleep(player.chance.wait(50));
    const member = await double.enter({ timeoutMs: TURN_MS_MAX });
    player.demand(
      this.#entered[round] === members,
      () => `is through when ${this.#entered[round]} of ${members} have begun to enter`,
    );
    await player.sleep(player.chance.wait(50));
    this.#left[round] = (this.#left[round] ?? 0) + 1;
    await member.leave({ timeoutMs: TURN_MS_MAX });
    player.demand(
      this.#left[round] === members,
      () => `has left when ${this.#left[round]} of ${members} have begun to leave`,
    );
  }

  /** One closes the gate, and opens it for a moment. */
  async #passInPeace(player: Player): Promise<void> {
    const gate = new this.#stage.recipes.Barrier(player.client, GATE);
    if (this.#opener !== player) {
      await player.sleep(GATHER_MS);
      await gate.wait({ timeoutMs: TURN_MS_MAX });
      return;
    }
    await gate.close({ timeoutMs: TURN_MS_MAX });
    await player.sleep(3 * GATHER_MS);
    const { client } = player;
    // Gone and there again at once: who waits for the first closing has to go on.
    await client.transaction().remove(GATE).create(GATE).commit();
    await player.sleep(GATHER_MS);
    const { waiting } = this.#stage.recipes.recipeMetrics(client);
    player.demand(waiting === 0, () => `${waiting} wait`);
  }

  #look(player: Player): void {
    for (const { zxid, came, went } of this.#log.look()) {
      for (const name of went) this.#present.delete(name);
      if (went.includes("ready")) this.#most = 0;
      for (const name of came) if (name !== "ready") this.#present.add(name);
      this.#most = Math.max(this.#most, this.#present.size);
      if (!came.includes("ready")) continue;
      player.demand(
        this.#most >= this.#members,
        () => `it is ready in ${zxid}, with ${this.#most} of ${this.#members} members at most`,
      );
      this.#ready.add(zxid);
    }
  }
}

const ENDS = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "HOLD_LOST"] as const;
