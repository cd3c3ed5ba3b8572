// A process is killed that led, was a member, kept a znode and offered a service; and our session ends. Who is left goes on.
import { Group } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { OurPeer } from "../../src/peers/ours/our-peer.js";
import type { Peer, PeerKind } from "../../src/peers/peer.js";
import type { Election, Latch } from "../../src/peers/recipes.js";
import type { Ground } from "./ground.js";
import { briefly, bytes, soon, waitUntil } from "./tools.js";

type LeaderRecipe = "latch" | "election";

export function describeLosses(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const kinds = [
    { kind: curatorKind, dialect: "curator", recipes: ["latch", "election"] },
    { kind: "kazoo", dialect: "kazoo", recipes: ["election"] },
  ] as const;

  /** One leads, another waits. */
  const stand = async (recipe: LeaderRecipe, first: Peer, second: Peer): Promise<(Latch | Election)[]> => {
    const path = ground.path();
    const leader = await first.open(recipe, path, { identity: "first" });
    expect(await leader.awaitLeadership(soon)).toBe(true);
    const next = await second.open(recipe, path, { identity: "second" });
    expect(await next.awaitLeadership(briefly)).toBe(false);
    return [leader, next];
  };

  /** Keeps a znode and offers a service, which ours want too. @returns what is to be seen when it is killed */
  const keep = async (killed: Peer): Promise<() => Promise<void>> => {
    const [node, services] = [ground.path(), ground.path()];
    const kept = await killed.open("persistentNode", node, { data: bytes("theirs") });
    expect(await kept.awaitCreated(soon)).toBe(true);
    await (await killed.open("discovery", services)).register({ name: "shop", id: "1", port: 80 });
    const provider = await ground.ours().open("serviceProvider", services, { name: "shop" });
    await waitUntil(async () => (await provider.instance())?.port === 80);
    const own = await ground.ours().open("persistentNode", node, { data: bytes("ours") });
    const discovery = await ground.ours().open("discovery", services);
    const registering = discovery.register({ name: "shop", id: "1", port: 81 });
    expect(await own.awaitCreated(briefly)).toBe(false);
    return async () => {
      expect(await own.awaitCreated(soon)).toBe(true);
      await registering;
      await waitUntil(async () => (await provider.instance())?.port === 81);
      await using theirs = await ground.peer(curatorKind).open("discovery", services);
      expect(await theirs.instances({ name: "shop" })).toMatchObject([{ id: "1", port: 81 }]);
      for (const each of [provider, own, discovery]) await each.close();
    };
  };

  /** Two join, in the ways that the library has. */
  const join = async (killed: Peer, path: string): Promise<void> => {
    if (killed.kind === "kazoo") {
      for (const recipe of ["party", "shallowParty"] as const)
        await (await killed.open(recipe, path, { identity: recipe })).join();
    } else {
      for (const identity of ["ann", "bob"]) await killed.open("groupMember", path, { identity });
    }
  };

  /** What is to be seen when its process is killed. */
  const killed = async ({ kind, dialect, recipes }: (typeof kinds)[number]): Promise<void> => {
    const peer = await ground.ownPeer(kind, { sessionTimeoutMs: 2_000 });
    const ours = ground.ours(dialect);
    const next: (Latch | Election)[] = [];
    for (const recipe of recipes) next.push((await stand(recipe, peer, ours))[1]!);
    const path = ground.path();
    await join(peer, path);
    await using view = new Group(ours.client, path).watch();
    await view.until((members) => members.length === 2, soon);
    const replaced = kind === "kazoo" ? undefined : await keep(peer);

    await peer.kill();
    for (const own of next) {
      expect(await own.awaitLeadership(soon)).toBe(true);
      expect(await own.contenders()).toHaveLength(1);
      await own.close();
    }
    await view.until((members) => members.length === 0, soon);
    await replaced?.();
  };

  it("kill -9 of a Curator and of a kazoo: ours lead next, and have what it kept and offered; it is no member", async () => {
    await Promise.all(kinds.map(killed));
  });

  describe("the end of our session", () => {
    it.each(kinds)("where we led, $kind leads next; where we were a member, we are none", async (of) => {
      const { kind, dialect, recipes } = of;
      await using gone = await OurPeer.connect(ground.ensemble.connectionString, dialect);
      const theirs = ground.peer(kind);
      const standing = [];
      for (const recipe of recipes) standing.push(await stand(recipe, gone, theirs));
      const path = ground.path();
      const group = kind === "kazoo" ? "party" : "groupMember";
      const member = await gone.open(group, path, { identity: "ours" });
      if ("join" in member) await member.join();
      const other = await theirs.open(group, path, { identity: "theirs" });
      if ("join" in other) await other.join();
      const names = async (): Promise<readonly string[]> => {
        const members = await other.members();
        return [...(Array.isArray(members) ? (members as string[]) : Object.keys(members))].sort();
      };
      await waitUntil(async () => (await names()).join() === "ours,theirs");
      await ground.ensemble.expireSession(await gone.session());
      for (const [leader, next] of standing) {
        expect(await next!.awaitLeadership(soon)).toBe(true);
        await waitUntil(async () => !(await leader!.isLeader()));
        await next!.close();
      }
      await waitUntil(async () => (await names()).join() === "theirs");
      await other.close();
    });
  });
}
