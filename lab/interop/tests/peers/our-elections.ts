// Our latch and our election on one path with those of Curator and kazoo, in both directions.
import { observeRecipes, type RecipeEvent } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import type { OurPeer } from "../../src/peers/ours/our-peer.js";
import type { Peer, PeerKind } from "../../src/peers/peer.js";
import type { Election, Handle, Latch } from "../../src/peers/recipes.js";
import type { Ground } from "./ground.js";
import { bothWays, bothWaysWithKazoo, type Pair } from "./pairs.js";
import { briefly, soon, waitUntil } from "./tools.js";

type Standing = Pick<Latch | Election, "contenders">;

export function describeOurElections(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const [ours, curator, kazoo] = [
    () => ground.ours(),
    () => ground.peer(curatorKind),
    () => ground.peer("kazoo"),
  ];
  const withCurator = bothWays(ours, curator, curatorKind);
  const withKazoo = bothWaysWithKazoo(ground, curatorKind, "kazoo");

  /** All see the same candidates, the leader first. */
  const seesAll = async (standing: readonly Standing[], identities: readonly string[]): Promise<void> => {
    for (const each of standing) {
      await waitUntil(async () => (await each.contenders()).length === identities.length);
      expect(await each.contenders()).toEqual(
        identities.map((identity, place) => ({ identity, isLeader: place === 0 })),
      );
    }
  };

  describe("our election", () => {
    const open = (peer: Peer, path: string, identity: string): Promise<Election> =>
      peer.open("election", path, { identity, requeue: true });

    it.each([...withCurator, ...withKazoo])(
      "$name: one leads, the next when it resigns, and both see the same candidates",
      async ({ first, second }: Pair) => {
        const path = ground.path();
        await using one = await open(first(), path, "one");
        expect(await one.awaitLeadership(soon)).toBe(true);
        await using two = await open(second(), path, "two");
        await seesAll([one, two], ["one", "two"]);
        expect(await two.awaitLeadership(briefly)).toBe(false);
        for (let round = 1; round <= 3; round += 1) {
          await one.resign();
          expect(await two.awaitLeadership(soon)).toBe(true);
          expect(await one.isLeader()).toBe(false);
          await seesAll([two, one], ["two", "one"]);
          await two.resign();
          expect(await one.awaitLeadership(soon)).toBe(true);
          expect(await two.isLeader()).toBe(false);
          expect(await two.terms()).toBe(round);
          await seesAll([one, two], ["one", "two"]);
        }
      },
    );

    it("with Curator's and kazoo's, all under Curator's names: the turn goes round, and one leads at a time", async () => {
      const path = ground.path();
      const names = ["ours", "curator", "kazoo"];
      await using one = await open(ours(), path, "ours");
      expect(await one.awaitLeadership(soon)).toBe(true);
      await using two = await open(curator(), path, "curator");
      await seesAll([one], names.slice(0, 2));
      const named = { identity: "kazoo", dialect: "curator", requeue: true } as const;
      await using three = await kazoo().open("election", path, named);
      const all = [one, two, three];
      await seesAll(all, names);
      for (let turn = 0; turn < 6; turn += 1) {
        const [leader, next, last] = [0, 1, 2].map((place) => (turn + place) % 3) as [number, number, number];
        await all[leader]!.resign();
        expect(await all[next]!.awaitLeadership(soon)).toBe(true);
        await seesAll([one], [names[next]!, names[last]!, names[leader]!]);
        const leads = await Promise.all(all.map((each) => each.isLeader()));
        expect(leads).toEqual(all.map((_, place) => place === next));
      }
    });

    it.each([
      { theirs: "kazoo", names: "curator" },
      { theirs: curatorKind, names: "kazoo" },
    ] as const)("under $names's names beside $theirs's: both lead, and it is told", async (of) => {
      const path = ground.path();
      await using first = await ground.peer(of.theirs).open("election", path);
      expect(await first.awaitLeadership(soon)).toBe(true);
      await tellsOf(of.names, path, async (peer) => {
        const second = await peer.open("election", path);
        expect(await second.awaitLeadership(soon)).toBe(true);
        expect(await first.isLeader()).toBe(true);
        return second;
      });
    });
  });

  describe("our latch", () => {
    const open = (peer: Peer, path: string, identity: string): Promise<Latch> =>
      peer.open("latch", path, { identity });

    it.each(withCurator)(
      "$name: one leads, the next when it closes, and both see the same participants",
      async ({ first, second }) => {
        const path = ground.path();
        const one = await open(first(), path, "one");
        expect(await one.awaitLeadership(soon)).toBe(true);
        await using two = await open(second(), path, "two");
        await seesAll([one, two], ["one", "two"]);
        expect(await two.awaitLeadership(briefly)).toBe(false);
        await one.close();
        expect(await two.awaitLeadership(soon)).toBe(true);
        await using three = await open(first(), path, "three");
        await seesAll([two, three], ["two", "three"]);
        expect(await three.isLeader()).toBe(false);
      },
    );

    it.each(withCurator)("$name: whoever gives up in the middle is left out", async ({ first, second }) => {
      const path = ground.path();
      const one = await open(first(), path, "one");
      expect(await one.awaitLeadership(soon)).toBe(true);
      const two = await open(second(), path, "two");
      await seesAll([one], ["one", "two"]);
      await using three = await open(first(), path, "three");
      await seesAll([one], ["one", "two", "three"]);
      await two.close();
      await seesAll([one, three], ["one", "three"]);
      expect(await three.isLeader()).toBe(false);
      await one.close();
      expect(await three.awaitLeadership(soon)).toBe(true);
    });

    it("and Curator's selector on one path: both lead, and it is told", async () => {
      const path = ground.path();
      await using selector = await curator().open("election", path);
      expect(await selector.awaitLeadership(soon)).toBe(true);
      await tellsOf("curator", path, async (peer) => {
        const latch = await peer.open("latch", path);
        expect(await latch.awaitLeadership(soon)).toBe(true);
        expect(await selector.isLeader()).toBe(true);
        return latch;
      });
    });
  });

  /** Stands beside those of another kind, and is told of their names. */
  async function tellsOf(
    dialect: "curator" | "kazoo",
    path: string,
    stand: (peer: OurPeer) => Promise<Handle>,
  ): Promise<void> {
    const peer = ground.ours(dialect);
    const others = await ground.client.getChildren(path);
    const told: RecipeEvent[] = [];
    const end = observeRecipes(peer.client, (event) => told.push(event));
    const standing = await stand(peer);
    end();
    await standing.close();
    const event = { type: "incompatibleContenders", path, dialect, names: others };
    expect(told).toContainEqual(expect.objectContaining(event));
  }
}
