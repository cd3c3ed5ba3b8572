import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JavaHashSet } from "./java-hash-set.js";

describe("JavaHashSet", () => {
  // Printed by a program of OpenJDK 17 that does the same to a HashSet<String>(8).
  const printed =
    ",Aa,BB,n-0000000119,n-0000000035,n-0000000112,n-0000000056,n-0000000133,n-0000000014,n-0000000259," +
    "n-0000000217,n-0000000238,n-0000000161,n-0000000182,n-0000000140,n-0000000266,é,n-0000000224,n-0000000245," +
    "n-0000000028,n-0000000049,n-0000000203,n-0000000007,n-0000000070,n-0000000196,n-0000000077,n-0000000154," +
    "n-0000000098,n-0000000175,n-0000000091";

  it("walks in the order of Java", () => {
    const set = new JavaHashSet(8);
    const name = (index: number) => `n-${String(index * 7).padStart(10, "0")}`;
    for (let index = 0; index < 40; index++) set.add(name(index));
    for (let index = 0; index < 40; index += 3) set.delete(name(index));
    for (const value of ["é", "", "Aa", "BB"]) set.add(value);
    expect(set.toArray().join(",")).toBe(printed);
    expect([...set]).toEqual(set.toArray());
  });

  it("holds what a set holds", () => {
    const value = fc.constantFrom(
      "Aa",
      "BB",
      "AaAa",
      "BBBB",
      "AaBB",
      "BBAa",
      "x",
      "",
      "0",
      "1",
      "2",
      "3",
      "4",
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), value), { maxLength: 80 }), (steps) => {
        const set = new JavaHashSet(8);
        const model = new Set<string>();
        for (const [isAdd, one] of steps) {
          if (isAdd) {
            expect(set.add(one)).toBe(!model.has(one));
            model.add(one);
          } else expect(set.delete(one)).toBe(model.delete(one));
          expect(set.has(one)).toBe(isAdd);
        }
        expect(set.size).toBe(model.size);
        expect(set.toArray().sort()).toEqual([...model].sort());
      }),
    );
  });
});
