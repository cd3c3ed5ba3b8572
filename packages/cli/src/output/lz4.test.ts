import { describe, expect, it } from "vitest";
import { decodeLz4 } from "./lz4.js";

// Made by the reference implementation, liblz4, through Python's lz4.
const FRAMES = {
  plain:
    "BCJNGGhALAEAAAAAAACEPQAAAPAQdGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIB8A0WxhenkgZG9nLCBhbmQSAA8xAN9QaGUgcXUAAAAA",
  checked:
    "BCJNGHxALAEAAAAAAAD6PQAAAPAQdGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIB8A0WxhenkgZG9nLCBhbmQSAA8xAN9QaGUgcXXCPWgRAAAAAIQmOmU=",
  high: "BCJNGGhALAEAAAAAAACEOwAAAPAQdGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIB8A72xhenkgZG9nLCBhbmQgMQDjUGhlIHF1AAAAAA==",
  stored: "BCJNGGhAKAAAAAAAAAB1KAAAgAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicAAAAA",
};
const bytesOf = (name: keyof typeof FRAMES): Uint8Array =>
  Uint8Array.from(Buffer.from(FRAMES[name], "base64"));
const text = "the quick brown fox jumps over the lazy dog, and ".repeat(8).slice(0, 300);
const decoded = (bytes: Uint8Array): string => Buffer.from(decodeLz4(bytes, 1000)).toString("latin1");

describe("an LZ4 frame", () => {
  it.each(["plain", "checked", "high"] as const)("is read: %s", (name) => {
    expect(decoded(bytesOf(name))).toBe(text);
  });

  it("is read when its block was not worth compressing", () => {
    expect([...decodeLz4(bytesOf("stored"), 1000)]).toEqual(Array.from({ length: 40 }, (_, index) => index));
  });

  it("is read behind another, and behind one that is to be passed over", () => {
    const skipped = Uint8Array.of(0x5f, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9);
    expect(decoded(Buffer.concat([bytesOf("plain"), skipped, bytesOf("high")]))).toBe(text + text);
  });

  it("does not grow beyond what it may", () => {
    expect(() => decodeLz4(bytesOf("plain"), 299)).toThrow(/larger than 299 bytes/);
  });

  it("is refused, and never hangs, wherever it is cut", () => {
    const whole = bytesOf("checked");
    for (let length = 0; length < whole.length; length += 1)
      expect(() => decodeLz4(whole.subarray(0, length), 1000)).toThrow(RangeError);
  });

  it("is refused with any bit of it flipped, as its checksums tell", () => {
    const whole = bytesOf("checked");
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const damaged = Uint8Array.from(whole);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => decodeLz4(damaged, 1000), `bit ${bit}`).toThrow(RangeError);
    }
  });
});
