import { Barrier, DoubleBarrier, recipeMetrics } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";

const zk = stage();

describe("a barrier", () => {
  it("holds everybody back until it is opened", async () => {
    const [one, two, three] = [await zk.connect(), await zk.connect(), await zk.connect()];
    const barrier = new Barrier(one, zk.path);
    await barrier.close();
    await barrier.close();
    const { czxid } = (await one.exists(zk.path))!;
    const passed = [two, three].map((client) => new Barrier(client, zk.path).wait());
    await until("both wait", () => [two, three].every((client) => client.load.watches === 1));
    expect(await barrier.isClosed()).toBe(true);
    await barrier.open();
    await barrier.open();
    expect(await within("both", Promise.all(passed))).toEqual([czxid, czxid]);
    expect(await new Barrier(two, zk.path).wait()).toBeNull();
    expect(two.load.watches).toBe(0);
  });

  it("that is opened and closed again at once has let pass who waited", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const barrier = new Barrier(one, zk.path);
    await barrier.close();
    const passed = new Barrier(two, zk.path).wait();
    await until("it waits", () => two.load.watches === 1);
    await one.transaction().remove(zk.path).create(zk.path).commit();
    expect(await within("the wait", passed)).not.toBeNull();
    expect(await barrier.isClosed()).toBe(true);
  });

  it("is waited for over the death of servers and the end of the session (kazoo's wait raises)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect({ afterExpiry: "renew" })];
    await new Barrier(one, zk.path).close();
    const passed = new Barrier(two, zk.path).wait();
    await until("it waits", () => two.load.watches === 1);
    const before = two.sessionId;
    await zk.expire(two);
    await until("a new session", () => two.state === "connected" && two.sessionId !== before);
    const leader = await zk.ensemble.killLeader();
    await until("both are served", () => one.state === "connected" && two.state === "connected");
    await new Barrier(one, zk.path).open();
    expect(await within("the wait", passed)).not.toBeNull();
    await zk.ensemble.start(leader);
    await zk.ensemble.ready();
  });

  it("can be closed for as long as somebody lives", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const hold = await new Barrier(one, `${zk.path}/b`).closeWhileAlive();
    await expect(new Barrier(two, `${zk.path}/b`).closeWhileAlive()).rejects.toMatchObject({
      code: "CONFLICT",
    });
    const passed = new Barrier(two, `${zk.path}/b`).wait();
    await until("it waits", () => two.load.watches === 1);
    await zk.expire(one);
    expect(await within("the wait", passed)).toBe(hold.token);
    await until("it is lost", () => hold.state === "lost");
  });

  it("is waited for no longer than one likes", async () => {
    const client = await zk.connect();
    const barrier = new Barrier(client, zk.path);
    await barrier.close();
    await expect(barrier.wait({ timeoutMs: 20 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    await expect(barrier.wait({ signal: AbortSignal.abort("no") })).rejects.toMatchObject({
      code: "ABORTED",
    });
    expect(client.load.watches).toBe(0);
  });
});

describe("a double barrier", () => {
  it("is entered and left together", async () => {
    const clients = await Promise.all([zk.connect(), zk.connect(), zk.connect()]);
    const barriers = clients.map((client) => new DoubleBarrier(client, zk.path, { members: 3 }));
    const first = barriers.slice(0, 2).map((barrier) => barrier.enter());
    await until(
      "two wait",
      async () => (await clients[0]!.getChildren(zk.path).catch(() => [])).length === 2,
    );
    const members = await within("all enter", Promise.all([...first, barriers[2]!.enter()]));
    expect(new Set(members.map(({ generation }) => generation)).size).toBe(1);
    expect(members.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
    expect(members.map(({ size }) => size)).toEqual([3, 3, 3]);
    const left: number[] = [];
    const leaving = members.slice(0, 2).map(async (member, index) => {
      await member.leave();
      left.push(index);
    });
    await until("they wait for the third", () =>
      clients
        .slice(0, 2)
        .every((client) => recipeMetrics(client).waiting === 1 && client.load.inFlight === 0),
    );
    expect(left).toEqual([]);
    await within("all leave", Promise.all([...leaving, members[2]!.leave()]));
    expect(await clients[0]!.getChildren(zk.path)).toEqual([]);
  });

  it("can be gone through again and again, each time with a greater generation", async () => {
    const clients = await Promise.all([zk.connect(), zk.connect()]);
    const generations: bigint[] = [];
    for (let round = 0; round < 5; round += 1) {
      const members = await within(
        "both enter",
        Promise.all(clients.map((client) => new DoubleBarrier(client, zk.path, { members: 2 }).enter())),
      );
      generations.push(members[0]!.generation!);
      await within("both leave", Promise.all(members.map((member) => member.leave())));
    }
    expect(new Set(generations).size).toBe(5);
    expect(generations).toEqual([...generations].sort((a, b) => Number(a - b)));
  });

  it("takes a member that gave up out before it says so (Curator leaves it counting, CURATOR-318)", async () => {
    const client = await zk.connect();
    const barrier = new DoubleBarrier(client, zk.path, { members: 2 });
    await expect(barrier.enter({ timeoutMs: 30 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(await client.getChildren(zk.path)).toEqual([]);
    expect(client.load.watches).toBe(0);
  });

  it("is not passed because of a session event (Curator's timed enter was, GH-1290)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const entering = new DoubleBarrier(one, zk.path, { members: 2 }).enter({ timeoutMs: 30_000 });
    await until("one waits", async () => (await two.getChildren(zk.path).catch(() => [])).length === 1);
    const server = await until("its server", async () => (await zk.ensemble.serverOf(one)) ?? undefined);
    await zk.ensemble.kill(server);
    await until("it is served again", () => one.state === "connected" && two.state === "connected");
    await one.sync("/");
    expect(recipeMetrics(one).waiting).toBe(1);
    const other = new DoubleBarrier(two, zk.path, { members: 2 }).enter();
    const members = await within("both enter", Promise.all([entering, other]));
    expect(members.every(({ size }) => size === 2)).toBe(true);
    await Promise.all(members.map((member) => member.leave()));
    await zk.ensemble.start(server);
    await zk.ensemble.ready();
  });

  it("lets in the slow one whose peers have left already (Curator's main branch does not)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const slow = new DoubleBarrier(one, zk.path, { members: 2 }).enter();
    await until("it waits", async () => (await two.getChildren(zk.path).catch(() => [])).length === 1);
    await until("it watches", () => one.load.watches >= 2 && one.load.inFlight === 0);
    // All at once, so that the slow one sees nothing but the event.
    const ready = `${zk.path}/ready`;
    await two.transaction().create(ready).remove(ready).commit();
    const member = await within("the slow one", slow);
    expect(member.generation).toBeNull();
    await member.leave();
  });

  it("fails who lost its session, and says so", async () => {
    const [one, two] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    const entering = expect(new DoubleBarrier(one, zk.path, { members: 2 }).enter()).rejects.toMatchObject({
      code: "SESSION_EXPIRED",
      recipe: "DoubleBarrier",
    });
    await until("it waits", async () => (await two.getChildren(zk.path).catch(() => [])).length === 1);
    await zk.expire(one);
    await within("the wait", entering);
  });

  it("does not count `ready` as a member, nor stay ready behind everybody", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const alone = await new DoubleBarrier(one, zk.path, { members: 1 }).enter();
    await alone.release();
    expect(await one.getChildren(zk.path)).toEqual(["ready"]);
    const late = await within("the late one", new DoubleBarrier(two, zk.path, { members: 2 }).enter());
    await late.leave();
    expect(await one.getChildren(zk.path)).toEqual([]);
  });

  it("is entered although its directory goes while nobody is in it", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const look = one.exists.bind(one);
    let isGone = false;
    // Between making the directory and becoming a member it looks whether the barrier is ready.
    one.exists = async (...given) => {
      if (!isGone) await two.remove(zk.path);
      isGone = true;
      return await look(...given);
    };
    const member = await new DoubleBarrier(one, zk.path, { members: 1 }).enter({ timeoutMs: 5000 });
    expect(isGone).toBe(true);
    await member.leave();
  });

  it("says what became of a membership that was taken away with all the rest", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const entered = new DoubleBarrier(one, zk.path, { members: 2 }).enter({ timeoutMs: 5000 });
    const lost = expect(entered).rejects.toMatchObject({ name: "RecipeError", code: "HOLD_LOST" });
    const [own] = await until("it waits", async () => {
      const names = one.load.watches < 2 ? [] : await two.getChildren(zk.path);
      return names.length === 1 && names;
    });
    await two.transaction().remove(`${zk.path}/${own}`).remove(zk.path).commit();
    await within("the loss", lost);
  });

  it("refuses numbers that make no sense", async () => {
    const client = await zk.connect();
    for (const members of [0, -1, 1.5, Number.NaN])
      expect(() => new DoubleBarrier(client, zk.path, { members })).toThrow(/INVALID_ARGUMENT/);
  });
});
