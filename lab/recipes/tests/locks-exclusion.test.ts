// Two never have at once what one may have, whatever happens to the one who has it; and the next one gets it in the end.
import { type Hold, Lock, ReadWriteLock, recipeMetrics, Semaphore } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { type Actor, World } from "../src/index.js";

const TIMEOUT_MS = 4000;
const ENDED = "the holder's session is ended from elsewhere";

/** What both a hold and several held together can do. */
type Held = Pick<Hold, "state" | "signal" | "guard" | "release">;

const RECIPES: readonly [string, string, (actor: Actor) => Promise<Held>][] = [
  ["Lock", "/x", ({ client }) => new Lock(client, "/x").acquire()],
  ["Lock of kazoo", "/x", ({ client }) => new Lock(client, "/x", { dialect: "kazoo" }).acquire()],
  ["ReadWriteLock", "/x", ({ client }) => new ReadWriteLock(client, "/x").write.acquire()],
  ["Semaphore", "/x/leases", ({ client }) => new Semaphore(client, "/x", { max: 1 }).acquire()],
];

/** What happens to the one who has it, or to the servers. The hold may be lost by it, or stand. */
const FAULTS: readonly [string, (world: World, holder: Actor) => Promise<void>][] = [
  [
    "the leader is killed",
    async (world) => {
      const killed = await world.let("a kill", world.ensemble.killLeader());
      await world.pass(2000);
      await world.let("a start", world.ensemble.start(killed));
    },
  ],
  [
    "the holder's own server is killed",
    async (world, { client }) => {
      const server = await world.let("its server", world.ensemble.serverOf(client));
      await world.ensemble.kill(server ?? 0);
      await world.pass(2000);
      await world.let("a start", world.ensemble.start(server ?? 0));
    },
  ],
  ...[0.5, 1, 2].map((times): [string, (world: World, holder: Actor) => Promise<void>] => [
    `the holder is cut off for ${times} of its session timeout`,
    async (world, { cable }) => {
      cable.cut();
      await world.pass(times * TIMEOUT_MS);
      cable.mend();
    },
  ]),
  [
    "the holder's process stands still for twice its session timeout",
    async (world, actor) => {
      actor.fallAsleep();
      await world.pass(2 * TIMEOUT_MS);
      actor.wake();
    },
  ],
  [ENDED, async (world, { client }) => world.let("the end", world.ensemble.expireSession(client))],
  [
    "the holder's connection ends again and again",
    async (world, { cable }) => {
      for (let count = 0; count < 5; count += 1) {
        cable.reset();
        await world.pass(300);
      }
    },
  ],
];

describe.each(RECIPES)("%s", (_name, directory, take) => {
  it.each(FAULTS)("is never had by two when %s", async (what, harm) => {
    await using world = await World.begin();
    const [holder, other] = [await world.actor(), await world.actor()];
    await world.let("a znode", other.client.create("/log", "0"));
    const held = await world.let("the first", take(holder));
    let next: Held | undefined;
    const both: string[] = [];
    const look = (): void => {
      // Who sleeps can neither be asked nor act; what it says when it wakes up is asked below.
      if (next?.state === "held" && held.state === "held") both.push(`at ${world.clock.nowMs()} ms`);
    };
    const waiting = take(other).then((hold) => {
      next = hold;
      look();
      return hold;
    });
    await world.until(
      "the other waits",
      () => recipeMetrics(other.client).waiting === 1 && other.client.load.watches > 0,
    );
    held.signal.addEventListener("abort", look);
    await harm(world, holder);
    look();
    await world.pass(3 * TIMEOUT_MS);
    look();
    // A hold that stands is given back; after one that was lost the next is had already.
    const wasLost = held.state === "lost";
    if (wasLost) {
      expect(held.signal.aborted).toBe(true);
      const second = await world.let("the other's turn", waiting, 3 * TIMEOUT_MS);
      const late = held.guard((tx) => tx.setData("/log", "late")).catch((error: unknown) => error);
      expect(await world.let("a late write", late)).toMatchObject({ code: "HOLD_LOST", applied: "no" });
      await world.let(
        "a timely write",
        second.guard((tx) => tx.setData("/log", "timely")),
      );
    }
    await world.let("the release", held.release());
    const second = await world.let("the other's turn", waiting, 3 * TIMEOUT_MS);
    await world.until("nothing but the other's is left", () => world.names(directory).length === 1);
    await world.let("the second release", second.release());
    await world.until("nothing is left", () => world.names(directory).length === 0);
    // Nobody tells the holder before the others: only what it writes through its guard is sure to be refused.
    if (what !== ENDED) expect(both).toEqual([]);
  });

  it.each(["create", "multi", "remove", "getChildren", "event"] as const)(
    "goes on when the reply of a %s is lost, to the holder and to those who wait",
    async (operation) => {
      await using world = await World.begin();
      const actors = [await world.actor(), await world.actor(), await world.actor()];
      let inside = 0;
      let turns = 0;
      const all = actors.map(async (actor) => {
        for (let turn = 0; turn < 4; turn += 1) {
          void actor.cable.lose("reply", operation, turn % 2);
          const hold = await take(actor);
          inside += 1;
          turns += 1;
          expect(inside).toBe(1);
          await new Promise<void>((resolve) => actor.client.clock.setTimer(5, resolve));
          inside -= 1;
          await hold.release();
        }
      });
      await world.let("all turns", Promise.all(all), 60_000);
      expect(turns).toBe(12);
      await world.until("nothing is left", () => world.names(directory).length === 0);
    },
  );
});
