// What suites of mutexes share: two that want one lock, and many that hammer it.
import { expect } from "vitest";
import { hammerTimeoutMs, judgeHammerLog, readHammerLog } from "../../src/peers/hammer.js";
import type { Peer } from "../../src/peers/peer.js";
import type { Mutex, MutexOptions } from "../../src/peers/recipes.js";
import type { Ground } from "./ground.js";
import { waitUntil } from "./tools.js";

/** Long enough for a lock that is to be had, and short for one that is not. */
export const tryMs = 80;

export type Contender = (path: string) => Promise<Mutex>;

export const contender =
  (peer: () => Peer, options: MutexOptions = {}): Contender =>
  (path) =>
    peer().open("mutex", path, options);

/** How often the second gets the lock that the first has. The second gets it in any case once the first has given it back. */
export async function countBoth(
  ground: Ground,
  tries: number,
  first: Contender,
  second: Contender,
): Promise<number> {
  let both = 0;
  for (let count = 0; count < tries; count += 1) {
    const path = ground.path();
    await using one = await first(path);
    await using two = await second(path);
    expect(await one.acquire({ timeoutMs: 5_000 })).toBe(true);
    if (await two.acquire({ timeoutMs: tryMs })) {
      both += 1;
      continue;
    }
    const waiting = two.acquire({ timeoutMs: 20_000 });
    await one.release();
    expect(await waiting).toBe(true);
  }
  return both;
}

/** Several hammer one path at the same time, each so many rounds or more; the log tells what happened. */
export async function hammer(
  ground: Ground,
  contenders: Readonly<Record<string, Contender>>,
  rounds: number,
) {
  const [path, logPath, untilPath] = [ground.path(), ground.path(), ground.path()];
  const { client } = ground;
  await client.create(logPath, "");
  const judge = async () => {
    await client.sync(logPath);
    return judgeHammerLog(await readHammerLog(client, logPath));
  };
  const names = Object.keys(contenders);
  const work = names.map(async (holder) => {
    await using mutex = await contenders[holder]!(path);
    return await mutex.hammer({
      logPath,
      holder,
      rounds,
      untilPath,
      timeoutMs: hammerTimeoutMs + longEnough(rounds).timeout,
    });
  });
  const failed = Promise.all(work).then(() => undefined);
  const enough = waitUntil(async () => {
    const { holders } = await judge();
    return names.every((name) => (holders[name] ?? 0) >= rounds);
    // To read a long log takes a while.
  }, longEnough(rounds));
  await Promise.race([enough, failed]);
  await client.create(untilPath, "");
  const counts = await Promise.all(work);
  const findings = await judge();
  const acquired = counts.reduce((sum, count) => sum + count.acquired, 0);
  expect(findings.acquisitions).toBe(acquired);
  return {
    ...findings,
    conflicts: counts.reduce((sum, count) => sum + count.conflicts, 0),
    left: await client.getChildren(path),
  };
}

export const exclusion = { overlaps: [], staleTokens: [], nonsense: [], inside: [], conflicts: 0, left: [] };

/** So many rounds of each contender take this long at most, on a slow machine. */
export function longEnough(rounds: number): { readonly timeout: number; readonly interval: number } {
  return { timeout: 30_000 + 400 * rounds, interval: 25 + rounds };
}

/** How much of it. */
export interface Effort {
  /** Attempts in each order to have a mutex that another has. */
  readonly tries: number;
  /** Acquisitions of each contender under the hammer. */
  readonly rounds: number;
}
