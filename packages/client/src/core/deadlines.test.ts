import { describe, expect, it } from "vitest";
import { DEADLINE_NAMES, Deadlines } from "./deadlines.js";

describe("Deadlines", () => {
  it("starts with none", () => {
    const deadlines = new Deadlines();
    expect(deadlines.nextMs()).toBe(Number.POSITIVE_INFINITY);
    expect(deadlines.pending()).toEqual([]);
  });

  it.each(DEADLINE_NAMES)(
    "%s counts for the next, is listed, is due at its time and not before, and can be cleared",
    (name) => {
      const deadlines = new Deadlines();
      deadlines.set(name, 50);
      expect(deadlines.nextMs()).toBe(50);
      expect(deadlines.pending()).toEqual([{ name, atMs: 50 }]);
      expect(deadlines.at(name)).toBe(50);
      expect([deadlines.isDue(name, 49), deadlines.isDue(name, 50)]).toEqual([false, true]);
      deadlines.setEarlier(name, 60);
      expect(deadlines.at(name)).toBe(50);
      deadlines.setEarlier(name, 40);
      expect(deadlines.at(name)).toBe(40);
      deadlines.clear(name);
      expect(deadlines.pending()).toEqual([]);
    },
  );

  it("gives the earliest of all, and clears all at once", () => {
    const deadlines = new Deadlines();
    for (const [index, name] of DEADLINE_NAMES.entries()) deadlines.set(name, 100 - index);
    expect(deadlines.nextMs()).toBe(100 - DEADLINE_NAMES.length + 1);
    expect(deadlines.pending()).toHaveLength(DEADLINE_NAMES.length);
    deadlines.clearAll();
    expect(deadlines.nextMs()).toBe(Number.POSITIVE_INFINITY);
  });
});
