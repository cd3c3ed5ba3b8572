// Our groups, kept znodes, services and leases on one path with those of Curator and kazoo, in both directions.
import { Group, PersistentNode } from "@zk/recipes";
import { describe, expect, it, vi } from "vitest";
import type { Peer, PeerKind } from "../../src/peers/peer.js";
import type { GroupMember, Party } from "../../src/peers/recipes.js";
import type { Ground } from "./ground.js";
import { bothWays, bothWaysWithKazoo } from "./pairs.js";
import { briefly, bytes, soon, text, waitUntil } from "./tools.js";

export function describeOurGroups(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const [ours, curator, kazoo] = [
    () => ground.ours(),
    () => ground.peer(curatorKind),
    () => ground.peer("kazoo"),
  ];
  const withCurator = bothWays(ours, curator, curatorKind);
  const withKazoo = bothWaysWithKazoo(ground, curatorKind, "curator");

  const saysOf = async (member: GroupMember): Promise<Record<string, string | null>> =>
    Object.fromEntries(Object.entries(await member.members()).map(([id, said]) => [id, text(said)]));
  const shows = async (member: GroupMember, expected: Record<string, string>): Promise<void> => {
    await vi.waitFor(async () => expect(await saysOf(member)).toEqual(expected), 10_000);
  };

  describe("our group", () => {
    it.each(withCurator)("$name: each lists both, and hears who goes and what is said", async (pair) => {
      const path = ground.path();
      const open = (peer: () => Peer, identity: string): Promise<GroupMember> =>
        peer().open("groupMember", path, { identity, payload: bytes(`of ${identity}`) });
      await using ann = await open(pair.first, "ann");
      const bob = await open(pair.second, "bob");
      for (const each of [ann, bob]) await shows(each, { ann: "of ann", bob: "of bob" });
      await ann.setPayload({ payload: bytes("louder") });
      await bob.setPayload({ payload: bytes("") });
      for (const each of [ann, bob]) await shows(each, { ann: "louder", bob: "" });
      await bob.close();
      await shows(ann, { ann: "louder" });
    });

    const parties = withKazoo.flatMap((pair) =>
      (["party", "shallowParty"] as const).map((recipe) => ({ ...pair, recipe })),
    );
    it.each(parties)("$name: kazoo's $recipe, each lists both", async ({ first, second, recipe }) => {
      const path = ground.path();
      await using ann = await first().open(recipe, path, { identity: "ann" });
      await using bob = await second().open(recipe, path, { identity: "bob" });
      const both = [ann, bob];
      const lists = async (expected: readonly string[]): Promise<void> => {
        for (const each of both) expect([...(await each.members())].sort()).toEqual(expected);
      };
      await ann.join();
      await bob.join();
      await ground.client.sync(path);
      await lists(["ann", "bob"]);
      await bob.leave();
      await lists(["ann"]);
      await bob.join();
      await lists(["ann", "bob"]);
    });

    it("lists the members of Curator's and of both of kazoo's parties, whatever it writes; kazoo has no payload", async () => {
      const path = ground.path();
      await using _member = await curator().open("groupMember", path, {
        identity: "ann",
        payload: bytes("loud"),
      });
      const open = async (recipe: "party" | "shallowParty", identity: string): Promise<Party> => {
        const party = await kazoo().open(recipe, path, { identity });
        await party.join();
        return party;
      };
      await using party = await open("party", "kim");
      await using shallow = await open("shallowParty", "lou");
      const group = new Group(ground.ours().client, path);
      await using own = await group.join("max");
      await waitUntil(async () => (await group.members()).length === 4);
      const members = await group.members();
      expect(Object.fromEntries(members.map(({ id, payload }) => [id, text(payload ?? null)]))).toEqual({
        ann: "loud",
        kim: null,
        lou: null,
        max: null,
      });
      expect(members.filter(({ isSelf }) => isSelf).map(({ token }) => token)).toEqual([own.token]);
      // What ours writes there is one member more for each of them, by its name.
      expect([...(await party.members())]).toEqual(["kim"]);
      expect(await shallow.members()).toContain("max");
    });

    it("refuses an id that Curator's member has, and waits for it if told", async () => {
      const path = ground.path();
      const member = await curator().open("groupMember", path, { identity: "ann" });
      await waitUntil(async () => (await ground.client.exists(`${path}/ann`)) !== null);
      const group = new Group(ground.ours().client, path);
      await expect(group.join("ann")).rejects.toMatchObject({ code: "CONFLICT" });
      const waiting = group.join("ann", { onTaken: "wait" });
      await member.close();
      await using own = await waiting;
      expect(await group.members()).toMatchObject([{ id: "ann", token: own.token, isSelf: true }]);
    });
  });

  describe("our kept znode", () => {
    it.each(["protected", "sequential"] as const)(
      "beside Curator's, %s: each has its own",
      async (naming) => {
        const path = `${ground.path()}/node`;
        const options = { data: bytes("alive"), naming };
        await using one = await curator().open("persistentNode", path, options);
        await using two = await ours().open("persistentNode", path, options);
        for (const each of [one, two]) expect(await each.awaitCreated(soon)).toBe(true);
        const nodes = await Promise.all([one, two].map((each) => each.node()));
        expect(new Set(nodes).size).toBe(2);
        for (const node of nodes) {
          await ground.client.remove(node!);
          await waitUntil(async () => (await ground.client.exists(node!)) !== null);
        }
        expect(await Promise.all([one, two].map((each) => each.node()))).toEqual(nodes);
      },
    );

    it("waits for one that Curator keeps, and has it when Curator's is closed", async () => {
      const path = ground.path();
      const theirs = await curator().open("persistentNode", path, { data: bytes("theirs") });
      expect(await theirs.awaitCreated(soon)).toBe(true);
      await using own = await ours().open("persistentNode", path, { data: bytes("ours") });
      expect(await own.awaitCreated(briefly)).toBe(false);
      expect(text((await ground.client.getData(path)).data)).toBe("theirs");
      await theirs.close();
      expect(await own.awaitCreated(soon)).toBe(true);
      await ground.client.sync(path);
      expect(text((await ground.client.getData(path)).data)).toBe("ours");
    });

    it("is changed and at last removed by a Curator that is told to keep it too; ours says so and has it again", async () => {
      const path = ground.path();
      const events: string[] = [];
      await using own = new PersistentNode(ground.ours().client, path, { data: "ours" });
      own.onEvent(({ type }) => events.push(type));
      await own.start();
      const theirs = await curator().open("persistentNode", path, { data: bytes("theirs") });
      // It does not look whose the znode is that it finds.
      await waitUntil(async () => events.includes("changed"));
      expect(text((await ground.client.getData(path)).data)).toBe("theirs");
      await theirs.close();
      await waitUntil(async () => events.length === 4);
      expect(events).toEqual(["established", "changed", "gone", "established"]);
      await ground.client.sync(path);
      expect(text((await ground.client.getData(path)).data)).toBe("ours");
    });
  });

  // Only kazoo has one.
  if (withKazoo.length === 0) return;
  describe("our lease", () => {
    it.each(withKazoo)("$name: it is one holder's, whoever asks, and the holder's again", async (pair) => {
      const path = ground.path();
      const open = (peer: () => Peer, identity: string) =>
        peer().open("lease", path, { identity, durationMs: 60_000 });
      expect(await (await open(pair.first, "ann")).obtain()).toBe(true);
      expect(await (await open(pair.second, "bob")).obtain()).toBe(false);
      expect(await (await open(pair.second, "ann")).obtain()).toBe(true);
      expect(await (await open(pair.first, "bob")).obtain()).toBe(false);
      expect(await (await open(pair.first, "ann")).obtain()).toBe(true);
    });

    it.each(withKazoo)("$name: two have one of two, a third has none", async ({ first, second }) => {
      const path = ground.path();
      const obtain = async (peer: () => Peer, identity: string): Promise<boolean> =>
        (await peer().open("lease", path, { identity, durationMs: 60_000, count: 2 })).obtain();
      expect(await obtain(first, "ann")).toBe(true);
      expect(await obtain(second, "bob")).toBe(true);
      for (const peer of [first, second]) expect(await obtain(peer, "kim")).toBe(false);
      expect(await obtain(second, "ann")).toBe(true);
      expect(await obtain(first, "bob")).toBe(true);
    });
  });
}
