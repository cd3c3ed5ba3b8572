import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fifo } from "./fifo.js";

describe("Fifo", () => {
  it("gives back in order, through any mix of pushes and shifts", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 5000 }), (pushes) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        let pushed = 0;
        for (const isPush of pushes) {
          if (isPush) {
            fifo.push(pushed);
            model.push(pushed);
            pushed += 1;
          } else expect(fifo.shift()).toBe(model.shift());
          expect(fifo.peek()).toBe(model[0]);
        }
        expect(fifo.toArray()).toEqual(model);
        expect(fifo.size).toBe(model.length);
        expect(fifo.end).toBe(pushed);
      }),
      { numRuns: 50 },
    );
  });

  it("does not keep what it gave away: memory is cut as the head moves on", () => {
    const fifo = new Fifo<number>();
    for (let item = 0; item < 10_000; item += 1) fifo.push(item);
    for (let item = 0; item < 9000; item += 1) expect(fifo.shift()).toBe(item);
    expect(fifo.toArray()).toEqual(Array.from({ length: 1000 }, (_, index) => 9000 + index));
  });

  it("takes items out of the middle, and only among the first so many when asked", () => {
    const fifo = new Fifo<string>();
    for (const item of ["a", "b", "c", "d"]) fifo.push(item);
    expect(fifo.takeWhere((item) => item === "c", 2)).toBeUndefined();
    expect(fifo.takeWhere((item) => item === "c", 3)).toBe("c");
    expect(fifo.takeWhere((item) => item === "x")).toBeUndefined();
    expect(fifo.toArray()).toEqual(["a", "b", "d"]);
    expect(fifo.end).toBe(4);
  });

  it("takes out all that fit and keeps the order of the others", () => {
    const fifo = new Fifo<number>();
    for (let item = 0; item < 6; item += 1) fifo.push(item);
    fifo.shift();
    expect(fifo.takeAll((item) => item % 2 === 1)).toEqual([1, 3, 5]);
    expect(fifo.takeAll(() => false)).toEqual([]);
    expect(fifo.toArray()).toEqual([2, 4]);
    expect(fifo.end).toBe(6);
  });

  it("puts items before all others", () => {
    const fifo = new Fifo<string>();
    fifo.push("c");
    fifo.unshiftAll([]);
    fifo.unshiftAll(["a", "b"]);
    expect(fifo.drain()).toEqual(["a", "b", "c"]);
    expect(fifo.size).toBe(0);
    expect(fifo.shift()).toBeUndefined();
    expect(fifo.peek()).toBeUndefined();
  });
});
