import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textCodec } from "../core/codec.js";
import { decimalCodec, intCodec, longCodec } from "./numbers.js";
import { versionAfter } from "./register.js";

describe("numbers as other libraries write them", () => {
  it("have their bytes", () => {
    expect([...intCodec.encode(258)]).toEqual([0, 0, 1, 2]);
    expect([...intCodec.encode(-1)]).toEqual([255, 255, 255, 255]);
    expect([...longCodec.encode(-2n)]).toEqual([255, 255, 255, 255, 255, 255, 255, 254]);
    expect(textCodec.decode(decimalCodec.encode(5))).toBe("5");
    expect(textCodec.decode(decimalCodec.encode(6.5))).toBe("6.5");
    expect(decimalCodec.decode(textCodec.encode("6.0"))).toBe(6);
    expect(decimalCodec.decode(textCodec.encode("1e+21"))).toBe(1e21);
  });

  it("come back as they were", () => {
    fc.assert(fc.property(fc.integer(), (value) => intCodec.decode(intCodec.encode(value)) === value));
    const longs = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    fc.assert(fc.property(longs, (value) => longCodec.decode(longCodec.encode(value)) === value));
    const doubles = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(fc.property(doubles, (value) => decimalCodec.decode(decimalCodec.encode(value)) === value));
  });

  it("are not read from bytes of another length: four are no eight", () => {
    for (const length of [0, 3, 5, 8])
      expect(() => intCodec.decode(new Uint8Array(length))).toThrow(RangeError);
    for (const length of [0, 4, 7, 9])
      expect(() => longCodec.decode(new Uint8Array(length))).toThrow(RangeError);
    for (const text of ["", " ", "0x10", "five", "1_000", "Infinity", "."])
      expect(() => decimalCodec.decode(textCodec.encode(text))).toThrow();
  });

  it("in decimal are not rounded where Python's would not be", () => {
    expect(decimalCodec.decode(textCodec.encode("-9007199254740991"))).toBe(-(2 ** 53 - 1));
    for (const text of ["9007199254740992", "-9007199254740993", "1".repeat(400)])
      expect(() => decimalCodec.decode(textCodec.encode(text))).toThrow();
    // As a double of Python, and no whole number: it would go on exactly from what we have rounded.
    expect(textCodec.decode(decimalCodec.encode(2 ** 53))).toBe("9.007199254740992e+15");
  });

  it("that do not fit are refused", () => {
    for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN])
      expect(() => intCodec.encode(value)).toThrow(RangeError);
    for (const value of [2n ** 63n, -(2n ** 63n) - 1n])
      expect(() => longCodec.encode(value)).toThrow(RangeError);
    expect(() => decimalCodec.encode(Number.POSITIVE_INFINITY)).toThrow(RangeError);
  });
});

describe("a version", () => {
  it("is never left at -1, which as a demanded version means any (CURATOR-688)", () => {
    expect(versionAfter(0)).toBe(1);
    expect(versionAfter(2 ** 31 - 1)).toBe(-(2 ** 31));
    expect(versionAfter(-3)).toBe(-2);
    expect(versionAfter(-2)).toBe(0);
    fc.assert(
      fc.property(
        fc.integer().filter((version) => version !== -1),
        (version) => versionAfter(version) !== -1,
      ),
    );
  });
});
