/**
 * Numbers that several clients write, whatever is there or only if a certain one is there; now and then somebody else leaves bytes
 * that are no number. No two writes are of the same number, so that the ledger knows each of them. What must hold:
 * - A write that was told was made, once, over the number that was told; one that was refused never was.
 * - Who is told that a third number was there could have seen one.
 */
import { isZkError } from "@zk/client";
import type { AtomicResult } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import type { Stage } from "./scenario.js";

const LONG = "/written/long";
const INTEGER = "/written/integer";
const INT_MAX = 2 ** 31 - 1;

type Wait = { readonly signal?: AbortSignal; readonly timeoutMs: number };

/** What both kinds of numbers can do. */
interface Atomic<N> {
  readonly path: string;
  get(wait: Wait): Promise<N>;
  set(value: N, wait: Wait): Promise<AtomicResult<N>>;
  compareAndSet(expected: N, value: N, wait: Wait): Promise<AtomicResult<N> | null>;
}

/** See the head of this file. */
export class WrittenNumbers {
  readonly #stage: Stage;
  /** Writes that were told to be made, and not to be. */
  readonly #made = new Set<bigint>();
  readonly #refused = new Set<bigint>();
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** One write of one of the numbers. */
  async write(player: Player, wait: Wait): Promise<void> {
    const { recipes } = this.#stage;
    const { client, chance } = player;
    if (chance.is(0.1)) return void (await client.setData(chance.pick([LONG, INTEGER]), "?"));
    this.#count += 1;
    const count = this.#count;
    const written = chance.is(0.5)
      ? this.#write(player, new recipes.AtomicLong(client, LONG), BigInt(count), wait)
      : this.#write(player, new recipes.AtomicInteger(client, INTEGER), count, wait);
    try {
      await written;
    } catch (error) {
      if (!isZkError(error) && !recipes.isRecipeError(error)) throw error;
      player.note(`does not write ${count}: ${error.code}, applied: ${error.applied}`);
      if (error.applied === "no") this.#refused.add(BigInt(count));
    }
  }

  /** A number of its own, to the ends of what it can be. */
  async workAlone(player: Player, wait: Wait): Promise<void> {
    const { recipes } = this.#stage;
    const { client } = player;
    const path = `/own-${player.name}`;
    const number = new recipes.AtomicInteger(client, path);
    const wrapping = new recipes.AtomicInteger(client, path, { overflow: "wrap" });
    const isSo = (is: unknown, wanted: unknown): void =>
      player.demand(is === wanted, () => `its own number is told to be ${is}, and should be ${wanted}`);
    isSo((await number.set(INT_MAX, wait)).pre, 0);
    const beyond: unknown = await number.increment(wait).catch((error: unknown) => error);
    player.demand(recipes.isRecipeError(beyond, "CAPACITY"), () => `${INT_MAX} and 1 was ${String(beyond)}`);
    isSo((await wrapping.increment(wait)).post, -INT_MAX - 1);
    isSo((await wrapping.decrement(wait)).post, INT_MAX);
    isSo(await number.compareAndSet(7, 8, wait), null);
    isSo((await number.compareAndSet(INT_MAX, 8, wait))?.post, 8);
    isSo((await number.subtract(3, wait)).post, 5);
    isSo(await number.get(wait), 5);
  }

  /** All clients are closed. */
  finish(): void {
    const { ledger, report } = this.#stage;
    const times = new Map<bigint, number>();
    for (const path of [LONG, INTEGER]) {
      for (const { zxid, kind } of ledger.changesAfter(path, 0n)) {
        if (kind !== "data" && kind !== "created") continue;
        const number = numberOf(ledger.at(path, zxid)?.data);
        if (number !== 0n) times.set(number, (times.get(number) ?? 0) + 1);
      }
    }
    for (const [number, count] of times) {
      if (count > 1) report(`${number} was written ${count} times`);
      if (this.#refused.has(number)) report(`${number} was written, and told that it was not`);
    }
    for (const number of this.#made)
      if (!times.has(number)) report(`${number} was told to be written, and never was`);
  }

  async #write<N extends number | bigint>(
    player: Player,
    atomic: Atomic<N>,
    value: N,
    wait: Wait,
  ): Promise<void> {
    if (player.chance.is(0.4)) return this.#check(player, atomic, value, await atomic.set(value, wait));
    const expected = await atomic.get(wait);
    const { lastZxid, sessionId } = player.client;
    await player.sleep(player.chance.wait(20));
    const result = await atomic.compareAndSet(expected, value, wait);
    if (result !== null) {
      player.demand(
        result.pre === expected,
        () => `${value} was for ${expected}, and replaced ${result.pre}`,
      );
      return this.#check(player, atomic, value, result);
    }
    this.#refused.add(BigInt(value));
    // A new session may begin with a server that is behind.
    if (player.client.sessionId !== sessionId) return;
    const { ledger } = this.#stage;
    const zxids = [lastZxid, ...ledger.changesAfter(atomic.path, lastZxid).map(({ zxid }) => zxid)];
    const seen = zxids.map((zxid) => numberOf(ledger.at(atomic.path, zxid)?.data));
    player.demand(
      seen.some((number) => number !== BigInt(expected)),
      () => `${value} was told not to be written over ${expected}, and nothing else was there`,
    );
  }

  /** What is told is what the servers' history says. */
  #check<N extends number | bigint>(
    player: Player,
    { path }: Atomic<N>,
    value: N,
    { pre, post, mzxid }: AtomicResult<N>,
  ): void {
    const { ledger } = this.#stage;
    const [was, is] = [ledger.at(path, mzxid - 1n), ledger.at(path, mzxid)];
    player.demand(
      post === value &&
        is?.mzxid === mzxid &&
        numberOf(is.data) === BigInt(post) &&
        numberOf(was?.data) === BigInt(pre),
      () =>
        `${value} was told to replace ${pre} by ${mzxid}, and it went from ${numberOf(was?.data)} to ${numberOf(is?.data)}`,
    );
    this.#made.add(BigInt(value));
  }
}

/** Eight bytes or four, the highest first; 0 where there is nothing, or no number. */
export function numberOf(data: Uint8Array | null | undefined): bigint {
  if (data === null || data === undefined) return 0n;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length === 8) return view.getBigInt64(0);
  return data.length === 4 ? BigInt(view.getInt32(0)) : 0n;
}
