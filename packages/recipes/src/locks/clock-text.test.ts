import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeLeaseRecord, encodeLeaseRecord, formatUtc, parseUtc } from "./clock-text.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("the text of a lease", () => {
  it("is what Python's json.dumps writes", () => {
    const text = encodeLeaseRecord({ holder: 'a"b\\ü\u{1f600}\u007f\n', endMs: 1_700_000_000_001 });
    expect(text).toBe(
      '{"version": 1, "holder": "a\\"b\\\\\\u00fc\\ud83d\\ude00\\u007f\\n", "end": "2023-11-14T22:13:21"}',
    );
  });

  it("is read as it was written, to the second", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 253_402_300_799 }), (holder, second) => {
        const record = { holder, endMs: second * 1000 };
        expect(decodeLeaseRecord(bytes(encodeLeaseRecord(record)))).toEqual(record);
      }),
    );
  });

  it("has the calendar of everybody else", () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), (second) => {
        const text = new Date(second * 1000).toISOString().slice(0, 19);
        expect(formatUtc(second * 1000)).toBe(text);
        expect(parseUtc(text)).toBe(second * 1000);
      }),
    );
  });

  it("never ends before what was asked for", () => {
    expect(formatUtc(1000)).toBe("1970-01-01T00:00:01");
    expect(formatUtc(1001)).toBe("1970-01-01T00:00:02");
  });

  it("of a later version is somebody else's, and anything else is an error", () => {
    expect(decodeLeaseRecord(bytes('{"version": 2}'))).toBeUndefined();
    const bad = ["", "[]", "null", "{}", '{"version": 1}', '{"version": 1, "holder": "a", "end": "soon"}'];
    for (const text of bad) expect(() => decodeLeaseRecord(bytes(text)), text).toThrow();
    expect(() => decodeLeaseRecord(null)).toThrow();
  });
});
