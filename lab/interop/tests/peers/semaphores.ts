// Semaphores of Curator and kazoo, whose trees have nothing in common.
import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { briefly, soon, text, waitUntil } from "./tools.js";

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

    it("of Curator: two who want all permits at once block each other, until one runs out of time", async () => {
      const path = ground.path();
      const { client } = ground;
      await using first = await curator().open("semaphore", path, { max: 2 });
      expect(await first.acquire({ permits: 2, ...soon })).toBe(true);
      const identities = ["ann", "bob"];
      const open = (identity: string) => curator().open("semaphore", path, { max: 2, identity });
      const rivals = await Promise.all(identities.map(open));
      const waiting = rivals.map((rival) => rival.acquire({ permits: 2, timeoutMs: 3_000 }));
      // The first of them waits for a permit, and the second for the inner mutex.
      await waitUntil(async () => (await client.getChildren(`${path}/locks`)).length === 2);
      await first.release({ permits: 2 });
      // Each has one permit; the znode of the one who stands for another comes last.
      await waitUntil(async () => {
        const leases = [...(await client.getChildren(`${path}/leases`))].sort((a, b) =>
          a.slice(-10) < b.slice(-10) ? -1 : 1,
        );
        if (leases.length !== 3) return false;
        const held = leases
          .slice(0, 2)
          .map(async (name) => text((await client.getData(`${path}/leases/${name}`)).data));
        return (await Promise.all(held)).sort().join() === identities.join();
      });
      // Which is how it stays: one gives up in the end, and then at most the other gets both.
      expect(await Promise.all(waiting)).toContain(false);
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
