import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { ProtocolError } from "../errors.js";
import { JuteReader } from "./reader.js";
import { jute } from "./types.js";

// Far below a second on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 60_000 });

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
const reader = (hex: string) => new JuteReader(bytesOf(hex));

function refusal(action: () => unknown): ProtocolError {
  try {
    action();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
  }
  throw new Error("no ProtocolError");
}

describe("JuteReader", () => {
  it("reads numbers as a DataView does", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        expect(new JuteReader(bytes).int()).toBe(view.getInt32(0));
        expect(new JuteReader(bytes).byte()).toBe(view.getInt8(0));
        expect(new JuteReader(bytes).long()).toBe(view.getBigInt64(0));
        expect(new JuteReader(bytes).float()).toBe(view.getFloat32(0));
        expect(new JuteReader(bytes).double()).toBe(view.getFloat64(0));
      }),
      { numRuns: 1_000 },
    );
  });

  it("takes any byte but zero for true", () => {
    const flags = reader("000102ff");
    expect([flags.bool(), flags.bool(), flags.bool(), flags.bool()]).toEqual([false, true, true, true]);
  });

  it("keeps null and empty apart", () => {
    expect(reader("ffffffff").buffer()).toBeNull();
    expect(reader("00000000").buffer()).toEqual(new Uint8Array(0));
    expect(reader("ffffffff").ustring()).toBeNull();
    expect(reader("00000000").ustring()).toBe("");
    expect(reader("ffffffff").vector(jute.int)).toBeNull();
    expect(reader("00000000").vector(jute.int)).toEqual([]);
  });

  it("reads a part of its bytes, with offsets from their start", () => {
    const part = new JuteReader(bytesOf("0000000700000008ffff"), 4, 8);
    expect(part.remaining).toBe(4);
    expect(part.int()).toBe(8);
    expect(part.position).toBe(8);
    expect(refusal(() => part.byte())).toMatchObject({ code: "TRUNCATED", offset: 8 });
    expect(new JuteReader(bytesOf("00"), 0, 99).remaining).toBe(1);
  });

  it("can be used again on other bytes", () => {
    const again = reader("00000001");
    expect(again.int()).toBe(1);
    again.reset(Buffer.from("0000000200000003", "hex"), 4);
    expect(again.int()).toBe(3);
    expect(again.remaining).toBe(0);
  });

  it.each([
    ["byte", "", (r: JuteReader) => r.byte()],
    ["int", "000000", (r: JuteReader) => r.int()],
    ["long", "00000000000000", (r: JuteReader) => r.long()],
    ["float", "000000", (r: JuteReader) => r.float()],
    ["double", "00000000000000", (r: JuteReader) => r.double()],
    ["buffer without a length", "0000", (r: JuteReader) => r.buffer()],
    ["buffer one byte short", "000000020a", (r: JuteReader) => r.buffer()],
    ["buffer that claims everything", "7fffffff0a", (r: JuteReader) => r.buffer()],
    ["ustring one byte short", "000000022f", (r: JuteReader) => r.ustring()],
    ["vector without a count", "00", (r: JuteReader) => r.vector(jute.byte)],
  ])("refuses what ends too early and does not move: %s", (_name, hex, read) => {
    const short = reader(hex);
    expect(refusal(() => read(short))).toMatchObject({ code: "TRUNCATED", offset: 0 });
  });

  it("refuses lengths and counts below -1", () => {
    for (const hex of ["fffffffe", "80000000"]) {
      expect(refusal(() => reader(hex).buffer()).code).toBe("LENGTH_NEGATIVE");
      expect(refusal(() => reader(hex).ustring()).code).toBe("LENGTH_NEGATIVE");
      expect(refusal(() => reader(hex).vector(jute.int)).code).toBe("LENGTH_NEGATIVE");
    }
  });

  it("refuses a count that cannot fit, at the limit and one past it", () => {
    expect(reader("0000000200000001ffffffff").vector(jute.int)).toEqual([1, -1]);
    const error = refusal(() => reader("0000000300000001ffffffff").vector(jute.int));
    expect(error).toMatchObject({ code: "COUNT_TOO_LARGE", offset: 0 });
    expect(error.message).toContain("a vector of 3 int, which cannot fit in the 8 bytes left");
  });

  it("asks for a byte even for elements that take none", () => {
    const nothing = { name: "nothing", bytesMin: 0, read: () => null, write: () => {} };
    expect(refusal(() => reader("7fffffff00").vector(nothing)).code).toBe("COUNT_TOO_LARGE");
    expect(reader("0000000100").vector(nothing)).toEqual([null]);
  });

  it("says which element of a vector was wrong", () => {
    const error = refusal(() => reader("0000000200000000000000090a").vector(jute.ustring));
    expect(error).toMatchObject({ fieldPath: "vector<ustring>[1]", offset: 8 });
  });

  it.each([
    ["a plain array", (hex: string) => bytesOf(hex)],
    ["a Node Buffer", (hex: string) => Buffer.from(hex, "hex")],
  ])("copies buffers out of %s, and gives a view when asked", (_name, make) => {
    const bytes = make("00000002aabb");
    const copy = new JuteReader(bytes).buffer()!;
    const views = new JuteReader(bytes);
    views.buffers = "view";
    const view = views.buffer()!;
    bytes[4] = 0x11;
    expect([...copy]).toEqual([0xaa, 0xbb]);
    expect(copy.buffer).not.toBe(bytes.buffer);
    expect([...view]).toEqual([0x11, 0xbb]);
    expect(copy.constructor).toBe(Uint8Array);
    expect(view.constructor).toBe(Uint8Array);
  });
});
