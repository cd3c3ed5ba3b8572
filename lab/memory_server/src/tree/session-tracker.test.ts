import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SessionTracker } from "./session-tracker.js";

describe("expiry", () => {
  it("waits for the end of the bucket behind the deadline", () => {
    const tracker = new SessionTracker(1000);
    tracker.add(1n, 3000, 0);
    tracker.add(2n, 2999, 0);
    tracker.add(3n, 3000, 500);
    expect(tracker.nextMs()).toBe(3000);
    expect(tracker.expired(2999)).toEqual([]);
    expect(tracker.expired(3000)).toEqual([2n]);
    expect(tracker.expired(4500)).toEqual([1n, 3n]);
    expect(tracker.expired(9999)).toEqual([]);
    expect(tracker.nextMs()).toBe(Number.POSITIVE_INFINITY);
    expect([...tracker.ids]).toEqual([1n, 2n, 3n]);
  });

  it("is put off by touching, never put forward", () => {
    const tracker = new SessionTracker(1000);
    tracker.add(1n, 3000, 0);
    expect(tracker.touch(1n, 3000, 2500)).toBe(true);
    expect(tracker.touch(1n, 100, 2600)).toBe(true);
    expect(tracker.expired(5999)).toEqual([]);
    expect(tracker.expired(6000)).toEqual([1n]);
    expect(tracker.touch(1n, 3000, 6000)).toBe(false);
    expect(tracker.touch(2n, 3000, 6000)).toBe(false);
  });

  it("does not come for a session that is removed, and comes for one that is closing", () => {
    const tracker = new SessionTracker(1000);
    for (const id of [1n, 2n]) tracker.add(id, 1000, 0);
    tracker.remove(1n);
    tracker.remove(7n);
    tracker.markClosing(2n);
    expect(tracker.has(1n)).toBe(false);
    expect(tracker.touch(2n, 9000, 0)).toBe(false);
    expect(tracker.expired(2000)).toEqual([2n]);
  });

  it("shows buckets until their time, empty ones too", () => {
    const tracker = new SessionTracker(1000);
    tracker.add(1n, 1000, 0);
    tracker.touch(1n, 1000, 4000);
    expect([...tracker.buckets()]).toEqual([
      [2000, []],
      [6000, [1n]],
    ]);
    tracker.expired(2000);
    expect([...tracker.buckets().keys()]).toEqual([6000]);
  });

  it("comes after the timeout and within a tick of it, whatever is touched when", () => {
    const step = fc.record({ id: fc.bigInt({ min: 1n, max: 4n }), wait: fc.nat(2500) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 1, max: 9000 }),
        fc.array(step),
        (tick, timeout, steps) => {
          const tracker = new SessionTracker(tick);
          const heard = new Map<bigint, number>();
          const gone = new Map<bigint, number>();
          let now = 12_345;
          for (const { id, wait } of [...steps, { id: 9n, wait: timeout + tick }]) {
            const end = now + wait;
            for (let at = tracker.nextMs(); at <= end; at = tracker.nextMs()) {
              for (const over of tracker.expired(at)) gone.set(over, at);
            }
            now = end;
            if (gone.has(id)) {
              expect(tracker.touch(id, timeout, now)).toBe(false);
            } else {
              tracker.add(id, timeout, now);
              heard.set(id, now);
            }
          }
          for (const [id, at] of gone) {
            expect(at).toBeGreaterThan(heard.get(id)! + timeout);
            expect(at).toBeLessThanOrEqual(heard.get(id)! + timeout + tick);
          }
        },
      ),
    );
  });
});

describe("owners", () => {
  it("gives a session without one to the first that asks, and refuses others", () => {
    const tracker = new SessionTracker(1000);
    expect(tracker.check(1n, 5)).toBe(-112);
    tracker.add(1n, 1000, 0);
    expect([tracker.check(1n, 5), tracker.check(1n, 6), tracker.check(1n, 5)]).toEqual([0, -118, 0]);
    expect(tracker.setOwner(1n, 6)).toBe(0);
    expect([tracker.check(1n, 6), tracker.check(1n, 5)]).toEqual([0, -118]);
    tracker.markClosing(1n);
    expect([tracker.check(1n, 6), tracker.check(1n, 5), tracker.setOwner(1n, 5)]).toEqual([-112, -112, -112]);
  });
});
