import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attemptLimitMs, livenessTimes, RECEIVE_TIMEOUT_MAX_MS, Trust } from "./liveness.js";

describe("livenessTimes", () => {
  it("listens for two thirds and pings after one", () => {
    expect(livenessTimes(9000)).toEqual({
      timeoutMs: 9000,
      receiveTimeoutMs: 6000,
      pingIntervalMs: 3000,
      stallMs: 9000,
    });
  });

  it("stays within bounds for every timeout that a server can grant", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_147_483_647 }), (timeoutMs) => {
        const times = livenessTimes(timeoutMs);
        expect(times.pingIntervalMs).toBeGreaterThanOrEqual(20);
        expect(times.pingIntervalMs).toBeLessThanOrEqual(10_000);
        expect(times.receiveTimeoutMs).toBeGreaterThan(times.pingIntervalMs);
        expect(times.receiveTimeoutMs).toBeLessThanOrEqual(RECEIVE_TIMEOUT_MAX_MS);
        expect(times.stallMs).toBeGreaterThan(times.pingIntervalMs * 2);
      }),
    );
  });
});

describe("attemptLimitMs", () => {
  const of = (about: Partial<Parameters<typeof attemptLimitMs>[0]>) =>
    attemptLimitMs({ timeoutMs: 9000, servers: 1, addresses: 1, resuming: true, rounds: 0, ...about });

  it("leaves time for all servers in the last third of a session at stake", () => {
    expect(of({})).toBe(3000);
    expect(of({ servers: 3 })).toBe(1000);
    expect(of({ servers: 3, addresses: 2 })).toBe(500);
  });

  it("is more generous when the session cannot be saved any more, or is still to be made", () => {
    expect(of({ rounds: 1, servers: 3 })).toBe(3000);
    expect(of({ resuming: false, servers: 3 })).toBe(3000);
  });

  it("never takes the whole of a session at stake, even of one server", () => {
    expect(of({ rounds: 1 })).toBe(4500);
    expect(of({ rounds: 7, timeoutMs: 4000 })).toBe(2000);
    expect(of({ resuming: false })).toBe(9000);
  });

  it("is never absurd", () => {
    expect(of({ timeoutMs: 1 })).toBe(250);
    expect(of({ timeoutMs: 2_147_483_647 })).toBe(10_000);
    expect(of({ addresses: 0 })).toBe(3000);
  });
});

describe("Trust", () => {
  it("never moves back, and strong implies weak", () => {
    const trust = new Trust();
    expect(trust.untilMs(9000)).toEqual({
      weakMs: Number.NEGATIVE_INFINITY,
      strongMs: Number.NEGATIVE_INFINITY,
    });
    trust.answeredByLeader(100);
    trust.answered(50);
    expect(trust.untilMs(9000)).toEqual({ weakMs: 6100, strongMs: 6100 });
    trust.answered(200);
    trust.answeredByLeader(150);
    expect(trust.untilMs(9000)).toEqual({ weakMs: 6200, strongMs: 6150 });
    trust.reset();
    expect(trust.untilMs(9000).weakMs).toBe(Number.NEGATIVE_INFINITY);
  });
});
