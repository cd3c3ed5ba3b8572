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

/** Consumers who take in turns and work on what they have for a few turns, each with its own list. */
function race(consumers: number, items: number, seed: number) {
  let random = seed >>> 0;
  const chance = (): number => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return random / 2 ** 32;
  };
  const left = new Map(serials(0, items).map((each) => [each.name, each]));
  const claimed = new Map<string, QueueEntry>();
  const all = Array.from({ length: consumers }, () => ({
    seen: new Candidates(16),
    work: undefined as { readonly item: QueueEntry; readonly until: number } | undefined,
  }));
  const counts = { misses: 0, lists: 0, namesRead: 0, overtaken: 0 };
  let done = 0;
  for (let turn = 0; left.size > 0; turn += 1) {
    const me = all[Math.floor(chance() * consumers)]!;
    if (me.work !== undefined) {
      if (me.work.until > turn) continue;
      left.delete(me.work.item.name);
      claimed.delete(me.work.item.name);
      counts.overtaken = Math.max(counts.overtaken, done - me.work.item.serial);
      done += 1;
      me.work = undefined;
      continue;
    }
    if (me.seen.isOld) {
      const free = [...left.values()].filter(({ name }) => !claimed.has(name));
      me.seen.renew(free, left.size, claimed.size);
      counts.lists += 1;
      counts.namesRead += left.size;
    }
    const picked = me.seen.pick(chance(), always);
    if (picked === undefined) continue;
    if (left.has(picked.name) && !claimed.has(picked.name)) {
      claimed.set(picked.name, picked);
      me.work = { item: picked, until: turn + chance() * 4 * consumers };
      me.seen.inTime();
    } else {
      counts.misses += 1;
      me.seen.tooLate([...claimed.values()]);
    }
  }
  return counts;
}

describe("candidates", () => {
  it("are taken in their very order by one who is alone", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (chances) => {
        const candidates = new Candidates(always);
        candidates.renew(serials(0, chances.length), chances.length, 0);
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
    // With everybody after the head it would be fifty tries for each item, and a list for each of them.
    expect(counts.misses / 5000).toBeLessThan(1.6);
    expect(counts.namesRead / 5000).toBeLessThan(400);
    expect(counts.overtaken).toBeLessThan(1200);
  });

  it("are all taken in the end, whoever looks", () => {
    const ranges = [fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 60 }), fc.nat()] as const;
    fc.assert(fc.property(...ranges, (n, items, seed) => race(n, items, seed).lists > 0));
  });

  it("of a later priority wait for those before, however wide the choice is", () => {
    const candidates = new Candidates(1);
    const before = serials(0, 3).map((each) => ({ ...each, priority: 1 }));
    candidates.renew([...before, entry(9, { priority: 2 })], 4, 100);
    for (const chance of [0.99, 0.5, 0]) expect(candidates.pick(chance, 0)?.priority).toBe(1);
    expect(candidates.pick(0.99, 0)?.priority).toBe(2);
  });

  it("that are not due are not picked", () => {
    const candidates = new Candidates(1);
    candidates.renew([entry(0, { dueMs: 10 }), entry(1, { dueMs: 20 })], 2, 100);
    expect(candidates.pick(0, 9)).toBeUndefined();
    expect(candidates.nextDueMs).toBe(10);
    expect(candidates.pick(0.99, 10)?.serial).toBe(0);
    expect(candidates.nextDueMs).toBe(20);
  });

  it("before the others' are taken for gone, but for a few stragglers; those of others are not tried", () => {
    const candidates = new Candidates(always);
    candidates.renew(serials(2 ** 31 - 50, 100), 100, 0);
    candidates.pick(0, always);
    const others = [0, 49, 51, 53].map((offset) => entry((2 ** 31 - 50 + offset) | 0));
    candidates.tooLate(others);
    const picked = [0, 0, 0].map((chance) => candidates.pick(chance, always)?.serial);
    expect(picked).toEqual([-(2 ** 31), -(2 ** 31) + 2, -(2 ** 31) + 4]);
  });

  it("grow old when they are used up, when several picks came too late, and with what was taken", () => {
    const candidates = new Candidates(2);
    expect(candidates.isOld).toBe(true);
    candidates.renew(serials(0, 100), 100, 0);
    for (let miss = 0; miss < 3; miss += 1) candidates.tooLate([]);
    expect(candidates.isOld).toBe(false);
    candidates.tooLate([]);
    expect(candidates.isOld).toBe(true);
    candidates.renew(serials(0, 100), 2000, 0);
    for (let taken = 0; taken < 3; taken += 1) candidates.inTime();
    expect(candidates.isOld).toBe(false);
    candidates.inTime();
    expect(candidates.isOld).toBe(true);
    candidates.renew(serials(0, 1), 1, 0);
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
