import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { decodeUtf8, utf8Bytes, utf8Text } from "./utf8.js";

// Far below a second on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 60_000 });

const reference = new TextDecoder("utf-8", { ignoreBOM: true });
const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

describe("UTF-8", () => {
  it("is written as TextEncoder writes it, lone surrogates included", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        expect(Buffer.compare(utf8Bytes(text), new TextEncoder().encode(text))).toBe(0);
      }),
    );
  });

  it("is read as TextDecoder reads it, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(utf8Text(bytes)).toBe(reference.decode(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  it("is read as TextDecoder reads it where the bytes are almost right", () => {
    const piece = fc.constantFrom("é", "日", "😀", "a", "\u0000", "\ud7ff", "\uffff");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.nat(), fc.nat(255), (pieces, place, byte) => {
        const bytes = utf8Bytes(pieces.join(""));
        if (bytes.length > 0) bytes[place % bytes.length] = byte;
        expect(utf8Text(bytes)).toBe(reference.decode(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ["overlong slash", "c0af", "\ufffd\ufffd"],
    ["surrogate as three bytes", "eda080", "\ufffd\ufffd\ufffd"],
    ["above U+10FFFF", "f4908080", "\ufffd\ufffd\ufffd\ufffd"],
    ["cut off after three of four bytes", "f09f98", "\ufffd"],
    ["cut off, then text", "e697 61".replace(" ", ""), "\ufffda"],
    ["byte order mark stays", "efbbbf61", "\ufeffa"],
  ])("%s", (_name, hex, text) => {
    expect(utf8Text(bytesOf(hex))).toBe(text);
  });

  it.each([0, 1, 63, 64, 65, 4_095, 4_096, 4_097, 20_000])("%i bytes of ASCII and of more", (length) => {
    const ascii = "abcdefghij/-".repeat(2_000).slice(0, length);
    expect(utf8Text(utf8Bytes(ascii))).toBe(ascii);
    const wide = "日本ü😀"
      .repeat(5_000)
      .slice(0, length)
      .replace(/\p{Surrogate}/gu, "");
    expect(utf8Text(utf8Bytes(wide))).toBe(wide);
  });

  it("reads only what it is told to", () => {
    expect(decodeUtf8(utf8Bytes("xx/path/yy"), 2, 7)).toBe("/path");
  });
});
