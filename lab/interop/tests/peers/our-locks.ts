// Our locks on one path with those of Curator and kazoo, out of the box and with the settings that let all three share one.
import { CreateMode } from "@zk/client";
import { observeRecipes, type RecipeEvent } from "@zk/recipes";
import { describe, expect, it, vi } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import {
  type Contender,
  contender,
  countBoth,
  type Effort,
  exclusion,
  hammer,
  longEnough,
  tryMs,
} from "./mutexes.js";
import { soon } from "./tools.js";

export function describeOurLocks(
  ground: Ground,
  curatorKind: Exclude<PeerKind, "kazoo">,
  { tries, rounds }: Effort,
): void {
  const [curator, kazoo] = [() => ground.anywhere(curatorKind), () => ground.anywhere("kazoo")];
  const ours = () => ground.ours();
  const bothHold = (first: Contender, second: Contender) => countBoth(ground, tries, first, second);

  const limit = { timeout: 90_000 + longEnough(rounds).timeout };
  describe("our mutex", limit, () => {
    it("and Curator's out of the box: never both, whoever came first, and no overlap under the hammer", async () => {
      expect(await bothHold(contender(ours), contender(curator))).toBe(0);
      expect(await bothHold(contender(curator), contender(ours))).toBe(0);
      const contenders = { o1: contender(ours), o2: contender(ours), c1: contender(curator) };
      expect(await hammer(ground, contenders, rounds)).toMatchObject(exclusion);
    });

    it("and kazoo's out of the box: never both, whoever came first, and no overlap under the hammer", async () => {
      const named = contender(ours, { dialect: "kazoo" });
      expect(await bothHold(named, contender(kazoo))).toBe(0);
      expect(await bothHold(contender(kazoo), named)).toBe(0);
      const contenders = { o1: named, o2: named, k1: contender(kazoo) };
      expect(await hammer(ground, contenders, rounds)).toMatchObject(exclusion);
    });

    it("with Curator's and kazoo's, all under Curator's names: no overlap, and tokens that only grow", async () => {
      const contenders = {
        ours: contender(ours),
        curator: contender(curator),
        kazoo: contender(kazoo, { dialect: "curator" }),
      };
      expect(await hammer(ground, contenders, rounds)).toMatchObject(exclusion);
    });

    it("with Curator's and kazoo's, each under its own names and waiting for all: no overlap, and tokens that only grow", async () => {
      const any = { contenders: "any" } as const;
      const contenders = {
        ours: contender(ours, any),
        curator: contender(curator, any),
        kazoo: contender(kazoo, any),
      };
      expect(await hammer(ground, contenders, rounds)).toMatchObject(exclusion);
    });

    it.each([
      { theirs: "kazoo", names: "curator" },
      { theirs: curatorKind, names: "kazoo" },
    ] as const)(
      "under $names's names beside $theirs's: both hold, and it is told",
      async ({ theirs, names }) => {
        const path = ground.path();
        const peer = ground.ours(names);
        const told: RecipeEvent[] = [];
        const end = observeRecipes(peer.client, (event) => told.push(event));
        await using first = await ground.peer(theirs).open("mutex", path);
        expect(await first.acquire(soon)).toBe(true);
        const node = await first.node();
        await using second = await peer.open("mutex", path);
        expect(await second.acquire(soon)).toBe(true);
        end();
        const name = node?.slice(node.lastIndexOf("/") + 1);
        const event = { type: "incompatibleContenders", path, dialect: names, names: [name] };
        expect(told).toContainEqual(expect.objectContaining(event));
      },
    );

    it("beside Curator's mutex class of one permit: both hold, and it is told", async () => {
      const path = ground.path();
      const peer = ground.ours();
      await using first = await ground.peer(curatorKind).open("semaphoreMutex", path);
      expect(await first.acquire(soon)).toBe(true);
      const told: RecipeEvent[] = [];
      const end = observeRecipes(peer.client, (event) => told.push(event));
      await using second = await peer.open("mutex", path);
      expect(await second.acquire(soon)).toBe(true);
      end();
      expect(await first.isHeld()).toBe(true);
      const names = expect.arrayContaining(["leases", "locks"]);
      expect(told).toContainEqual(expect.objectContaining({ type: "foreignChildren", path, names }));
    });

    it("waits for a contender that go-zookeeper left, whose UUID has no dashes", async () => {
      const path = ground.path();
      await ground.client.create(path, "");
      const name = `${path}/_c_0123456789abcdef0123456789abcdef-lock-`;
      const { path: first } = await ground.client.create(name, "", { mode: CreateMode.EPHEMERAL_SEQUENTIAL });
      const waiting = [];
      for (const peer of [ground.ours(), ground.peer(curatorKind)]) {
        const mutex = await peer.open("mutex", path);
        expect(await mutex.acquire({ timeoutMs: tryMs })).toBe(false);
        waiting.push(mutex.acquire(soon).then(() => mutex.close()));
      }
      await ground.client.remove(first);
      await Promise.all(waiting);
    });

    it("asked by Curator to give it up hears of it, and the other way round", async () => {
      const path = ground.path();
      for (const [asked, asking] of [
        [ground.ours(), ground.peer(curatorKind)],
        [ground.peer(curatorKind), ground.ours()],
      ] as const) {
        await using holder = await asked.open("mutex", path, { revocable: true });
        expect(await holder.acquire(soon)).toBe(true);
        await using other = await asking.open("mutex", path);
        const node = await holder.node();
        if (node === null) throw new Error("it has no znode");
        await other.revoke({ node });
        await vi.waitFor(async () => expect(await holder.revocations()).toBe(1), 10_000);
        const waiting = other.acquire(soon);
        await holder.release();
        expect(await waiting).toBe(true);
      }
    });
  });
}
