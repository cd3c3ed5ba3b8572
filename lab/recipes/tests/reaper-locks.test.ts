// Reapers of which one is at work, a single round, and locks below them, in virtual time. ZK_REAPER_SEEDS is in how many worlds locks are
// hammered, by default one.
import type { Clock } from "@zk/client";
import { Lock, reap, recipeMetrics } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { type Actor, howMany, told, World } from "../src/index.js";
import { GONE_MS, isThere, make, reaping, WINDOW_MS } from "./support/reaping.js";

describe("reapers that elect one", () => {
  it("are at work one at a time, and another takes over when that is cut off", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor({ afterExpiry: "renew" }), await world.actor()];
    await make(world, one, ["/locks/a"]);
    const first = reaping(one, { leader: "/reapers", identity: "one" });
    await world.until("the first leads", () => first.reaper.state === "reaping");
    const second = reaping(two, { leader: "/reapers", identity: "two" });
    await world.until("it reaps", () => first.of("reaped").length === 1);
    expect([second.reaper.state, second.events]).toEqual(["waiting", []]);
    await make(world, two, ["/locks/b"]);
    one.cable.cut();
    await world.until("the second leads", () => second.of("leading").length === 1);
    expect(first.of("deposed")).toHaveLength(1);
    expect(second.of("leading")[0]!.token).toBeGreaterThan(first.of("leading")[0]!.token);
    await world.until("it reaps", () => second.of("reaped").length === 1);
    one.cable.mend();
    await world.pass(GONE_MS);
    expect(first.of("reaped")).toHaveLength(1);
    await world.let("the second closes", second.reaper.close());
    await world.until("the first leads again", () => first.of("leading").length === 2);
    await world.let("the first closes", first.reaper.close());
    expect(world.names("/reapers")).toEqual([]);
    expect(isThere(world, "/reapers")).toBe(true);
  });

  it("remove nothing more when they are deposed between their look and the removal", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    await make(world, one, ["/locks/a"]);
    const transaction = one.client.transaction.bind(one.client);
    const first = reaping(one, { leader: "/reapers" });
    await world.until("it leads", () => first.reaper.state === "reaping");
    let isDeposed = false;
    one.client.transaction = () => {
      // It stands still with the removal in its hands; the servers give its term to another meanwhile.
      const tx = transaction();
      const commit = tx.commit.bind(tx);
      tx.commit = async (options) => {
        await two.client.remove(`/reapers/${world.names("/reapers")[0]}`);
        isDeposed = true;
        return await commit(options);
      };
      return tx;
    };
    await world.until("it is deposed", () => isDeposed);
    await world.until("it knows", () => first.of("deposed").length === 1);
    expect(isThere(world, "/locks/a")).toBe(true);
    expect(first.of("reaped")).toEqual([]);
    one.client.transaction = transaction;
    await world.until("it goes in the next term", () => first.of("reaped").length === 1, 2 * GONE_MS);
    await world.let("it closes", first.reaper.close());
  });
});

describe("reap", () => {
  it("looks twice, and removes what was empty all the time between", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await make(world, actor, ["/locks/a", "/locks/b"]);
    const reaping = reap(actor.client, { roots: ["/locks"], emptyForMs: WINDOW_MS });
    await world.pass(WINDOW_MS / 2);
    await make(world, other, ["/locks/b/x", "/locks/c"]);
    await world.let("it is free", other.client.remove("/locks/b/x"));
    const { reaped, refused, uncertain } = await world.let("it is done", reaping, GONE_MS);
    expect(reaped.map(({ path }) => path)).toEqual(["/locks/a"]);
    expect(reaped[0]!.emptyMs).toBeGreaterThanOrEqual(WINDOW_MS);
    expect([refused, uncertain]).toEqual([[], []]);
    expect(world.names("/locks").toSorted()).toEqual(["b", "c"]);
  });

  it("removes nothing in a dry run, behind a hold that is lost, or when it is told to stop", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await make(world, actor, ["/locks/a"]);
    const options = { roots: ["/locks"], emptyForMs: WINDOW_MS };
    const dry = await world.let("a dry run", reap(actor.client, { ...options, dryRun: true }));
    expect(dry.reaped).toMatchObject([{ path: "/locks/a" }]);
    const hold = await world.let("a lock", new Lock(actor.client, "/only").acquire());
    const guarded = told(reap(actor.client, { ...options, hold }));
    await world.let("the lock is taken away", other.client.remove(hold.path));
    expect(await world.let("an end", guarded)).toMatchObject({ code: "HOLD_LOST" });
    const abort = new AbortController();
    const aborted = told(reap(actor.client, { ...options, signal: abort.signal }));
    await world.pass(WINDOW_MS / 2);
    abort.abort();
    expect(await world.let("an end", aborted)).toMatchObject({ code: "ABORTED" });
    const late = told(reap(actor.client, { ...options, timeoutMs: WINDOW_MS / 2 }));
    expect(await world.let("an end", late)).toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(isThere(world, "/locks/a")).toBe(true);
  });

  it("looks a second time when the window is over, also by a timer that fires before its time", async () => {
    await using world = await World.begin();
    const { clock } = world;
    const early: Clock = {
      nowMs: () => clock.nowMs(),
      setTimer: (delayMs, callback) => clock.setTimer(delayMs > 1 ? delayMs - 0.7 : delayMs, callback),
      afterContinuations: (callback) => clock.afterContinuations(callback),
      afterReads: (callback) => clock.afterReads(callback),
    };
    const actor = await world.actor({ ports: { clock: early } });
    await make(world, actor, ["/locks/a"]);
    const reaping = reap(actor.client, { roots: ["/locks"], emptyForMs: 50, concurrency: 1 });
    expect((await world.let("it is done", reaping)).reaped).toMatchObject([{ path: "/locks/a" }]);
  });

  it("begins again when its session ends between the looks", async () => {
    await using world = await World.begin();
    const actor = await world.actor({ afterExpiry: "renew" });
    await make(world, actor, ["/locks/a"]);
    const beganMs = world.clock.nowMs();
    const reaping = reap(actor.client, { roots: ["/locks"], emptyForMs: WINDOW_MS });
    await world.pass(WINDOW_MS / 2);
    await world.let("the end of its session", world.ensemble.expireSession(actor.client));
    const { reaped } = await world.let("it is done", reaping);
    expect(reaped.map(({ path }) => path)).toEqual(["/locks/a"]);
    expect(world.clock.nowMs() - beganMs).toBeGreaterThanOrEqual(2 * WINDOW_MS);
  });
});

describe("locks below a reaper that waits for hardly a moment", () => {
  it.each(Array.from({ length: howMany("ZK_REAPER_SEEDS", 1) }, (_, index) => index + 1))(
    "stay exclusive, and their tokens only grow although numbers begin again, under faults: seed %i",
    async (seed) => {
      await using world = await World.begin({ seed });
      const sweeper = await world.actor();
      const actors = [await world.actor(), await world.actor(), await world.actor()];
      const { reaper, of } = reaping(sweeper, { roots: ["/locks"], emptyForMs: 20, intervalMs: 10 });
      const tokens: bigint[] = [];
      const numbers: number[] = [];
      let inside = 0;
      let turns = 0;
      let isOver = false;
      const pause = ({ client }: Actor, forMs: number): Promise<void> =>
        new Promise((resolve) => client.clock.setTimer(forMs, resolve));
      const all = actors.map(async (actor) => {
        while (!isOver) {
          const hold = await new Lock(actor.client, "/locks/deep/x").acquire();
          inside += 1;
          if (hold.state === "held") {
            expect(inside).toBe(1);
            tokens.push(hold.token);
            numbers.push(Number(hold.path.slice(-10)));
          }
          turns += 1;
          await pause(actor, world.chance.below(30));
          inside -= 1;
          await hold.release();
          // Some are quick, some leave the lock alone for long enough that its directory goes.
          await pause(actor, world.chance.is(0.7) ? world.chance.below(10) : 100 + world.chance.below(400));
        }
      });
      await world.until("fifty turns", () => turns > 50);
      const leader = await world.let("the servers' leader is killed", world.ensemble.killLeader());
      await world.until("fifty more", () => turns > 100);
      await world.let("it starts", world.ensemble.start(leader));
      for (const { cable } of [...actors, sweeper]) cable.reset();
      await world.until("fifty more", () => turns > 150);
      isOver = true;
      await world.let("all end", Promise.all(all));
      expect(tokens.every((token, index) => index === 0 || token > tokens[index - 1]!)).toBe(true);
      expect(of("reaped").filter(({ path }) => path === "/locks/deep/x").length).toBeGreaterThan(4);
      expect(numbers.some((number, index) => index > 0 && number < numbers[index - 1]!)).toBe(true);
      await world.until("nothing is left", () => world.names("/locks").length === 0);
      await world.let("it closes", reaper.close());
    },
  );

  it("are not disturbed at all while they are busy, however often they are free", async () => {
    await using world = await World.begin();
    const [sweeper, actor] = [await world.actor(), await world.actor()];
    const { reaper, of } = reaping(sweeper, { emptyForMs: 200, intervalMs: 7 });
    const numbers: number[] = [];
    const lock = new Lock(actor.client, "/locks/x");
    for (let turn = 0; turn < 50; turn += 1) {
      const hold = await world.let("a turn", lock.acquire());
      numbers.push(Number(hold.path.slice(-10)));
      await world.let("its end", hold.release());
      await world.pass(world.chance.below(150));
    }
    expect(of("reaped")).toEqual([]);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    await world.let("it closes", reaper.close());
  });

  it("are waited for on when the directory goes between two who wait: nobody hangs", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const hold = await world.let("a lock", new Lock(one.client, "/locks/x").acquire());
    const waiting = new Lock(two.client, "/locks/x").acquire();
    await world.until(
      "the other waits",
      () => recipeMetrics(two.client).waiting === 1 && two.client.load.watches > 0,
    );
    const swept = reap(one.client, { roots: ["/locks"], emptyForMs: 100 });
    expect((await world.let("a round", swept)).reaped).toEqual([]);
    await world.let("its end", hold.release());
    const next = await world.let("the other's turn", waiting);
    expect(next.token).toBeGreaterThan(hold.token);
    await world.let("its end", next.release());
  });
});
