// Semaphores of Curator and kazoo, whose trees have nothing in common.
import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { briefly, soon, waitUntil } from "./tools.js";

export function describeSemaphores(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const [curator, kazoo] = [() => ground.peer(curatorKind), () => ground.peer("kazoo")];

  describe("semaphore", () => {
    it("of one permit, kazoo first: both have it at once", async () => {
      const path = ground.path();
      await using theirs = await kazoo().open("semaphore", path, { max: 1 });
      expect(await theirs.acquire(soon)).toBe(true);
      await using ours = await curator().open("semaphore", path, { max: 1 });
      expect(await ours.acquire(soon)).toBe(true);
    });

    it("of Curator first: kazoo counts Curator's two directories as leases of its own", async () => {
      const path = ground.path();
      await using ours = await curator().open("semaphore", path, { max: 1 });
      expect(await ours.acquire(soon)).toBe(true);
      await using two = await kazoo().open("semaphore", path, { max: 2 });
      expect(await two.acquire(briefly)).toBe(false);
      await using three = await kazoo().open("semaphore", path, { max: 3 });
      expect(await three.acquire(soon)).toBe(true);
    });

    it("of kazoo: any child counts, and another maximum is refused", async () => {
      const path = ground.path();
      await using one = await kazoo().open("semaphore", path, { max: 2 });
      expect(await one.acquire(soon)).toBe(true);
      await ground.client.create(`${path}/somebody`, "", { mode: CreateMode.EPHEMERAL });
      await using two = await kazoo().open("semaphore", path, { max: 2 });
      expect(await two.acquire(briefly)).toBe(false);
      await using three = await kazoo().open("semaphore", path, { max: 3 });
      await expect(three.acquire(soon)).rejects.toMatchObject({ failure: { type: "ValueError" } });
    });

    it("of Curator: two who want all permits at once block each other, and both run out of time", async () => {
      const path = ground.path();
      await using first = await curator().open("semaphore", path, { max: 2 });
      expect(await first.acquire({ permits: 2, ...soon })).toBe(true);
      const rivals = await Promise.all([1, 2].map(() => curator().open("semaphore", path, { max: 2 })));
      const waiting = rivals.map((rival) => rival.acquire({ permits: 2, timeoutMs: 3_000 }));
      // The first of them waits for a permit, and the second for the inner mutex.
      await waitUntil(async () => (await ground.client.getChildren(`${path}/locks`)).length === 2);
      await first.release({ permits: 2 });
      expect(await Promise.all(waiting)).toEqual([false, false]);
      for (const rival of rivals) await rival.close();
    });

    it("of Curator: one permit each, as many as there are, and the next when one is given back", async () => {
      const path = ground.path();
      const holders = await Promise.all([1, 2, 3].map(() => curator().open("semaphore", path, { max: 3 })));
      expect(await Promise.all(holders.map((holder) => holder.acquire(soon)))).toEqual([true, true, true]);
      await using late = await curator().open("semaphore", path, { max: 3 });
      expect(await late.acquire(briefly)).toBe(false);
      const waiting = late.acquire(soon);
      await holders[0]!.release();
      expect(await waiting).toBe(true);
      for (const holder of holders) await holder.close();
    });

    it("of Curator and Curator's mutex class of one permit: the second is a semaphore, and no mutex sees it", async () => {
      const path = ground.path();
      await using narrow = await curator().open("semaphoreMutex", path);
      expect(await narrow.acquire(soon)).toBe(true);
      await using semaphore = await curator().open("semaphore", path, { max: 1 });
      expect(await semaphore.acquire(briefly)).toBe(false);
      await using mutex = await curator().open("mutex", path);
      expect(await mutex.acquire(soon)).toBe(true);
    });
  });
}
