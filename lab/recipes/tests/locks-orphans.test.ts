// Whatever happens to those who take locks, what lies in the directories is what they have and what they wait for, no more.
//
// ZK_LOCK_STEPS says how many random steps; 10000 is the full count. The same on real servers: real-orphans.test.ts.
import { describe, expect, it } from "vitest";
import { howMany, World } from "../src/index.js";
import { complaint, DIRECTORIES, type Ground, step, Taker } from "./support/takers.js";

const STEPS = howMany("ZK_LOCK_STEPS", 750);
/** Another world every so often, so that its seed can be told. */
const STEPS_PER_WORLD = 250;

function groundOf(world: World): Ground {
  const { chance, ensemble } = world;
  return {
    chance,
    cutsMs: [10, 500, 2000, 5000],
    pass: (forMs) => world.pass(forMs),
    expire: (client) => world.let("an expiry", ensemble.expireSession(client)),
    kill: async () => {
      const killing = chance.is(0.5) ? ensemble.killLeader() : ensemble.killFollower();
      const killed = await world.let("a kill", killing);
      await world.pass(chance.below(300));
      await world.let("a start", ensemble.start(killed));
    },
  };
}

function owned({
  tree,
  names,
}: {
  readonly tree: World["tree"];
  names: World["names"];
}): Map<bigint, string[]> {
  const owners = new Map<bigint, string[]>();
  for (const path of DIRECTORIES.flatMap((directory) =>
    names(directory).map((name) => `${directory}/${name}`),
  )) {
    const owner = tree.stat(path)?.ephemeralOwner ?? 0n;
    owners.set(owner, [...(owners.get(owner) ?? []), path]);
  }
  return owners;
}

async function check(world: World, takers: readonly Taker[], say: string): Promise<void> {
  // A server may have ended a session, and its client not have heard of it.
  const isQuiet = ({ client, isQuiet: isStill }: Taker): boolean =>
    isStill && world.tree.sessions.has(client.sessionId);
  await world.until(`${say}: all is quiet`, () => takers.every(isQuiet));
  const { tree } = world;
  expect(complaint(takers, owned({ tree, names: (path) => world.names(path) })), say).toBeUndefined();
}

describe("locks, read-write locks and semaphores", () => {
  it(
    `leave nothing behind in ${STEPS} random steps`,
    async () => {
      let checks = 0;
      for (let seed = 1; checks < STEPS; seed += 1) {
        await using world = await World.begin({ seed });
        const ground = groundOf(world);
        const takers: Taker[] = [];
        for (let count = 0; count < 4; count += 1)
          takers.push(new Taker(await world.actor({ afterExpiry: "renew" }), world.chance));
        for (let number = 0; number < STEPS_PER_WORLD && checks < STEPS; number += 1) {
          await step(ground, takers);
          await check(world, takers, `seed ${seed}, step ${number}`);
          checks += 1;
        }
        // No wake-up was lost: with nothing wrong any more everybody gets its turn.
        for (const { cable } of takers) cable.spare();
        await world.until(`seed ${seed}: all turns`, () => {
          for (const taker of takers) taker.releaseAll();
          return takers.every(({ isIdle }) => isIdle);
        });
        await check(world, takers, `seed ${seed}, the end`);
      }
      expect(checks).toBe(STEPS);
    },
    60_000 + STEPS * 30,
  );
});
