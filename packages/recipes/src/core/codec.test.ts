import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesCodec, jsonCodec, textCodec } from "./codec.js";

describe("codecs", () => {
  it("give back the text that was written, byte order mark and all", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(textCodec.decode(textCodec.encode(text))).toBe(text);
      }),
    );
    expect(textCodec.decode(textCodec.encode("\uFEFFa"))).toBe("\uFEFFa");
  });

  it("give back the JSON that was written", () => {
    const codec = jsonCodec();
    // JSON has no -0.
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.stringify(codec.decode(codec.encode(value)))).toBe(JSON.stringify(value));
      }),
    );
  });

  it("leave bytes alone", () => {
    const bytes = Uint8Array.of(0, 255);
    expect(bytesCodec.decode(bytesCodec.encode(bytes))).toBe(bytes);
  });

  it("throw for bytes that mean nothing, and for values that have no JSON", () => {
    expect(() => textCodec.decode(Uint8Array.of(0xff))).toThrow(TypeError);
    expect(() => jsonCodec().decode(textCodec.encode("{"))).toThrow(SyntaxError);
    expect(() => jsonCodec().encode(undefined)).toThrow(/undefined has no JSON/);
    const numbers = jsonCodec((value) => {
      if (typeof value !== "number") throw new TypeError("not a number");
      return value;
    });
    expect(numbers.decode(textCodec.encode("7"))).toBe(7);
    expect(() => numbers.decode(textCodec.encode('"7"'))).toThrow("not a number");
  });
});
