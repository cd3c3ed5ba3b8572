import { CreateMode } from "@zk/client";
import { inspect, Lock, ReadWriteLock, revoke, Semaphore, waitCircles } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { childrenOf, stage, until } from "../src/index.js";

const zk = stage();

describe("inspect", () => {
  it("tells who is at the door of a semaphore that has never given out a permit", async () => {
    const client = await zk.connect();
    const { path } = await client.create(`${zk.path}/locks/_c_${client.randomness.uuid()}-lock-`, "one", {
      mode: CreateMode.EPHEMERAL_SEQUENTIAL,
      createParents: true,
    });
    const { kind, participants, foreign } = await inspect(client, zk.path);
    expect([kind, foreign]).toEqual(["semaphore", []]);
    expect(participants).toMatchObject([{ path, identity: "one", state: "waits", waitsFor: [] }]);
  });

  it.each(["curator", "kazoo"] as const)(
    "tells who has a lock, who waits, and for whom (%s)",
    async (dialect) => {
      const [one, two] = [await zk.connect(), await zk.connect()];
      const lockOf = (client: typeof one, identity: string): Lock =>
        new Lock(client, zk.path, { dialect, identity });
      const held = await lockOf(one, "one").acquire();
      await one.create(`${zk.path}/!junk`);
      const waiting = lockOf(two, "two").acquire();
      await until("it waits", async () => (await childrenOf(one, zk.path)).length === 3);
      const { kind, participants, foreign } = await inspect(two, zk.path);
      expect([kind, foreign]).toEqual(["lock", ["!junk"]]);
      const [holder, next] = participants;
      expect(participants).toHaveLength(2);
      expect(holder).toMatchObject({
        path: held.path,
        token: held.token,
        sessionId: one.sessionId,
        identity: "one",
        dialect,
        role: "lock",
        state: "holds",
        waitsFor: [],
      });
      expect(next).toMatchObject({
        sessionId: two.sessionId,
        identity: "two",
        state: "waits",
        waitsFor: [held.path],
      });
      expect(holder!.ageMs).toBeLessThan(60_000);
      const later = await inspect(two, zk.path, { nowMs: holder!.createdMs + 5000 });
      expect(later.participants[0]?.ageMs).toBe(5000);
      await held.release();
      await (await waiting).release();
      expect(await inspect(two, zk.path)).toMatchObject({ kind: "none", participants: [] });
    },
  );

  it("tells of readers, writers, and of a request to give back", async () => {
    const client = await zk.connect();
    const lock = new ReadWriteLock(client, zk.path, { identity: "me" });
    const reading = [await lock.read.acquire(), await lock.read.acquire()];
    const abort = new AbortController();
    const writing = lock.write.acquire({ signal: abort.signal }).catch(() => {});
    await until("the writer waits", async () => (await childrenOf(client, zk.path)).length === 3);
    const { kind, participants } = await inspect(client, zk.path);
    expect(kind).toBe("readWriteLock");
    expect(participants.map(({ role, state }) => [role, state])).toEqual([
      ["read", "holds"],
      ["read", "holds"],
      ["write", "waits"],
    ]);
    expect(participants[2]?.waitsFor).toEqual([reading[1]!.path]);
    await client.setData(reading[0]!.path, "__REVOKE__");
    expect((await inspect(client, zk.path)).participants[0]).toMatchObject({
      isRevoked: true,
      identity: undefined,
    });
    await until("the holder hears of it", () => reading[0]!.revocation.aborted);
    abort.abort();
    await writing;
    for (const hold of reading) await hold.release();
  });

  it.each(["curator", "kazoo"] as const)(
    "tells who has permits and who waits for them (%s)",
    async (dialect) => {
      const [one, two] = [await zk.connect(), await zk.connect()];
      const options = { max: 2, dialect } as const;
      const held = await new Semaphore(one, zk.path, { ...options, identity: "one" }).acquire({ permits: 2 });
      const abort = new AbortController();
      const { signal } = abort;
      const semaphore = new Semaphore(two, zk.path, { ...options, identity: "two" });
      const door = dialect === "curator" ? `${zk.path}/locks` : `${zk.path}-__lock__`;
      const waits = [];
      for (const count of [1, 2]) {
        waits.push(semaphore.acquire({ signal }).catch(() => {}));
        await until("it waits", async () => (await childrenOf(one, door)).length === count);
      }
      const { kind, participants, foreign } = await inspect(two, zk.path);
      expect([kind, foreign]).toEqual(["semaphore", []]);
      expect(participants.map(({ state, identity }) => [state, identity])).toEqual([
        ["holds", "one"],
        ["holds", "one"],
        ["waits", "two"],
        ["waits", "two"],
      ]);
      expect([...participants[2]!.waitsFor].sort()).toEqual(held.leases.map(({ path }) => path).sort());
      expect(participants[3]?.waitsFor).toEqual([participants[2]?.path]);
      abort.abort();
      await Promise.all(waits);
      await held.release();
    },
  );

  it("shows two who wait for each other", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const [a, b] = [`${zk.path}/a`, `${zk.path}/b`];
    const [first, second] = [await new Lock(one, a).acquire(), await new Lock(two, b).acquire()];
    const abort = new AbortController();
    const { signal } = abort;
    const waits = [new Lock(one, b).acquire({ signal }), new Lock(two, a).acquire({ signal })];
    const ended = Promise.allSettled(waits);
    await until("both wait", async () => {
      return (await childrenOf(one, a)).length + (await childrenOf(one, b)).length === 4;
    });
    const circles = waitCircles([await inspect(one, a), await inspect(one, b)]);
    expect(circles).toHaveLength(1);
    expect(new Set(circles[0]?.sessions)).toEqual(new Set([one.sessionId, two.sessionId]));
    abort.abort();
    await ended;
    await first.release();
    await second.release();
    expect(await revoke(one, a)).toBe("free");
  });

  it("of a path that is not there finds nobody, and leaves nothing", async () => {
    const client = await zk.connect();
    expect(await inspect(client, zk.path)).toEqual({
      path: zk.path,
      kind: "none",
      participants: [],
      foreign: [],
    });
    expect(await client.exists(zk.path)).toBeNull();
    expect(client.load.watches).toBe(0);
  });
});
