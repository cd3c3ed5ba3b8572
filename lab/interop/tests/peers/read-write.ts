// Read-write locks of Curator and kazoo. Their names differ, and no setting makes either see the other's.
import { describe, expect, it } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { briefly, soon, waitUntil } from "./tools.js";

const sides = ["read", "write"] as const;

export function describeReadWriteLocks(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  describe.each([curatorKind, "kazoo"] as const)("read-write lock of %s alone", (kind) => {
    it("readers share, a writer excludes, and who waits gets it", async () => {
      const path = ground.path();
      const open = () => ground.peer(kind).open("readWriteLock", path);
      await using one = await open();
      await using two = await open();
      await using three = await open();
      for (const reader of [one, two]) expect(await reader.acquire({ side: "read", ...soon })).toBe(true);
      const writing = three.acquire({ side: "write", ...soon });
      await one.release({ side: "read" });
      await two.release({ side: "read" });
      expect(await writing).toBe(true);
      expect(await one.acquire({ side: "read", ...briefly })).toBe(false);
      expect(await two.acquire({ side: "write", ...briefly })).toBe(false);
      await three.release({ side: "write" });
      expect(await one.acquire({ side: "read", ...soon })).toBe(true);
    });
  });

  describe("read-write lock of both", () => {
    // Which of two holds at once are allowed is another matter: two readers always are.
    const cases = sides.flatMap((first) => sides.map((second) => ({ first, second })));
    it.each(cases)(
      "a $first lock of Curator does not keep kazoo from a $second lock",
      async ({ first, second }) => {
        const path = ground.path();
        await using ours = await ground.peer(curatorKind).open("readWriteLock", path);
        await using theirs = await ground.peer("kazoo").open("readWriteLock", path);
        expect(await ours.acquire({ side: first, ...soon })).toBe(true);
        expect(await theirs.acquire({ side: second, ...soon })).toBe(true);
      },
    );

    it.each(cases)(
      "a $first lock of kazoo does not keep Curator from a $second lock",
      async ({ first, second }) => {
        const path = ground.path();
        await using theirs = await ground.peer("kazoo").open("readWriteLock", path);
        await using ours = await ground.peer(curatorKind).open("readWriteLock", path);
        expect(await theirs.acquire({ side: first, ...soon })).toBe(true);
        expect(await ours.acquire({ side: second, ...soon })).toBe(true);
      },
    );
  });

  describe("read-write lock of Curator", () => {
    const isLater = curatorKind === "curator-5";
    it(`downgraded ${isLater ? "keeps the writer's place" : "lets in a writer that waited"}`, async () => {
      const path = ground.path();
      await using one = await ground.peer(curatorKind).open("readWriteLock", path);
      await using two = await ground.peer(curatorKind).open("readWriteLock", path);
      expect(await one.acquire({ side: "write", ...soon })).toBe(true);
      const waiting = two.acquire({ side: "write", timeoutMs: isLater ? 1_000 : 20_000 });
      await waitUntil(async () => (await ground.client.getChildren(path)).length === 2);
      expect(await one.acquire({ side: "read", ...soon })).toBe(true);
      await one.release({ side: "write" });
      expect(await waiting).toBe(!isLater);
      expect(await one.isHeld({ side: "read" })).toBe(true);
    });
  });
}
