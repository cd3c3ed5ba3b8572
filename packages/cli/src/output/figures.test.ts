import { describe, expect, it } from "vitest";
import { hex, humanSize, humanSpan, isoTime, plural } from "./figures.js";
import { jsonData, nextSequence } from "./json.js";

describe("figures", () => {
  it("are as people read them", () => {
    expect([0, 1023, 1024, 1536, 10 * 1024, 5 * 1024 ** 3].map(humanSize)).toEqual([
      "0B",
      "1023B",
      "1.0K",
      "1.5K",
      "10K",
      "5.0G",
    ]);
    expect([500, 30_000, 200_000, 7_500_000, 3 * 86_400_000].map(humanSpan)).toEqual([
      "0.5 s",
      "30 s",
      "3 min 20 s",
      "2 h 5 min",
      "3 d 0 h",
    ]);
    expect([plural(1, "znode"), plural(12_345, "znode"), plural(2, "child", "children")]).toEqual([
      "1 znode",
      "12 345 znodes",
      "2 children",
    ]);
  });

  it("keep 64 bits", () => {
    expect([hex(0x14a1c3e2f0001n), hex(-1n)]).toEqual(["0x14a1c3e2f0001", "0xffffffffffffffff"]);
    expect([isoTime(0n), isoTime(2n ** 62n)]).toEqual(["1970-01-01T00:00:00.000Z", String(2n ** 62n)]);
  });

  it("of a sequence are the count of creates", () =>
    expect(nextSequence({ cversion: 6, numChildren: 2 })).toBe(4));
});

describe("data in JSON", () => {
  it("is text, null, or base64, and never two things", () => {
    expect(jsonData(null)).toEqual({ data: null });
    expect(jsonData(new Uint8Array())).toEqual({ data: "" });
    expect(jsonData(Buffer.from("\ufeffä"))).toEqual({ data: "\ufeffä" });
    expect(jsonData(Uint8Array.of(0xff, 0))).toEqual({ dataBase64: "/wA=" });
  });
});
