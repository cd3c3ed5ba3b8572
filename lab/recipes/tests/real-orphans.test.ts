// Whatever happens to those who take locks on real servers, what lies in the directories is what they have and what they wait for,
// no more; and nobody waits in vain.
//
// ZK_REAL_LOCK_STEPS says how many random steps; 10000 is the full count. ZK_REAL_LOCK_SEED makes other ones.
import { createClient, isZkError } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import { describe, expect, it } from "vitest";
import { Cable, Chance, childrenOf, howMany, until, waitMs } from "../src/index.js";
import { complaint, DIRECTORIES, type Ground, step, Taker } from "./support/takers.js";

const STEPS = howMany("ZK_REAL_LOCK_STEPS", 60);
const SEED = howMany("ZK_REAL_LOCK_SEED", 1);
const SESSION_MS = 1500;
/** Far above a session timeout and an election among the servers. */
const QUIET_MS = 60_000;

type Client = ReturnType<typeof createClient>;

function groundOf(ensemble: Ensemble, chance: Chance): Ground {
  return {
    chance,
    cutsMs: [10, 50, 300, 1.5 * SESSION_MS],
    pass: (forMs) => waitMs("the next step", forMs),
    expire: (client) => ensemble.expireSession(client, { timeoutMs: QUIET_MS }),
    kill: async () => {
      const killed = await (chance.is(0.5) ? ensemble.killLeader() : ensemble.killFollower());
      await waitMs("the start", chance.below(300));
      await ensemble.start(killed);
    },
  };
}

async function owned(observer: Client): Promise<Map<bigint, string[]>> {
  const owners = new Map<bigint, string[]>();
  await observer.sync("/");
  await Promise.all(
    DIRECTORIES.map(async (directory) => {
      const paths = (await childrenOf(observer, directory)).map((name) => `${directory}/${name}`);
      const stats = await Promise.all(paths.map((path) => observer.exists(path)));
      for (const [index, path] of paths.entries()) {
        const owner = stats[index]?.ephemeralOwner;
        if (owner !== undefined) owners.set(owner, [...(owners.get(owner) ?? []), path]);
      }
    }),
  );
  return owners;
}

/** What is under way ends sooner or later; what is wrong then stays wrong. */
async function check(observer: Client, takers: readonly Taker[], say: string): Promise<void> {
  let wrong: string | undefined = "somebody is not connected";
  const look = async (): Promise<boolean> => {
    try {
      // Whoever is answered has a session that lives.
      await Promise.all(takers.map(({ client }) => client.exists("/", { timeoutMs: QUIET_MS })));
      if (!takers.every(({ isQuiet }) => isQuiet)) return false;
      wrong = complaint(takers, await owned(observer));
      return wrong === undefined;
    } catch (error) {
      if (!isZkError(error)) throw error;
      return false;
    }
  };
  await until(say, look, QUIET_MS).catch((cause: unknown) => {
    throw new Error(`${say}: ${wrong}`, { cause });
  });
}

describe("locks, read-write locks and semaphores on real servers", () => {
  it(
    `leave nothing behind in ${STEPS} random steps`,
    async () => {
      await using ensemble = await startEnsemble();
      const chance = new Chance(SEED);
      const ground = groundOf(ensemble, chance);
      const connect = async (cable: Cable, sessionTimeoutMs: number): Promise<Client> => {
        const { transport } = cable;
        const client = createClient(ensemble.connectionString, {
          sessionTimeoutMs,
          afterExpiry: "renew",
          ports: { transport },
        });
        await client.connect({ timeoutMs: QUIET_MS });
        return client;
      };
      await using observer = await connect(new Cable(), 10_000);
      const takers: Taker[] = [];
      for (let count = 0; count < 4; count += 1) {
        const cable = new Cable();
        takers.push(new Taker({ client: await connect(cable, SESSION_MS), cable }, chance));
      }
      try {
        const atMs = performance.now();
        for (let number = 0; number < STEPS; number += 1) {
          await step(ground, takers);
          await check(observer, takers, `seed ${SEED}, step ${number}`);
        }
        const elapsedMs = performance.now() - atMs;
        // No wake-up was lost: with nothing wrong any more everybody gets its turn.
        for (const { cable } of takers) cable.spare();
        await until(
          "all turns",
          () => {
            for (const taker of takers) taker.releaseAll();
            return takers.every(({ isIdle }) => isIdle);
          },
          QUIET_MS,
        );
        await check(observer, takers, "the end");
        expect([...(await owned(observer)).values()]).toEqual([]);
        console.log(`locks: ${STEPS} random steps on real servers in ${Math.round(elapsedMs)} ms, no orphan`);
      } finally {
        await Promise.all(takers.map(({ client }) => client.close()));
      }
    },
    120_000 + STEPS * 1000,
  );
});
