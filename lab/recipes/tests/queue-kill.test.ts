// The queue on real servers: its consumers, processes of their own, are killed with an item in their hands, and the leader of the
// servers in between.
//
// ZK_QUEUE_ITEMS and ZK_QUEUE_CONSUMERS say how many; 20000 and 50 are the full count.
import { type Client, createClient, isZkError } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import { Queue, textCodec } from "@zk/recipes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPrograms, Chance, Child, childrenNow, childrenOf, howMany, until } from "../src/index.js";

const ITEMS = howMany("ZK_QUEUE_ITEMS", 300);
const CONSUMERS = howMany("ZK_QUEUE_CONSUMERS", 4);
const IS_LONG = CONSUMERS > 10;
/** Of many processes on few cores none is heard of as often as it should be. Servers allow twenty of their ticks. */
const SESSION_MS = IS_LONG ? 20_000 : 3000;
/** How long the full count may take, and then some. */
const LIMIT_MS = 60_000 + ITEMS * 60;
/** Items of one transaction, and processes that start at the same time. */
const PUT_MAX = 500;
const START_MAX = 5;

let ensemble: Ensemble;
let client: Client;

beforeAll(async () => {
  buildPrograms();
  ensemble = await startEnsemble(IS_LONG ? { tickTimeMs: 2000 } : {});
  client = createClient(ensemble.connectionString, { sessionTimeoutMs: 40_000, afterExpiry: "renew" });
  await client.connect();
});

afterAll(async () => {
  await client.close();
  await ensemble.stop();
});

/** What the servers say, or undefined when they cannot just now. */
async function seen<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isZkError(error) && error.code !== "NO_NODE") return undefined;
    throw error;
  }
}

/** The values that were recorded, in no order. */
async function recorded(done: string): Promise<string[]> {
  const names = await childrenNow(client, done);
  const values: string[] = [];
  for (let first = 0; first < names.length; first += PUT_MAX) {
    const some = names.slice(first, first + PUT_MAX);
    const read = await Promise.all(some.map((name) => client.getData(`${done}/${name}`)));
    values.push(...read.map(({ data }) => textCodec.decode(data!)));
  }
  return values;
}

/** The claims of now, by the sessions that have them. */
async function claimsBySession(path: string): Promise<Map<string, string[]>> {
  const claims = `${path}-state/claims`;
  const names = (await seen(() => childrenOf(client, claims))) ?? [];
  const bySession = new Map<string, string[]>();
  for (const name of names) {
    const stat = await seen(() => client.exists(`${claims}/${name}`));
    const session = String(stat?.ephemeralOwner);
    bySession.set(session, [...(bySession.get(session) ?? []), name]);
  }
  return bySession;
}

/** Items that the child has in its hands, under any of its sessions. */
async function itemsOf(child: Child, path: string): Promise<string[]> {
  const claims = await claimsBySession(path);
  const sessions = new Set(child.of("state").map(({ sessionId }) => String(sessionId)));
  return [...sessions].flatMap((session) => claims.get(session) ?? []);
}

/**
 * Kills one that has an item in its hands.
 * @param feed sees to it that there are items to work on
 * @returns it, and the items that it left
 */
async function killAtWork(
  alive: readonly Child[],
  path: string,
  { chance, feed }: { readonly chance: Chance; feed(): Promise<void> },
): Promise<[Child, readonly string[]]> {
  return await until(
    "a consumer with an item in its hands",
    async () => {
      await feed();
      const working = [...(await claimsBySession(path)).keys()];
      const likely = alive.filter((child) =>
        child.of("state").some(({ sessionId }) => working.includes(String(sessionId))),
      );
      if (likely.length === 0) return undefined;
      const victim = chance.pick(likely);
      // It stands still while it is looked at.
      victim.pause();
      if ((await itemsOf(victim, path)).length === 0) {
        victim.resume();
        return undefined;
      }
      await victim.kill();
      // What it had sent before it stood still has arrived by now.
      return [victim, await itemsOf(victim, path)];
    },
    LIMIT_MS,
  );
}

describe("a queue whose consumers are killed at work", () => {
  // Most of the time goes into waiting for the sessions of the dead, which two can do together.
  it.each(["exactly-once", "at-least-once"] as const)(
    `%s: no item of ${ITEMS} is lost, whoever of ${CONSUMERS} consumers dies, nor recorded twice where that is promised`,
    { concurrent: !IS_LONG, timeout: 2 * LIMIT_MS },
    async (mode) => {
      const path = `/${mode}`;
      const done = `${path}-done`;
      const queue = new Queue(client, path, { codec: textCodec });
      await client.create(done);
      const options = {
        servers: ensemble.connectionString,
        sessionTimeoutMs: SESSION_MS,
        queue: path,
        done,
        mode,
      };
      const killsLeader = IS_LONG || mode === "exactly-once";
      const all: Child[] = [];
      let alive: Child[] = [];
      const start = (): Child => {
        const child = new Child("queue-consumer", options);
        all.push(child);
        return child;
      };
      const chance = new Chance(11);
      const doneCount = async (): Promise<number> =>
        (await seen(() => client.exists(done)))?.numChildren ?? 0;
      try {
        while (alive.length < CONSUMERS) {
          const some = Array.from({ length: Math.min(START_MAX, CONSUMERS - alive.length) }, start);
          await Promise.all(some.map((child) => child.tells("ready")));
          alive.push(...some);
        }
        const atMs = performance.now();
        const values = Array.from({ length: ITEMS }, (_, n) => String(n));
        const putUpTo = async (count: number): Promise<void> => {
          while (values.length > ITEMS - count)
            await queue.putAll(values.splice(0, Math.min(PUT_MAX, values.length - (ITEMS - count))));
        };
        // As many are killed as there are, spread over the work, and another takes the place of each.
        let orphaned = 0;
        const feed = async (): Promise<void> => {
          const put = ITEMS - values.length;
          if ((await doneCount()) + orphaned >= put) await putUpTo(Math.min(put + CONSUMERS, ITEMS));
        };
        const share = Math.floor(ITEMS / (CONSUMERS + 1));
        for (let kill = 0; kill < CONSUMERS; kill += 1) {
          const enough = share * kill;
          await putUpTo(enough + share);
          await until(`${enough} items to be done`, async () => (await doneCount()) >= enough, LIMIT_MS);
          const [victim, items] = await killAtWork(alive, path, { chance, feed });
          orphaned += items.length;
          alive = [...alive.filter((child) => child !== victim), start()];
          if (killsLeader && kill === Math.floor(CONSUMERS / 2))
            await ensemble.start(await ensemble.killLeader());
        }
        await putUpTo(ITEMS);
        const isEmpty = async (): Promise<boolean> => (await seen(() => queue.size())) === 0;
        await until("the queue to be empty", isEmpty, LIMIT_MS);
        const elapsedMs = performance.now() - atMs;
        await Promise.all(alive.map((child) => child.finish()));
        const records = await recorded(done);
        const distinct = new Set(records).size;
        const count = (type: string): number => all.reduce((sum, child) => sum + child.of(type).length, 0);
        console.log(
          `queue, ${mode}: ${ITEMS} items, ${CONSUMERS} consumers at a time, ${CONSUMERS} killed with ${orphaned} items in their hands ` +
            `and ${killsLeader ? 1 : 0} leader, in ${Math.round(elapsedMs)} ms: ${ITEMS - distinct} items lost, ${records.length - distinct} done again; ` +
            `${count("failed")} attempts ended by the harm`,
        );
        expect(distinct).toBe(ITEMS);
        expect(orphaned).toBeGreaterThan(0);
        if (mode === "exactly-once") expect(records.length).toBe(ITEMS);
        for (const child of all) expect(child.accidents).toBe("");
        expect(await childrenNow(client, `${path}-state/claims`)).toEqual([]);
        expect(await queue.dead.size()).toBe(0);
      } finally {
        await Promise.all(all.map((child) => child[Symbol.asyncDispose]()));
      }
    },
  );
});
