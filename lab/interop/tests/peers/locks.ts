// Curator and kazoo on one lock path. What each row of the table says of them out of the box, and with the settings that mend it.
import { describe, expect, it } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { type Contender, contender, countBoth, type Effort, exclusion, hammer, tryMs } from "./mutexes.js";
import { waitUntil } from "./tools.js";

export function describeLocks(
  ground: Ground,
  curatorKind: Exclude<PeerKind, "kazoo">,
  { tries, rounds }: Effort,
): void {
  const bothHold = (first: Contender, second: Contender) => countBoth(ground, tries, first, second);
  const [curator, kazoo] = [() => ground.anywhere(curatorKind), () => ground.anywhere("kazoo")];

  describe("mutex", () => {
    it("of Curator and kazoo out of the box: both hold at once, whoever came first", async () => {
      expect(await bothHold(contender(curator), contender(kazoo))).toBe(tries);
      expect(await bothHold(contender(kazoo), contender(curator))).toBe(tries);
    });

    it("of both out of the box: the hammer's log shows the overlaps", async () => {
      const found = await hammer(ground, { kazoo: contender(kazoo), curator: contender(curator) }, rounds);
      expect(found.overlaps.length).toBeGreaterThan(0);
      // Each entry and each leaving is there all the same.
      expect(found.nonsense).toEqual([]);
      expect(found.inside).toEqual([]);
    });

    const named = contender(kazoo, { dialect: "curator" });
    it("with kazoo under Curator's names: never both", async () => {
      expect(await bothHold(contender(curator), named)).toBe(0);
      expect(await bothHold(named, contender(curator))).toBe(0);
    });

    it("with kazoo under Curator's names: the hammer finds no overlap, and tokens that only grow", async () => {
      const contenders = { k1: named, k2: named, c1: contender(curator), c2: contender(curator) };
      expect(await hammer(ground, contenders, rounds)).toMatchObject(exclusion);
    });

    const [sorting, pattern] = [
      contender(curator, { contenders: "any" }),
      contender(kazoo, { contenders: "any" }),
    ];
    it("with a Curator that sorts by the last ten characters and kazoo's extra pattern: never both", async () => {
      expect(await bothHold(sorting, pattern)).toBe(0);
      expect(await bothHold(pattern, sorting)).toBe(0);
    });

    it("with both of these: the hammer finds no overlap, and tokens that only grow", async () => {
      const contenders = { k1: pattern, k2: pattern, c1: sorting, c2: sorting };
      expect(await hammer(ground, contenders, rounds)).toMatchObject(exclusion);
    });

    it("with kazoo's extra pattern alone: protected only when Curator came first", async () => {
      expect(await bothHold(contender(curator), pattern)).toBe(0);
      expect(await bothHold(pattern, contender(curator))).toBe(tries);
      const found = await hammer(ground, { kazoo: pattern, curator: contender(curator) }, rounds);
      expect(found.overlaps.length).toBeGreaterThan(0);
    });

    it("each among its own kind: the hammer finds no overlap", async () => {
      const ours = { c1: contender(curator), c2: contender(curator) };
      expect(await hammer(ground, ours, rounds)).toMatchObject(exclusion);
      const theirs = { k1: contender(kazoo), k2: contender(kazoo) };
      expect(await hammer(ground, theirs, rounds)).toMatchObject(exclusion);
    });

    it("of Curator is not to be had for good beside a child called !junk, and ignores zjunk; kazoo ignores both", async () => {
      for (const [junk, isToBeHad] of [
        ["!junk", false],
        ["zjunk", true],
      ] as const) {
        const path = ground.path();
        await ground.client.create(path, "");
        await ground.client.create(`${path}/${junk}`, "");
        await using one = await contender(curator)(path);
        expect(await one.acquire({ timeoutMs: tryMs })).toBe(isToBeHad);
        await using other = await contender(kazoo)(path);
        expect(await other.acquire({ timeoutMs: 5_000 })).toBe(true);
      }
    });

    it("whose session is over is still held, as either library says, while somebody else has it", async () => {
      for (const peer of [curator, kazoo]) {
        const path = ground.path();
        const doomed = await peer().newSession();
        const one = await doomed.open("mutex", path);
        expect(await one.acquire({ timeoutMs: 5_000 })).toBe(true);
        await ground.ensemble.expireSession(await doomed.session());
        await using two = await contender(peer)(path);
        expect(await two.acquire({ timeoutMs: 20_000 })).toBe(true);
        await waitUntil(async () => doomed.states.includes("LOST"));
        expect(await one.isHeld()).toBe(true);
        await doomed.close();
      }
    });
  });
}
