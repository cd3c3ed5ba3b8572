/**
 * Waits for what others do: for the children of a znode to settle, and for a znode to be as one wants it. What must hold:
 * - The children that are told were those of one moment of the wait, and the stat is that one's.
 * - Nobody came or went for as long as it was to be quiet, by the waiter's clock; when nothing is wrong, by anybody's.
 * - A znode that was waited for is told as it was at one moment, and as it was wanted.
 * - When nothing is wrong any more every wait ends: with all that came, and not before.
 */
import type { Stat } from "@zk/client";
import type { Player } from "../actors/player.js";
import type { NodeVersion } from "../checks/ledger.js";
import { impatienceOf, makeNode, orGiveUp, TURN_MS_MAX, textOf, timeoutOf } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const GROUP = "/group";
const FLAG = "/flag";
/** How many come, and with which pauses, when nothing is wrong: virtual milliseconds. */
const COMING = 5;
const PAUSE_MS = 100;
const QUIET_MS = 400;
const FINAL = 1_000_000;

/** See the head of this file. */
export const patience: Scenario = {
  name: "patience",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Waiting(stage),
};

class Waiting implements Play {
  readonly #stage: Stage;
  #came = 0;
  #lastCameMs = Number.POSITIVE_INFINITY;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    const what = chance.next();
    if (what < 0.4) return await this.#change(player);
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: Math.min(2000, timeoutOf(player)) };
    if (what < 0.7) await this.#untilQuiet(player, chance.pick([0, 20, 200]), wait);
    else await this.#untilFlag(player, chance.is(0.3) ? undefined : chance.below(10), wait);
    player.demand(
      player.client.load.watches === 0 || player.client.state !== "connected",
      () => `a wait is over, and ${player.client.load.watches} watches are left`,
    );
  }

  /** One comes with all that belongs to it, little by little; the others wait for that. */
  async inspect(player: Player): Promise<void> {
    const isFirst = this.#came === 0;
    this.#came += 1;
    if (isFirst) await this.#bringAll(player);
    else {
      const { ledger } = this.#stage;
      while (ledger.now(GROUP) === null) await player.sleep(PAUSE_MS);
      await player.client.sync("/");
      const names = await this.#untilQuiet(player, QUIET_MS, { timeoutMs: TURN_MS_MAX });
      const now = ledger.now(GROUP)?.children ?? [];
      player.demand(names?.length === now.length, () => `${names?.length} have come, of ${now.length}`);
      const quietMs = this.#stage.nowMs - this.#lastCameMs;
      player.demand(quietMs >= QUIET_MS, () => `it was quiet for ${quietMs} ms, not for ${QUIET_MS}`);
      const flag = await this.#untilFlag(player, FINAL, { timeoutMs: TURN_MS_MAX });
      player.demand(flag === FINAL, () => `the flag is ${flag}`);
    }
  }

  async #bringAll(player: Player): Promise<void> {
    await makeNode(player, GROUP);
    // All are waiting by then; whoever is not sees the same.
    await player.sleep(PAUSE_MS);
    for (let number = 0; number < COMING; number += 1) {
      this.#lastCameMs = this.#stage.nowMs;
      await player.client.create(`${GROUP}/late-${number}`, "");
      await player.sleep(PAUSE_MS);
    }
    await player.sleep(2 * QUIET_MS);
    await makeNode(player, FLAG);
    await player.client.setData(FLAG, `${FINAL}`);
  }

  async #change({ client, chance, name }: Player): Promise<void> {
    const { ledger } = this.#stage;
    const children = ledger.now(GROUP)?.children ?? [];
    const times = 1 + chance.below(3);
    for (let time = 0; time < times; time += 1) {
      const choice = chance.below(6);
      if (choice < 2) {
        const path = `${GROUP}/${name}-${chance.below(20)}`;
        await client.create(path, "", { createParents: true }).catch(() => {});
      } else if (choice === 2 && children.length > 0) {
        await client.remove(`${GROUP}/${chance.pick(children)}`).catch(() => {});
      } else if (choice === 3) await client.remove(FLAG).catch(() => {});
      else if (ledger.now(FLAG) === null) await client.create(FLAG, `${chance.below(10)}`).catch(() => {});
      else await client.setData(FLAG, `${chance.below(10)}`).catch(() => {});
    }
  }

  async #untilQuiet(
    player: Player,
    quietMs: number,
    wait: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<readonly string[] | null> {
    const { client } = player;
    const from = client.lastZxid;
    const beganMs = client.clock.nowMs();
    const settled = await orGiveUp(this.#stage, player, () =>
      this.#stage.recipes.patientChildren(client, GROUP, { quietMs, ...wait }),
    );
    if (settled === null) return null;
    const tookMs = client.clock.nowMs() - beganMs;
    player.demand(tookMs >= quietMs, () => `it was quiet for ${tookMs} ms, not for ${quietMs}`);
    const { names, stat } = settled;
    const told = [...names].sort().join();
    const isSo = (node: NodeVersion | null): boolean =>
      (stat === null) === (node === null) &&
      told === [...(node?.children ?? [])].sort().join() &&
      (stat === null || stat.pzxid === node?.pzxid);
    player.demand(
      this.#wasSo(GROUP, from, isSo),
      () => `the children never were ${told}, of ${textOfStat(stat)}`,
    );
    return names;
  }

  /** Until it is so much or more, or is not there. @returns how much it is; null when it was given up or is not there */
  async #untilFlag(
    player: Player,
    atLeast: number | undefined,
    wait: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<number | null> {
    const { client } = player;
    const from = client.lastZxid;
    let isMet = false;
    const met = await orGiveUp(this.#stage, player, async () => {
      const node = await this.#stage.recipes.until(
        client,
        FLAG,
        (flag) =>
          flag === undefined ? atLeast === undefined : Number(textOf(flag.data)) >= (atLeast ?? 1e9),
        wait,
      );
      isMet = true;
      return node ?? null;
    });
    if (!isMet) return null;
    const isSo = (flag: NodeVersion | null): boolean =>
      flag?.mzxid === met?.stat.mzxid && textOf(flag?.data) === textOf(met?.data);
    player.demand(this.#wasSo(FLAG, from, isSo), () => `the flag never was ${textOf(met?.data)}`);
    if (met === null) {
      player.demand(atLeast === undefined, () => `waited for ${atLeast}, and is told of nothing`);
      return null;
    }
    const value = Number(textOf(met.data));
    player.demand(
      atLeast !== undefined && value >= atLeast,
      () => `waited for ${atLeast}, and is told ${value}`,
    );
    return value;
  }

  /** At any moment since. */
  #wasSo(path: string, from: bigint, isSo: (node: NodeVersion | null) => boolean): boolean {
    const { ledger } = this.#stage;
    const times = [from, ...ledger.changesAfter(path, from).map(({ zxid }) => zxid)];
    return times.some((zxid) => isSo(ledger.at(path, zxid)));
  }
}

function textOfStat(stat: Stat | null): string {
  return stat === null ? "a znode that is not there" : `${stat.pzxid}`;
}
