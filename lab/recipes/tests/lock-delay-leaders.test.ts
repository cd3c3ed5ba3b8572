// The pause between a leader that was lost and the next one, on the model: as between holders of a lock, see lock-delay.test.ts.
import { Election, LeaderLatch, recipeMetrics } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { type Actor, aborted, World } from "../src/index.js";

const DELAY_MS = 5000;
/** Far above what a turn takes when nobody has to wait. */
const SOON_MS = 500;

describe("a delay between leaders", () => {
  it("holds the next term up when the leader was lost, and not when it resigned", async () => {
    await using world = await World.begin();
    const actors = [await world.actor(), await world.actor(), await world.actor()];
    const begin = async ({ client }: Actor): Promise<() => void> => {
      let resign = (): void => {};
      const resigned = new Promise<void>((resolve) => {
        resign = resolve;
      });
      void new Election(client, "/lock", { lockDelayMs: DELAY_MS })
        .lead(({ signal }) => Promise.race([resigned, aborted(signal)]))
        .catch(() => {});
      await world.pass(200);
      return resign;
    };
    const [resign] = [await begin(actors[0]!), await begin(actors[1]!), await begin(actors[2]!)];
    const leads = (actor: Actor): boolean => recipeMetrics(actor.client).holding === 1;
    expect(actors.map(leads)).toEqual([true, false, false]);
    const fromMs = world.clock.nowMs();
    resign();
    await world.until("the next term", () => leads(actors[1]!));
    expect(world.clock.nowMs() - fromMs).toBeLessThan(SOON_MS);
    await world.let("the loss", world.ensemble.expireSession(actors[1]!.client));
    const lostMs = world.clock.nowMs();
    await world.until("the next term", () => leads(actors[2]!));
    expect(world.clock.nowMs() - lostMs).toBeGreaterThan(DELAY_MS - SOON_MS);
  });

  it("is a latch's too", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor({ afterExpiry: "renew" })];
    const latchOf = ({ client }: Actor): LeaderLatch =>
      new LeaderLatch(client, "/lock", { lockDelayMs: DELAY_MS }).start();
    const first = latchOf(one);
    await world.let("the first leads", first.leading());
    const second = latchOf(two);
    await world.until("it waits", () => world.names("/lock").length === 2);
    await world.pass(200);
    let fromMs = world.clock.nowMs();
    await world.let("its end", first.close());
    await world.let("the second leads", second.leading());
    expect(world.clock.nowMs() - fromMs).toBeLessThan(SOON_MS);
    fromMs = world.clock.nowMs();
    await world.let("the loss", world.ensemble.expireSession(two.client));
    // It is its own successor, and waits all the same.
    await world.until("it leads again", () => second.isLeader);
    expect(world.clock.nowMs() - fromMs).toBeGreaterThan(DELAY_MS - SOON_MS);
    await world.let("its end", second.close());
  });
});
