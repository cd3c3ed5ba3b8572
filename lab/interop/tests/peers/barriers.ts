// Barriers of two libraries on one path. Whoever sets, whoever waits, whoever removes.
import { describe, expect, it } from "vitest";
import type { AnyKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { briefly, soon, waitUntil } from "./tools.js";

export function describeBarriers(ground: Ground, kinds: readonly [AnyKind, AnyKind]): void {
  const [one, other] = kinds;

  describe(`barrier of ${one} and ${other}`, () => {
    it.each([
      { setter: one, waiter: other, remover: one },
      { setter: one, waiter: other, remover: other },
      { setter: other, waiter: one, remover: other },
      { setter: other, waiter: one, remover: one },
    ])("$setter sets, $waiter waits, $remover removes", async ({ setter, waiter, remover }) => {
      const path = ground.path();
      const set = await ground.peer(setter).open("barrier", path);
      const wait = await ground.peer(waiter).open("barrier", path);
      const remove = await ground.peer(remover).open("barrier", path);
      expect(await wait.wait(briefly)).toBe(true);
      await set.set();
      await set.set();
      expect(await wait.wait(briefly)).toBe(false);
      const waiting = wait.wait(soon);
      await remove.remove();
      expect(await waiting).toBe(true);
      await remove.remove();
    });
  });

  describe(`double barrier of ${one} and ${other}`, () => {
    it.each([
      { first: one, second: other },
      { first: other, second: one },
    ])("$first and $second begin and end together", async ({ first, second }) => {
      const path = ground.path();
      const early = await ground.peer(first).open("doubleBarrier", path, { members: 2 });
      const late = await ground.peer(second).open("doubleBarrier", path, { members: 2 });
      const events: string[] = [];
      const note = (what: string) => (): void => void events.push(what);

      const entering = early.enter().then(note("early in"));
      await waitUntil(async () => (await ground.client.exists(path)) !== null);
      await waitUntil(async () => (await ground.client.getChildren(path)).length === 1);
      expect(events).toEqual([]);
      await Promise.all([entering, late.enter().then(note("late in"))]);
      expect(await ground.client.getChildren(path)).toHaveLength(3);

      const leaving = early.leave().then(note("early out"));
      await ground.client.sync(path);
      expect(events.sort()).toEqual(["early in", "late in"]);
      await Promise.all([leaving, late.leave().then(note("late out"))]);
      await ground.client.sync(path);
      expect(await ground.client.getChildren(path)).toEqual([]);
    });

    it("two of each begin and end together, twice", async () => {
      const path = ground.path();
      const peers = [one, other, one, other].map((kind) => ground.peer(kind));
      for (let round = 0; round < 2; round += 1) {
        const members = await Promise.all(
          peers.map((peer) => peer.open("doubleBarrier", path, { members: 4 })),
        );
        expect(await Promise.all(members.map((member) => member.enter()))).toEqual([true, true, true, true]);
        expect(await Promise.all(members.map((member) => member.leave()))).toEqual([true, true, true, true]);
        await ground.client.sync(path);
        expect(await ground.client.getChildren(path)).toEqual([]);
      }
    });
  });
}
