import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Prng } from "./prng.js";

describe("Prng", () => {
  it("repeats itself with the same seed, and not with another", () => {
    const draw = (seed: number) => {
      const prng = new Prng(seed);
      return Array.from({ length: 20 }, () => prng.next());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(2 ** 32 + 7)).toEqual(draw(7));
  });

  it("stays at or above 0 and below 1, about evenly", () => {
    const prng = new Prng(1);
    const tenths = new Array<number>(10).fill(0);
    for (let drawn = 0; drawn < 20_000; drawn += 1) {
      const number = prng.next();
      expect(number).toBeGreaterThanOrEqual(0);
      expect(number).toBeLessThan(1);
      tenths[Math.floor(number * 10)]! += 1;
    }
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(250);
  });

  it("shuffles into a new array with the same items, and reaches every order", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.integer(), { maxLength: 20 }), (seed, items) => {
        const copy = [...items];
        const shuffled = new Prng(seed).shuffled(items);
        expect(items).toEqual(copy);
        expect([...shuffled].sort()).toEqual([...items].sort());
      }),
    );
    const prng = new Prng(3);
    const orders = new Set(Array.from({ length: 200 }, () => prng.shuffled(["a", "b", "c"]).join("")));
    expect(orders.size).toBe(6);
  });

  it("draws integers below a limit, each of them", () => {
    const prng = new Prng(5);
    const drawn = new Set(Array.from({ length: 300 }, () => prng.below(6)));
    expect(drawn).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  });
});
