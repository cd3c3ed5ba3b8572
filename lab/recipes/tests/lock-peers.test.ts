// What was measured to go wrong with the locks of other libraries, and does not with ours.
import { CreateMode } from "@zk/client";
import { Lock, sortContenders } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { childrenOf, stage, told, until, World, within } from "../src/index.js";

const zk = stage();

describe("a lock", () => {
  it("is to be had beside a child called !junk (Curator's is not, for good)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    for (const name of ["!junk", "zjunk"])
      await one.create(`${zk.path}/${name}`, null, { createParents: true });
    const held = await new Lock(one, zk.path).acquire({ timeoutMs: 5000 });
    expect(await new Lock(two, zk.path).tryAcquire()).toBeNull();
    await held.release();
    await using next = await new Lock(two, zk.path).acquire({ timeoutMs: 5000 });
    expect(next.token).toBeGreaterThan(held.token);
  });

  it("is of who asked first, and not of the smaller session (the lock that comes with ZooKeeper 3.4.6 has two owners)", async () => {
    let [one, two] = [await zk.connect(), await zk.connect()];
    if (one.sessionId > two.sessionId) [one, two] = [two, one];
    // As that lock names its contenders; the later one sorts first by its name.
    await two.create(zk.path);
    const mode = CreateMode.EPHEMERAL_SEQUENTIAL;
    const first = await two.create(`${zk.path}/x-${two.sessionId}-`, null, { mode });
    const ours = new Lock(one, zk.path, { contenders: "any" });
    expect(await ours.tryAcquire()).toBeNull();
    const second = await one.create(`${zk.path}/x-${one.sessionId}-`, null, { mode });
    const names = await one.getChildren(zk.path);
    expect(sortContenders(names).map(({ name }) => `${zk.path}/${name}`)).toEqual([first.path, second.path]);
    const waiting = ours.acquire({ timeoutMs: 5000 });
    await two.remove(first.path);
    await until("it waits for the second", () => one.load.watches === 1 && one.load.inFlight === 0);
    await one.remove(second.path);
    await (await within("our turn", waiting)).release();
  });

  it("is waited for no longer than told, however often the wait is woken (kazoo's begins anew each time)", async () => {
    await using world = await World.begin();
    const [holder, second, third, last] = [
      await world.actor(),
      await world.actor(),
      await world.actor(),
      await world.actor(),
    ];
    const held = await world.let("the lock", new Lock(holder.client, "/lock").acquire());
    const leave = [second, third].map(() => new AbortController());
    const ahead: Promise<unknown>[] = [];
    for (const [index, { client }] of [second, third].entries()) {
      ahead.push(told(new Lock(client, "/lock").acquire({ signal: leave[index]!.signal })));
      await world.until("it stands in line", () => world.names("/lock").length === index + 2);
    }
    const startMs = world.clock.nowMs();
    const waiting = told(new Lock(last.client, "/lock").acquire({ timeoutMs: 1000 }));
    await world.until("it stands in line", () => world.names("/lock").length === 4);
    for (const abort of leave.toReversed()) {
      await world.pass(400);
      abort.abort();
    }
    expect(await world.let("the end of the wait", waiting)).toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(world.clock.nowMs() - startMs).toBeLessThan(1100);
    await world.let("the others", Promise.all(ahead));
    await world.let("the release", held.release());
    expect(world.names("/lock")).toEqual([]);
  });

  it("is not believed to be had by who lost the session (Curator and kazoo go on claiming it)", async () => {
    const [one, two] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    const next = new Lock(two, zk.path).acquire({ timeoutMs: 20_000 });
    await zk.expire(one);
    const hold = await within("the next", next);
    await until(
      "the client is in a new session",
      () => one.state === "connected" && one.sessionId !== held.sessionId,
    );
    expect(held.state).toBe("lost");
    expect(held.signal.aborted).toBe(true);
    await hold.release();
  });

  it("can be taken again through the same object when its session has gone, without a release (kazoo's waits in vain)", async () => {
    const client = await zk.connect({ afterExpiry: "renew" });
    const lock = new Lock(client, zk.path);
    const held = await lock.acquire();
    await zk.expire(client);
    const again = await within("the lock", lock.acquire({ timeoutMs: 20_000 }));
    expect(again.token).toBeGreaterThan(held.token);
    expect(again.sessionId).toBe(client.sessionId);
    expect(held.state).toBe("lost");
    await again.release();
    expect(await childrenOf(client, zk.path)).toEqual([]);
  });
});
