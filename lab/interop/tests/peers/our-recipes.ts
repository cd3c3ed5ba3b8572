// Our read-write locks, semaphores and queues on one path with those of Curator and kazoo, in both directions.
import { ReadWriteLock } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import type { Peer, PeerKind } from "../../src/peers/peer.js";
import type { CuratorQueueOptions, Queue } from "../../src/peers/recipes.js";
import type { Ground } from "./ground.js";
import { bothWays, bothWaysWithKazoo } from "./pairs.js";
import { briefly, bytes, soon, text, waitUntil } from "./tools.js";

export function describeOurRecipes(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const withCurator = bothWays(
    () => ground.ours(),
    () => ground.peer(curatorKind),
    curatorKind,
  );
  const withKazoo = bothWaysWithKazoo(ground, curatorKind, "kazoo");

  describe("our read-write lock", () => {
    it.each([...withCurator, ...withKazoo])(
      "$name: readers share, a writer excludes, and who waits gets it",
      async ({ first, second }) => {
        const path = ground.path();
        await using one = await first().open("readWriteLock", path);
        await using two = await second().open("readWriteLock", path);
        for (const reader of [one, two]) expect(await reader.acquire({ side: "read", ...soon })).toBe(true);
        await two.release({ side: "read" });
        expect(await two.acquire({ side: "write", ...briefly })).toBe(false);
        const writing = two.acquire({ side: "write", ...soon });
        await waitUntil(async () => (await ground.client.getChildren(path)).length === 2);
        await one.release({ side: "read" });
        expect(await writing).toBe(true);
        expect(await one.acquire({ side: "read", ...briefly })).toBe(false);
        expect(await one.acquire({ side: "write", ...briefly })).toBe(false);
        const reading = one.acquire({ side: "read", ...soon });
        await two.release({ side: "write" });
        expect(await reading).toBe(true);
      },
    );

    it.each([...withCurator, ...withKazoo])(
      "$name: a reader does not overtake a writer that waits",
      async ({ first, second }) => {
        const path = ground.path();
        await using reader = await first().open("readWriteLock", path);
        await using writer = await second().open("readWriteLock", path);
        await using late = await first().open("readWriteLock", path);
        expect(await reader.acquire({ side: "read", ...soon })).toBe(true);
        const writing = writer.acquire({ side: "write", ...soon });
        await waitUntil(async () => (await ground.client.getChildren(path)).length === 2);
        expect(await late.acquire({ side: "read", ...briefly })).toBe(false);
        await reader.release({ side: "read" });
        expect(await writing).toBe(true);
      },
    );
  });

  describe("a downgraded write lock", () => {
    it.each([
      { kind: curatorKind, dialect: "curator" },
      { kind: "kazoo", dialect: "kazoo" },
    ] as const)("of ours keeps the writer of $kind out that waits", async ({ kind, dialect }) => {
      const path = ground.path();
      const writing = await new ReadWriteLock(ground.ours().client, path, { dialect }).write.acquire(soon);
      await using other = await ground.peer(kind).open("readWriteLock", path);
      const waiting = other.acquire({ side: "write", ...soon });
      await waitUntil(async () => (await ground.client.getChildren(path)).length === 2);
      const reading = await writing.downgrade();
      await using late = await ground.peer(kind).open("readWriteLock", path);
      expect(await late.acquire({ side: "read", ...briefly })).toBe(false);
      expect(await other.isHeld({ side: "write" })).toBe(false);
      await reading.release();
      expect(await waiting).toBe(true);
    });

    // Before 5.5 the reader stands behind whoever waited for the writer (CURATOR-276).
    const slipsIn = curatorKind === "curator-4";
    const what = slipsIn ? "lets our writer that waits in beside it" : "keeps our writer out that waits";
    it(`of ${curatorKind} ${what}`, async () => {
      const path = ground.path();
      await using theirs = await ground.peer(curatorKind).open("readWriteLock", path);
      expect(await theirs.acquire({ side: "write", ...soon })).toBe(true);
      await using own = await ground.ours().open("readWriteLock", path);
      const waiting = own.acquire({ side: "write", ...soon });
      await waitUntil(async () => (await ground.client.getChildren(path)).length === 2);
      expect(await theirs.acquire({ side: "read", ...soon })).toBe(true);
      await theirs.release({ side: "write" });
      if (slipsIn) {
        expect(await waiting).toBe(true);
        expect(await theirs.isHeld({ side: "read" })).toBe(true);
        return;
      }
      await using late = await ground.ours().open("readWriteLock", path);
      expect(await late.acquire({ side: "read", ...briefly })).toBe(false);
      expect(await own.isHeld({ side: "write" })).toBe(false);
      await theirs.release({ side: "read" });
      expect(await waiting).toBe(true);
    });
  });

  describe("our semaphore", () => {
    it.each([...withCurator, ...withKazoo])(
      "$name: as many permits as there are, and the next when one is back",
      async ({ first, second }) => {
        const path = ground.path();
        // An object each: one of kazoo has one permit at a time.
        const open = (peer: () => Peer) => peer().open("semaphore", path, { max: 3 });
        await using one = await open(first);
        await using two = await open(second);
        await using three = await open(first);
        await using four = await open(second);
        await using five = await open(first);
        for (const each of [one, two, three]) expect(await each.acquire(soon)).toBe(true);
        for (const each of [four, five]) expect(await each.acquire(briefly)).toBe(false);
        const waiting = four.acquire(soon);
        await one.release();
        expect(await waiting).toBe(true);
        expect(await five.acquire(briefly)).toBe(false);
        await two.release();
        expect(await five.acquire(soon)).toBe(true);
      },
    );

    it.each(withCurator)("$name: Curator's mutex class of one permit", async ({ first, second }) => {
      const path = ground.path();
      await using one = await first().open("semaphoreMutex", path);
      await using two = await second().open("semaphoreMutex", path);
      expect(await one.acquire(soon)).toBe(true);
      expect(await two.acquire(briefly)).toBe(false);
      const waiting = two.acquire(soon);
      await one.release();
      expect(await waiting).toBe(true);
    });
  });

  describe("our queue", () => {
    const takesAll = async (queue: Queue, items: readonly string[]): Promise<void> => {
      for (const item of items) expect(text(await queue.take(soon))).toBe(item);
      expect(await queue.take(briefly)).toBe(null);
    };
    const kinds: readonly { options: CuratorQueueOptions; puts: readonly object[]; taken: string[] }[] = [
      { options: { kind: "fifo" }, puts: [{}, {}, {}], taken: ["0", "1", "2"] },
      { options: { kind: "id" }, puts: [{ itemId: "x" }, { itemId: "y|/" }], taken: ["0", "1"] },
      {
        options: { kind: "priority" },
        puts: [{ priority: 5 }, { priority: -5 }, { priority: 0 }],
        taken: ["1", "2", "0"],
      },
      { options: { kind: "delay" }, puts: [{ dueMs: 1_700_000_000_000n }, { dueMs: 1n }], taken: ["1", "0"] },
    ];
    const cases = withCurator.flatMap((pair) => kinds.map((kind) => ({ ...pair, ...kind })));
    it.each(cases)(
      "$name: the one puts, the other takes, $options.kind",
      async ({ first, second, ...kind }) => {
        const path = ground.path();
        await using putter = await first().open("curatorQueue", path, { ...kind.options, consume: false });
        for (const [index, put] of kind.puts.entries()) {
          await putter.put({ items: [bytes(String(index))], ...put });
        }
        await using taker = await second().open("curatorQueue", path, kind.options);
        await takesAll(taker, kind.taken);
      },
    );

    it.each(withCurator)("$name: several items in one znode", async ({ first, second }) => {
      const path = ground.path();
      await using putter = await first().open("curatorQueue", path, { consume: false });
      await putter.put({ items: [bytes("a"), bytes("b")] });
      expect(await ground.client.getChildren(path)).toHaveLength(1);
      if (second().kind !== "ours") {
        await using taker = await second().open("curatorQueue", path);
        await takesAll(taker, ["a", "b"]);
        return;
      }
      // Ours gives them out as one item, whose first value the interface tells.
      await using taker = await second().open("curatorQueue", path);
      expect(text(await taker.take(soon))).toBe("a");
      await waitUntil(async () => (await ground.client.getChildren(path)).length === 0);
    });

    it.each(withCurator)(
      "$name: an item that the one works on is left alone by the other",
      async ({ first, second }) => {
        const path = ground.path();
        const options = { lockPath: `${path}-locks` };
        await using putter = await first().open("curatorQueue", path, { consume: false });
        await putter.put({ items: [bytes("a")] });
        await using working = await first().open("curatorQueue", path, { ...options, manual: true });
        expect(text(await working.take(soon))).toBe("a");
        await using other = await second().open("curatorQueue", path, options);
        expect(await other.take(briefly)).toBe(null);
        expect(await working.acknowledge()).toBe(true);
        await waitUntil(async () => (await ground.client.getChildren(path)).length === 0);
        expect(await other.take(briefly)).toBe(null);
      },
    );

    it.each(withCurator)("$name: the simple queue", async ({ first, second }) => {
      const path = ground.path();
      await using putter = await first().open("simpleQueue", path);
      await putter.put({ items: [bytes("a"), bytes("b")] });
      await using taker = await second().open("simpleQueue", path);
      expect(text(await taker.peek())).toBe("a");
      for (const item of ["a", "b"]) expect(text(await taker.take(soon))).toBe(item);
      const waiting = taker.take(soon);
      await putter.put({ items: [bytes("c")] });
      expect(text(await waiting)).toBe("c");
    });

    it.each(withKazoo)("$name: kazoo's queue, by priority", async ({ first, second }) => {
      const path = ground.path();
      await using putter = await first().open("kazooQueue", path);
      await putter.put({ items: [bytes("a")] });
      await putter.put({ items: [bytes("b")], priority: 7 });
      await using taker = await second().open("kazooQueue", path);
      await takesAll(taker, ["b", "a"]);
      expect(await putter.size()).toBe(0);
    });

    it.each(withKazoo)(
      "$name: kazoo's locking queue, where each leaves the other's claim alone",
      async ({ first, second }) => {
        const path = ground.path();
        await using one = await first().open("kazooLockingQueue", path);
        await one.put({ items: [bytes("a"), bytes("b")] });
        expect(text(await one.take(soon))).toBe("a");
        await using two = await second().open("kazooLockingQueue", path);
        expect(text(await two.take(soon))).toBe("b");
        for (const queue of [one, two]) {
          expect(await queue.holdsClaim()).toBe(true);
          expect(await queue.acknowledge()).toBe(true);
        }
        for (const part of ["entries", "taken"]) {
          await ground.client.sync(path);
          expect(await ground.client.getChildren(`${path}/${part}`)).toEqual([]);
        }
      },
    );
  });
}
