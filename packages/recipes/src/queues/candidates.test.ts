import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Candidates, inQueueOrder } from "./candidates.js";
import type { QueueEntry } from "./layout.js";

const entry = (serial: number, more: Partial<QueueEntry> = {}): QueueEntry => ({
  name: `i${serial}`,
  serial,
  ...more,
});
const serials = (from: number, count: number): QueueEntry[] =>
  Array.from({ length: count }, (_, index) => entry((from + index) | 0));
const always = Number.POSITIVE_INFINITY;

/**
 * Consumers who all begin at once and take as long for each step: pick, look, claim, acknowledge. The clock is in round trips.
 */
function race(consumers: number, items: number, seed: number) {
  let random = seed >>> 0;
  const chance = (): number => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return random / 2 ** 32;
  };
  const queue = serials(0, items);
  const state = new Array<"free" | "claimed" | "gone">(items).fill("free");
  let head = 0;
  let done = 0;
  const counts = { gone: 0, busy: 0, names: 0, overtaken: 0, trips: 0 };
  const begin = () => ({
    seen: new Candidates(16),
    next: "pick" as "pick" | "claim" | "end",
    entry: queue[0]!,
  });
  const all = Array.from({ length: consumers }, begin);
  for (; done < items; counts.trips += 1) {
    // Who comes first in one trip is chance.
    for (const me of all.map((each) => [chance(), each] as const).toSorted(([a], [b]) => a - b)) {
      const [, { seen, entry, next }] = me;
      const is = state[entry.serial]!;
      if (next === "end") {
        counts.overtaken = Math.max(counts.overtaken, done - entry.serial);
        state[entry.serial] = "gone";
        done += 1;
      } else if (next === "claim") {
        if (is === "free") {
          state[entry.serial] = "claimed";
          seen.inTime();
          me[1].next = "end";
          continue;
        }
        counts.busy += 1;
        seen.tooLate(entry, "busy");
      }
      if (seen.isOld) {
        while (state[head] === "gone") head += 1;
        const there = queue.slice(head).filter(({ serial }) => state[serial] !== "gone");
        seen.renew(
          there.filter(({ serial }) => state[serial] === "free"),
          there.length,
        );
        counts.names += there.length;
      }
      me[1].next = "pick";
      const picked = seen.pick(chance(), always);
      if (picked === undefined) continue;
      if (state[picked.serial] === "gone") {
        counts.gone += 1;
        seen.tooLate(picked, "gone");
      } else {
        me[1].entry = picked;
        me[1].next = "claim";
      }
    }
  }
  return counts;
}

describe("candidates", () => {
  it("are taken in their very order by one who is alone", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (chances) => {
        const candidates = new Candidates(always);
        candidates.renew(serials(0, chances.length), chances.length);
        for (const [index, chance] of chances.entries()) {
          expect(candidates.pick(chance, 0)?.serial).toBe(index);
          candidates.inTime();
        }
        expect(candidates.isOld).toBe(true);
      }),
    );
  });

  it("cost many consumers few lists and few tries in vain, and nobody is left behind for long", () => {
    const counts = race(50, 5000, 7);
    // With everybody after the head it would be 49 claims in vain for each item, and 49 lists.
    expect(counts.busy / 5000).toBeLessThan(0.5);
    expect(counts.gone / 5000).toBeLessThan(1.5);
    expect(counts.names / 5000).toBeLessThan(600);
    expect(counts.overtaken).toBeLessThan(2500);
  });

  it("are all taken in the end, whoever looks", () => {
    const ranges = [fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 60 }), fc.nat()] as const;
    fc.assert(fc.property(...ranges, (n, items, seed) => race(n, items, seed).trips > 0));
  });

  it("of a later priority wait for those before, however wide the choice is", () => {
    const candidates = new Candidates(1);
    const before = serials(0, 3).map((each) => ({ ...each, priority: 1 }));
    for (let round = 0; round < 8; round += 1) candidates.tooLate(entry(0), "busy");
    candidates.renew([...before, entry(9, { priority: 2 })], 4);
    for (const chance of [0.99, 0.5, 0]) expect(candidates.pick(chance, 0)?.priority).toBe(1);
    expect(candidates.pick(0.99, 0)?.priority).toBe(2);
  });

  it("that are not due are not picked", () => {
    const candidates = new Candidates(1);
    for (let round = 0; round < 8; round += 1) candidates.tooLate(entry(0), "busy");
    candidates.renew([entry(0, { dueMs: 10 }), entry(1, { dueMs: 20 })], 2);
    expect(candidates.pick(0, 9)).toBeUndefined();
    expect(candidates.nextDueMs).toBe(10);
    expect(candidates.pick(0.99, 10)?.serial).toBe(0);
    expect(candidates.nextDueMs).toBe(20);
  });

  it("before one that is gone are taken for gone, past the wrap too; those before one that another has are not", () => {
    const candidates = new Candidates(always);
    candidates.renew(serials(2 ** 31 - 2, 6), 6);
    candidates.tooLate(entry(2 ** 31 - 1), "busy");
    expect(candidates.pick(0, always)?.serial).toBe(2 ** 31 - 2);
    candidates.tooLate(entry(-(2 ** 31) + 1), "gone");
    expect(candidates.pick(0, always)?.serial).toBe(-(2 ** 31) + 2);
    candidates.tooLate(entry(-(2 ** 31) + 9), "gone");
    expect(candidates.pick(0, always)).toBeUndefined();
  });

  it("grow old when they are used up, when several picks came too late, and with what was taken", () => {
    const candidates = new Candidates(2);
    expect(candidates.isOld).toBe(true);
    candidates.renew(serials(0, 100), 100);
    for (let miss = 0; miss < 3; miss += 1) candidates.tooLate(entry(-1), "gone");
    expect(candidates.isOld).toBe(false);
    candidates.tooLate(entry(-1), "busy");
    expect(candidates.isOld).toBe(true);
    candidates.renew(serials(0, 100), 2000);
    for (let taken = 0; taken < 3; taken += 1) candidates.inTime();
    expect(candidates.isOld).toBe(false);
    candidates.inTime();
    expect(candidates.isOld).toBe(true);
    candidates.renew(serials(0, 1), 1);
    candidates.discard();
    expect(candidates.isOld).toBe(true);
  });
});

describe("the order of a queue", () => {
  it("goes on past the wrap of the numbers", () => {
    const around = serials(2 ** 31 - 3, 6);
    expect(inQueueOrder(around.toReversed())).toEqual(around);
  });

  it("is by priority, and then by the order of putting, also past the wrap", () => {
    const [a, b, c] = serials(2 ** 31 - 1, 3) as [QueueEntry, QueueEntry, QueueEntry];
    const low = { ...a, priority: 2 };
    const [first, second] = [
      { ...b, priority: -1 },
      { ...c, priority: -1 },
    ];
    expect(inQueueOrder([second, low, first])).toEqual([first, second, low]);
  });

  it("of equal due times is the order of putting (Curator's delay queue once had none, CURATOR-116)", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 40 }), (dues) => {
        const entries = dues.map((dueMs, serial) => entry(serial, { dueMs }));
        const ordered = inQueueOrder(entries.toReversed());
        expect(ordered).toEqual([...entries].sort((a, b) => a.dueMs! - b.dueMs! || a.serial - b.serial));
      }),
    );
  });
});
