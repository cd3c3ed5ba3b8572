// Elections of Curator and kazoo on one path.
import { describe, expect, it } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { briefly, soon, waitUntil } from "./tools.js";

export function describeElections(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const [curator, kazoo] = [() => ground.peer(curatorKind), () => ground.peer("kazoo")];

  describe("election", () => {
    it("of Curator's selector and kazoo out of the box: both lead at once, whoever came first", async () => {
      for (const order of [
        [curator, kazoo],
        [kazoo, curator],
      ] as const) {
        const path = ground.path();
        const elections = [];
        for (const peer of order) {
          const election = await peer().open("election", path);
          expect(await election.awaitLeadership(soon)).toBe(true);
          elections.push(election);
        }
        for (const election of elections) expect(await election.isLeader()).toBe(true);
        for (const election of elections) await election.close();
      }
    });

    it("of both, with kazoo under Curator's names: one leads, and the next when it resigns", async () => {
      const path = ground.path();
      await using theirs = await curator().open("election", path, { identity: "curator", requeue: true });
      expect(await theirs.awaitLeadership(soon)).toBe(true);
      await using ours = await kazoo().open("election", path, {
        identity: "kazoo",
        dialect: "curator",
        requeue: true,
      });
      expect(await ours.awaitLeadership(briefly)).toBe(false);
      // Whoever resigns stands at the end of the queue, so the next is the other, if that one stands there already.
      const bothStand = () => waitUntil(async () => (await theirs.contenders()).length === 2);
      for (let round = 1; round <= 5; round += 1) {
        await bothStand();
        await theirs.resign();
        expect(await ours.awaitLeadership(soon)).toBe(true);
        expect(await theirs.isLeader()).toBe(false);
        await bothStand();
        await ours.resign();
        expect(await theirs.awaitLeadership(soon)).toBe(true);
        expect(await ours.isLeader()).toBe(false);
        expect(await ours.terms()).toBe(round);
      }
      await bothStand();
      expect(await theirs.contenders()).toMatchObject([
        { identity: "curator", isLeader: true },
        { identity: "kazoo", isLeader: false },
      ]);
      expect((await ours.contenders()).map(({ identity }) => identity)).toEqual(["curator", "kazoo"]);
    });

    it("of Curator's latch and Curator's selector: both lead at once", async () => {
      const path = ground.path();
      await using latch = await curator().open("latch", path, { identity: "latch" });
      expect(await latch.awaitLeadership(soon)).toBe(true);
      await using selector = await curator().open("election", path, { identity: "selector" });
      expect(await selector.awaitLeadership(soon)).toBe(true);
      expect(await latch.isLeader()).toBe(true);
    });

    it("of Curator's selector and Curator's mutex on one path: the mutex waits for the leader", async () => {
      const path = ground.path();
      await using selector = await curator().open("election", path);
      expect(await selector.awaitLeadership(soon)).toBe(true);
      await using mutex = await curator().open("mutex", path);
      expect(await mutex.acquire(briefly)).toBe(false);
      await selector.resign();
      expect(await mutex.acquire(soon)).toBe(true);
    });
  });
}
