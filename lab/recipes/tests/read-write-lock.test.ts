import type { Client } from "@zk/client";
import { observeRecipes, ReadWriteLock, type RecipeEvent, recipeMetrics } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Cable, childrenOf as children, isSettled as isOver, stage, until, within } from "../src/index.js";

const zk = stage();

async function standing(client: Client, count: number): Promise<void> {
  await until(`${count} stand in line`, async () => (await children(client, zk.path)).length === count);
}

async function actor(): Promise<{ readonly client: Client; readonly cable: Cable; lock: ReadWriteLock }> {
  const cable = new Cable();
  const client = await zk.connect({ ports: { transport: cable.transport } });
  return { client, cable, lock: new ReadWriteLock(client, zk.path, { onSuspended: "wait" }) };
}

describe("a read-write lock", () => {
  it("is many readers' or one writer's, and a reader does not overtake a writer that waits", async () => {
    const [a, b, c, d] = await Promise.all([actor(), actor(), actor(), actor()]);
    const first = await a.lock.read.acquire();
    const second = await b.lock.read.acquire();
    expect([first.kind, second.kind]).toEqual(["read", "read"]);
    const writing = c.lock.write.acquire();
    await standing(a.client, 3);
    const late = d.lock.read.acquire();
    await standing(a.client, 4);
    expect(await a.lock.read.tryAcquire()).toBeNull();
    await first.release();
    expect(await isOver(writing)).toBe(false);
    await second.release();
    const writer = await within("the writer", writing);
    expect(writer.kind).toBe("write");
    expect(await isOver(late)).toBe(false);
    await writer.release();
    await (await within("the late reader", late)).release();
    expect(await children(a.client, zk.path)).toEqual([]);
  });

  it("has the layouts of Curator and of kazoo", async () => {
    const client = await zk.connect();
    const curator = new ReadWriteLock(client, `${zk.path}/c`, { identity: "me" });
    const reading = await curator.read.acquire();
    expect(reading.path.slice(zk.path.length)).toMatch(/^\/c\/_c_[0-9a-f-]{36}-__READ__0000000000$/);
    const { data, stat } = await client.getData(reading.path);
    expect(new TextDecoder().decode(data!)).toBe("me");
    expect(stat).toMatchObject({ czxid: reading.token, ephemeralOwner: client.sessionId });
    await reading.release();
    const writing = await curator.write.acquire();
    expect(writing.path.slice(zk.path.length)).toMatch(/^\/c\/_c_[0-9a-f-]{36}-__WRIT__0000000001$/);
    const kazoo = new ReadWriteLock(client, `${zk.path}/k`, { dialect: "kazoo" });
    const both = [await kazoo.read.acquire(), await kazoo.read.acquire()];
    for (const hold of both)
      expect(hold.path.slice(zk.path.length)).toMatch(/^\/k\/[0-9a-f]{32}__rlock__000000000[01]$/);
    for (const hold of both) await hold.release();
    const kazooWriting = await kazoo.write.acquire();
    expect(kazooWriting.path.slice(zk.path.length)).toMatch(/^\/k\/[0-9a-f]{32}__lock__0000000002$/);
  });

  it("wakes a reader once however many writers are before it (Curator wakes it for each)", async () => {
    const [a, b, c] = await Promise.all([actor(), actor(), actor()]);
    const first = await a.lock.write.acquire();
    const second = b.lock.write.acquire();
    await standing(a.client, 2);
    const reading = c.lock.read.acquire();
    await standing(a.client, 3);
    await until("all wait", () => [b, c].every(({ client }) => client.load.watches === 1));
    await first.release();
    const writer = await second;
    expect(recipeMetrics(c.client).wakeUps).toBe(0);
    await writer.release();
    await (await reading).release();
    expect(recipeMetrics(c.client).wakeUps).toBe(1);
  });

  it("does not let readers wait for writers behind them (kazoo 2.8 does)", async () => {
    const [a, b, c] = await Promise.all([actor(), actor(), actor()]);
    const kazoo = (client: Client): ReadWriteLock => new ReadWriteLock(client, zk.path, { dialect: "kazoo" });
    const first = await kazoo(a.client).write.acquire();
    const reading = kazoo(b.client).read.acquire();
    await standing(a.client, 2);
    const writing = kazoo(c.client).write.acquire();
    await standing(a.client, 3);
    await first.release();
    await (await within("the reader", reading)).release();
    await (await within("the writer", writing)).release();
  });

  it("works beside foreign children, and tells of contenders of another kind", async () => {
    const { client, lock } = await actor();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    await client.create(zk.path);
    const plainLock = "_c_01234567-89ab-4def-8123-456789abcdef-lock-0000000000";
    for (const name of ["!junk", "zjunk", "__READ__", plainLock]) await client.create(`${zk.path}/${name}`);
    await using _writing = await lock.write.acquire({ timeoutMs: 5000 });
    expect(events).toContainEqual(
      expect.objectContaining({ type: "incompatibleContenders", names: [plainLock] }),
    );
  });

  it("refuses code that would wait for itself, and lets it in if reentrant", async () => {
    const client = await zk.connect();
    const plain = new ReadWriteLock(client, zk.path);
    const refused = expect.objectContaining({ code: "REFUSED" });
    await plain.read.run(async () => {
      await expect(plain.write.run(() => {})).rejects.toThrow(/upgrade\(\)/);
      await expect(plain.read.run(() => {})).rejects.toEqual(refused);
    });
    await plain.write.run(async () => {
      await expect(plain.read.run(() => {})).rejects.toEqual(refused);
    });
    const lock = new ReadWriteLock(client, zk.path, { reentrant: true });
    const kinds = await lock.write.run(async (outer) => {
      const read = await lock.read.run((hold) => hold);
      const write = await lock.write.run((hold) => hold);
      return [read === outer, write === outer];
    });
    expect(kinds).toEqual([true, true]);
    await lock.read.run(async (outer) => {
      expect(await lock.read.run((hold) => hold === outer)).toBe(true);
      await expect(lock.write.run(() => {})).rejects.toEqual(refused);
    });
    expect(await children(client, zk.path)).toEqual([]);
  });

  it("whose wait is aborted or out of time leaves nothing behind", async () => {
    const [a, b] = await Promise.all([actor(), actor()]);
    const writing = await a.lock.write.acquire();
    const abort = new AbortController();
    const aborted = expect(b.lock.read.acquire({ signal: abort.signal })).rejects.toMatchObject({
      code: "ABORTED",
    });
    await standing(a.client, 2);
    abort.abort();
    await aborted;
    await expect(b.lock.write.acquire({ timeoutMs: 20 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(await children(a.client, zk.path)).toHaveLength(1);
    await writing.release();
  });
});

describe("a downgrade", () => {
  it("lets no queued writer in beside the reader (Curator before 5.5 does), and readers behind it at once", async () => {
    const [a, b, c] = await Promise.all([actor(), actor(), actor()]);
    const writing = await a.lock.write.acquire();
    const besides = b.lock.read.acquire();
    await standing(a.client, 2);
    const waiting = c.lock.write.acquire();
    await standing(a.client, 3);
    const reading = await writing.downgrade();
    expect([writing.state, reading.state, reading.kind]).toEqual(["released", "held", "read"]);
    expect(writing.signal.aborted).toBe(false);
    expect(reading.token).toBeGreaterThan(writing.token);
    expect(reading.serial).toBe(writing.serial);
    expect(reading.path).toMatch(/__READ__0000000000$/);
    const stat = await a.client.exists(reading.path);
    expect(stat).toMatchObject({ czxid: reading.token, ephemeralOwner: a.client.sessionId });
    await (await within("the other reader", besides)).release();
    expect(await isOver(waiting)).toBe(false);
    await reading.release();
    await (await within("the writer", waiting)).release();
    expect(await children(a.client, zk.path)).toEqual([]);
  });

  it.each(["curator", "kazoo"] as const)("can be taken back by an upgrade (%s)", async (dialect) => {
    const { client } = await actor();
    const lock = new ReadWriteLock(client, zk.path, { dialect });
    const reading = await (await lock.write.acquire()).downgrade();
    const writing = await reading.upgrade();
    expect(writing.token).toBeGreaterThan(reading.token);
    expect(await children(client, zk.path)).toHaveLength(1);
    await (await writing.downgrade()).release();
    expect(await children(client, zk.path)).toEqual([]);
  });

  it.each(["reply", "request"] as const)(
    "whose %s is lost is found out, once and three times",
    async (part) => {
      const { client, cable, lock } = await actor();
      for (const losses of [1, 3]) {
        const writing = await lock.write.acquire();
        for (let loss = 0; loss < losses; loss += 1) void cable.lose(part, "multi");
        const reading = await within("the downgrade", writing.downgrade());
        cable.spare();
        expect([writing.state, writing.signal.aborted]).toEqual(["released", false]);
        expect(await children(client, zk.path)).toEqual([reading.path.slice(zk.path.length + 1)]);
        expect((await client.exists(reading.path))?.czxid).toBe(reading.token);
        await until("it is held", () => reading.state === "held");
        await reading.release();
      }
      expect(recipeMetrics(client)).toMatchObject({ holding: 0, holdsLost: 0, janitorPending: 0 });
    },
  );

  it.each(["remove", "exists"] as const)("goes on over the loss of its own search (%s)", async (search) => {
    const { client, cable, lock } = await actor();
    const writing = await lock.write.acquire();
    void cable.lose("reply", "multi");
    void cable.lose("reply", search);
    const reading = await within("the downgrade", writing.downgrade());
    expect((await client.exists(reading.path))?.czxid).toBe(reading.token);
    await reading.release();
    expect(await children(client, zk.path)).toEqual([]);
  });

  it("that is released while its answer is lost leaves nothing behind", async () => {
    const { client, cable, lock } = await actor();
    const writing = await lock.write.acquire();
    const lost = cable.lose("reply", "multi");
    const downgrading = expect(writing.downgrade()).rejects.toMatchObject({ code: "RELEASED" });
    await lost;
    await writing.release();
    await downgrading;
    await until("nothing is left", async () => (await children(client, zk.path)).length === 0);
    await until("the janitor rests", () => recipeMetrics(client).janitorPending === 0);
  });

  it("of a hold that is lost, or was released, says so and leaves nothing", async () => {
    const [a, b] = await Promise.all([actor(), actor()]);
    const writing = await a.lock.write.acquire();
    // Too late if the downgrade comes first.
    const removed = b.client.remove(writing.path).catch(() => {});
    const downgrading = writing.downgrade().catch((error: unknown) => error);
    await removed;
    const outcome = await downgrading;
    // Whichever was first.
    if ("kind" in (outcome as object)) await (outcome as { release(): Promise<unknown> }).release();
    else expect(outcome).toMatchObject({ code: "HOLD_LOST" });
    const next = await a.lock.write.acquire();
    await b.client.remove(next.path);
    await until("it is lost", () => next.state === "lost");
    await expect(next.downgrade()).rejects.toMatchObject({ code: "HOLD_LOST" });
    const third = await a.lock.write.acquire();
    await third.release();
    await expect(third.downgrade()).rejects.toMatchObject({ code: "RELEASED" });
    expect(await children(a.client, zk.path)).toEqual([]);
  });

  it("during which the session ends is a lost hold", async () => {
    const { client, cable, lock } = await actor();
    const writing = await lock.write.acquire();
    const lost = cable.lose("reply", "multi");
    const downgrading = expect(writing.downgrade()).rejects.toMatchObject({ code: "HOLD_LOST" });
    await lost;
    cable.cut();
    const other = await zk.connect();
    await zk.expire(client);
    cable.mend();
    await within("the end", downgrading);
    await until("nothing is left", async () => (await children(other, zk.path)).length === 0);
  });
});

describe("an upgrade", () => {
  it("waits for the other readers, and then nobody can have come between", async () => {
    const [a, b, c] = await Promise.all([actor(), actor(), actor()]);
    const [mine, theirs] = [await a.lock.read.acquire(), await b.lock.read.acquire()];
    const upgrading = mine.upgrade();
    await standing(a.client, 3);
    const late = c.lock.write.acquire();
    await standing(a.client, 4);
    expect(await isOver(upgrading)).toBe(false);
    expect(mine.state).toBe("held");
    await theirs.release();
    const writing = await within("the upgrade", upgrading);
    expect([writing.kind, writing.state, mine.state]).toEqual(["write", "held", "released"]);
    expect(await isOver(late)).toBe(false);
    await writing.release();
    await (await within("the next writer", late)).release();
    expect(await children(a.client, zk.path)).toEqual([]);
  });

  it("of two readers at once is refused to one (in Curator both wait for ever)", async () => {
    const [a, b] = await Promise.all([actor(), actor()]);
    const holds = [await a.lock.read.acquire(), await b.lock.read.acquire()] as const;
    const first = holds[0].upgrade();
    await standing(a.client, 3);
    await expect(holds[1].upgrade()).rejects.toMatchObject({ code: "REFUSED", applied: "no" });
    expect(holds[1].state).toBe("held");
    expect(await children(a.client, zk.path)).toHaveLength(3);
    await holds[1].release();
    await (await within("the first", first)).release();
  });

  it("is refused when a writer waits already, and leaves the read hold as it was", async () => {
    const [a, b] = await Promise.all([actor(), actor()]);
    const reading = await a.lock.read.acquire();
    const waiting = b.lock.write.acquire();
    await standing(a.client, 2);
    await expect(reading.upgrade()).rejects.toMatchObject({ code: "REFUSED" });
    expect(reading.state).toBe("held");
    expect(await children(a.client, zk.path)).toHaveLength(2);
    await reading.release();
    await (await within("the writer", waiting)).release();
  });

  it.each(["aborted", "out of time"] as const)("that is %s leaves the read hold as it was", async (how) => {
    const [a, b] = await Promise.all([actor(), actor()]);
    const [mine, theirs] = [await a.lock.read.acquire(), await b.lock.read.acquire()];
    const abort = new AbortController();
    const options = how === "aborted" ? { signal: abort.signal } : { timeoutMs: 30 };
    const ended = expect(mine.upgrade(options)).rejects.toMatchObject({
      code: how === "aborted" ? "ABORTED" : "WAIT_TIMEOUT",
    });
    await standing(a.client, 3);
    abort.abort();
    await ended;
    expect(mine.state).toBe("held");
    expect(await children(a.client, zk.path)).toHaveLength(2);
    await mine.release();
    await theirs.release();
  });

  it("ends when the read hold is lost meanwhile", async () => {
    const [a, b] = await Promise.all([actor(), actor()]);
    const [mine, theirs] = [await a.lock.read.acquire(), await b.lock.read.acquire()];
    const ended = expect(mine.upgrade()).rejects.toMatchObject({ code: "HOLD_LOST" });
    await standing(a.client, 3);
    await b.client.remove(mine.path);
    await ended;
    expect(await children(b.client, zk.path)).toHaveLength(1);
    await theirs.release();
  });

  it.each(["create", "getChildren", "remove"] as const)(
    "goes on when the reply of its %s is lost",
    async (lost) => {
      const { client, cable, lock } = await actor();
      const reading = await lock.read.acquire();
      await until("it was looked at", () => client.load.inFlight === 0);
      void cable.lose("reply", lost);
      const writing = await within("the upgrade", reading.upgrade());
      await until("it is held", () => writing.state === "held");
      await until("the reader is gone", async () => (await children(client, zk.path)).length === 1);
      await writing.release();
      expect(await children(client, zk.path)).toEqual([]);
    },
  );
});
