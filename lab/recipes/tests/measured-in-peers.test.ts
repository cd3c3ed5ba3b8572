// What was measured in other libraries and must never be so in ours, where the tests of the recipe itself do not name it.
// lab/interop/README.md lists all of it, each with its test.
import { CreateMode } from "@zk/client";
import { Group, Lock, type LockHold, recipeMetrics, watchChildren, watchNode, watchTree } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { childrenOf, stage, until, World, within } from "../src/index.js";

const zk = stage();
const sequential = { mode: CreateMode.EPHEMERAL_SEQUENTIAL };

describe("a lock", () => {
  it.each(["!junk", "zjunk", "-", "lock-lock-"])(
    "is to be had beside a child called %s (Curator's is not, for good, beside !junk)",
    async (name) => {
      const client = await zk.connect();
      await client.create(zk.path);
      await client.create(`${zk.path}/${name}`);
      await using held = await new Lock(client, zk.path).acquire({ timeoutMs: 5_000 });
      expect(held.state).toBe("held");
    },
  );

  it("goes by the number alone, whatever stands before it (ZooKeeper's own WriteLock goes by the session: two owners)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await two.create(zk.path);
    const named = (digit: string): string =>
      `${zk.path}/_c_${"00000000-0000-0000-0000-000000000000".replaceAll("0", digit)}-lock-`;
    // First in line, and last by its name.
    const { path: first } = await two.create(named("f"), null, sequential);
    const waiting = new Lock(one, zk.path).acquire({ timeoutMs: 20_000 });
    await until("it stands in line", async () => (await childrenOf(two, zk.path)).length === 2);
    // Last in line, and first by its name.
    await two.create(named("0"), null, sequential);
    await until("it watches somebody", () => one.load.watches === 1 && one.load.inFlight === 0);
    expect(recipeMetrics(one)).toMatchObject({ waiting: 1, holds: 0 });
    await two.remove(first);
    await using held = await waiting;
    expect(held.path.endsWith("0000000001")).toBe(true);
  });

  it("has one limit for the whole wait, however often it is woken (kazoo's acquire(timeout=1) took 3.3 s)", async () => {
    await using world = await World.begin();
    const actors = await Promise.all([world.actor(), world.actor(), world.actor(), world.actor()]);
    const ahead: Promise<LockHold>[] = [];
    for (const { client } of actors.slice(0, 3)) {
      ahead.push(new Lock(client, "/lock").acquire());
      await world.until("it stands in line", () => world.names("/lock").length === ahead.length);
    }
    const { client } = actors[3]!;
    const beganMs = world.clock.nowMs();
    let endedMs: number | undefined;
    const waiting = new Lock(client, "/lock").acquire({ timeoutMs: 1_000 }).catch((error: unknown) => {
      endedMs = world.clock.nowMs();
      return error;
    });
    await world.until("four stand in line", () => world.names("/lock").length === 4);
    // Whoever is before it leaves shortly before the time is up, one after the other; one stays.
    for (const next of ahead.slice(0, 2)) {
      await world.pass(400);
      await world.let("leaving", (await world.let("the next in line", next)).release());
    }
    expect(await world.let("the end", waiting)).toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(endedMs! - beganMs).toBeGreaterThanOrEqual(1_000);
    expect(endedMs! - beganMs).toBeLessThan(1_400);
    await world.until("nothing of it is left", () => world.names("/lock").length === 1);
  });

  it("is held no more when its session is over and somebody else has it (Curator and kazoo say on that it is)", async () => {
    const [one, two] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    const next = new Lock(two, zk.path).acquire();
    await zk.expire(one);
    await using other = await within("the next one", next);
    await until("it is lost", () => held.state === "lost" && held.signal.aborted);
    expect(other.token).toBeGreaterThan(held.token);
    // Not even in the next session of the same client.
    await until("the next session", () => one.state === "connected" && one.sessionId !== held.sessionId);
    expect(held.state).toBe("lost");
  });

  it("is taken anew at once when its session died under a hold that nobody gave back (kazoo's object waits for that)", async () => {
    const client = await zk.connect({ afterExpiry: "renew" });
    const lock = new Lock(client, zk.path);
    const lost = await lock.acquire();
    await zk.expire(client);
    await until("it is lost", () => lost.state === "lost");
    await using held = await lock.acquire({ timeoutMs: 20_000 });
    expect(held.token).toBeGreaterThan(lost.token);
    expect(await lost.release()).toEqual({ confirmed: true });
    expect(held.state).toBe("held");
  });

  it("has tokens that grow when its directory was made anew and its numbers begin again", async () => {
    const client = await zk.connect();
    const lock = new Lock(client, zk.path);
    const before = await lock.acquire();
    await before.release();
    await client.remove(zk.path);
    await using held = await lock.acquire();
    expect(held.path.slice(-10)).toBe(before.path.slice(-10));
    expect(held.token).toBeGreaterThan(before.token);
  });
});

describe("caches and views on servers of 3.4.6", () => {
  it("ask for nothing that these do not know (Curator 5's cache does, again and again, a connection each time)", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    const states: string[] = [];
    client.on("state", (state) => states.push(state));
    await other.create(zk.path);
    using tree = watchTree(client, zk.path);
    using children = watchChildren(client, zk.path);
    using node = watchNode(client, zk.path);
    using view = new Group(client, zk.path).watch();
    await Promise.all([tree, children, node, view].map(({ ready }) => ready));
    await other.create(`${zk.path}/a`, "1");
    await other.setData(zk.path, "2");
    await until(
      "all of them have seen it",
      () =>
        tree.size === 2 &&
        children.children.length === 1 &&
        view.members.length === 1 &&
        node.node?.stat.version === 1,
    );
    expect(states).toEqual([]);
  });
});
