import { describe, expect, it } from "vitest";
import { Prng } from "./prng.js";
import { formatServer, ServerRing } from "./server-ring.js";

const servers = (...hosts: string[]) => hosts.map((host) => ({ host, port: 2181 }));
const ring = (...hosts: string[]) =>
  new ServerRing(servers(...hosts), new Prng(1), { roundDelayMs: 200, roundDelayMaxMs: 1000 });

describe("ServerRing", () => {
  it("walks a shuffled circle", () => {
    const firsts = new Set<string>();
    for (let seed = 0; seed < 50; seed += 1) {
      const circle = new ServerRing(servers("a", "b", "c"), new Prng(seed), {
        roundDelayMs: 1,
        roundDelayMaxMs: 1,
      });
      const walked = Array.from({ length: 6 }, () => circle.advance().host);
      firsts.add(walked[0] ?? "");
      expect(new Set(walked.slice(0, 3)).size).toBe(3);
      expect(walked.slice(3)).toEqual(walked.slice(0, 3));
    }
    expect(firsts).toEqual(new Set(["a", "b", "c"]));
  });

  it("gives the addresses of a turn one by one, and forgets them with the turn", () => {
    const circle = ring("a", "b");
    circle.advance();
    expect(circle.addressesInTurn).toBe(0);
    const all = [circle.resolved(["1", "2", "3"]), circle.nextAddress(), circle.nextAddress()];
    expect(new Set(all)).toEqual(new Set(["1", "2", "3"]));
    expect(circle.addressesInTurn).toBe(3);
    expect(circle.nextAddress()).toBeUndefined();
    circle.resolved(["4", "5"]);
    circle.advance();
    expect(circle.nextAddress()).toBeUndefined();
    expect(circle.addressesInTurn).toBe(0);
    expect(circle.resolved([])).toBeUndefined();
  });

  it("pauses only after whole fruitless rounds, longer each time up to the bound", () => {
    const circle = ring("a", "b", "c");
    const bounds = [200, 400, 800, 1000, 1000];
    for (const [round, bound] of bounds.entries()) {
      for (let server = 0; server < 3; server += 1) {
        circle.advance();
        const pauseMs = circle.failed("no", 0);
        if (server < 2) expect(pauseMs).toBe(0);
        else {
          expect(pauseMs).toBeGreaterThanOrEqual(1);
          expect(pauseMs).toBeLessThanOrEqual(bound);
        }
      }
      expect(circle.rounds).toBe(round + 1);
    }
    circle.succeeded();
    expect(circle.rounds).toBe(0);
    circle.advance();
    expect(circle.failed("no", 0)).toBe(0);
  });

  it("never pauses for nothing at all, so that time moves between rounds", () => {
    const zero = { next: () => 0, below: () => 0, shuffled: <T>(items: readonly T[]) => [...items] };
    const circle = new ServerRing(servers("a"), zero as unknown as Prng, {
      roundDelayMs: 200,
      roundDelayMaxMs: 200,
    });
    circle.advance();
    expect(circle.failed("no", 0)).toBe(1);
  });

  it("remembers why each server failed last, and forgets it when the server took us in", () => {
    const circle = ring("a", "b");
    const first = circle.advance();
    circle.failed("one", 1);
    const second = circle.advance();
    circle.failed("two", 2);
    expect(circle.failures()).toHaveLength(2);
    circle.advance();
    circle.failed("three", 3);
    expect(circle.failures()).toContainEqual({ server: first, reason: "three", atMs: 3 });
    circle.succeeded();
    expect(circle.failures()).toEqual([{ server: second, reason: "two", atMs: 2 }]);
    circle.lost("four", 4);
    expect(circle.failures()).toContainEqual({ server: first, reason: "four", atMs: 4 });
    expect(circle.rounds).toBe(0);
  });

  it("proposes others than the present one, in turn, and the chosen one comes next", () => {
    const circle = ring("a", "b", "c");
    const present = circle.advance();
    const others = [circle.candidate(), circle.candidate(), circle.candidate()];
    expect(others).not.toContain(present);
    expect(others[2]).toBe(others[0]);
    circle.chooseCandidate();
    expect(circle.current()).toBe(present);
    expect(circle.advance()).toBe(others[2]);
    // Choosing lasts for one turn.
    expect(circle.advance()).not.toBe(others[2]);
  });

  it("proposes the only one when there is one", () => {
    const circle = ring("a");
    const present = circle.advance();
    expect(circle.candidate()).toBe(present);
    circle.chooseCandidate();
    expect(circle.advance()).toBe(present);
  });

  it("chooses nobody when nobody was proposed", () => {
    const circle = ring("a", "b");
    const first = circle.advance();
    circle.chooseCandidate();
    expect(circle.advance()).not.toBe(first);
  });
});

describe("formatServer", () => {
  it("puts brackets round an IPv6 address", () => {
    expect(formatServer({ host: "zk1", port: 2181 })).toBe("zk1:2181");
    expect(formatServer({ host: "::1", port: 2182 })).toBe("[::1]:2182");
  });
});
