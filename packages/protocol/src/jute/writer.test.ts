import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { EncodeError } from "../errors.js";
import { CreateRequest } from "../records/nodes.js";
import { encode } from "./codec.js";
import { record } from "./record.js";
import { jute } from "./types.js";
import { JuteWriter } from "./writer.js";

// Far below a second on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 60_000 });

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const written = (write: (writer: JuteWriter) => void) => {
  const writer = new JuteWriter();
  write(writer);
  return hexOf(writer.take());
};

describe("JuteWriter", () => {
  it("writes each type as the server reads it", () => {
    expect(written((w) => w.bool(true))).toBe("01");
    expect(written((w) => w.byte(-128))).toBe("80");
    expect(written((w) => w.int(-2))).toBe("fffffffe");
    expect(written((w) => w.long(-2n))).toBe("fffffffffffffffe");
    expect(written((w) => w.float(1.5))).toBe("3fc00000");
    expect(written((w) => w.double(-2))).toBe("c000000000000000");
    expect(written((w) => w.buffer(null))).toBe("ffffffff");
    expect(written((w) => w.buffer(new Uint8Array(0)))).toBe("00000000");
    expect(written((w) => w.buffer(Buffer.from("aabb", "hex")))).toBe("00000002aabb");
    expect(written((w) => w.ustring(null))).toBe("ffffffff");
    expect(written((w) => w.ustring("é"))).toBe("00000002c3a9");
    expect(written((w) => w.vector([1, 2], jute.int))).toBe("000000020000000100000002");
    expect(written((w) => w.vector(null, jute.int))).toBe("ffffffff");
  });

  it("takes the ends of each range and refuses one past them", () => {
    const good: [(w: JuteWriter, v: never) => void, unknown[]][] = [
      [(w, v) => w.byte(v), [-128, 127]],
      [(w, v) => w.int(v), [-(2 ** 31), 2 ** 31 - 1]],
      [(w, v) => w.long(v), [-(2n ** 63n), 2n ** 63n - 1n]],
    ];
    for (const [write, values] of good) {
      for (const value of values) expect(() => write(new JuteWriter(), value as never)).not.toThrow();
    }
    const bad: [(w: JuteWriter, v: never) => void, unknown[]][] = [
      [(w, v) => w.bool(v), [0, 1, null, undefined, "true"]],
      [(w, v) => w.byte(v), [-129, 128, 0.5, 1n, "1", null]],
      [
        (w, v) => w.int(v),
        [-(2 ** 31) - 1, 2 ** 31, 0.5, Number.NaN, Infinity, 1n, "1", null, undefined, {}, Symbol()],
      ],
      [(w, v) => w.long(v), [-(2n ** 63n) - 1n, 2n ** 63n, 1, "1", null, undefined]],
      [(w, v) => w.float(v), ["1", 1n, null]],
      [(w, v) => w.double(v), ["1", 1n, null]],
      [(w, v) => w.buffer(v), [undefined, "text", [1, 2], new ArrayBuffer(2), new Uint16Array(1)]],
      [(w, v) => w.ustring(v), [undefined, 5, {}, ["a"]]],
      [(w, v) => w.vector(v, jute.int), [undefined, "ab", { length: 2 }, new Set([1])]],
    ];
    for (const [write, values] of bad) {
      for (const value of values) {
        const writer = new JuteWriter();
        expect(() => write(writer, value as never), String(value)).toThrow(EncodeError);
        expect(writer.length).toBe(0);
      }
    }
  });

  it("grows, and gives bytes it never touches again", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 }), (values) => {
        const writer = new JuteWriter(16);
        for (const value of values) writer.buffer(value);
        const first = writer.take();
        const before = hexOf(first);
        expect(first.length).toBe(values.reduce((sum, value) => sum + 4 + value.length, 0));
        expect(writer.length).toBe(0);
        for (const value of values) writer.buffer(value.map((byte) => byte ^ 0xff));
        writer.take();
        expect(hexOf(first)).toBe(before);
      }),
    );
  });

  it.each([65_532, 65_533, 200_000])("gives away large memory too: %i bytes", (length) => {
    const writer = new JuteWriter();
    writer.buffer(new Uint8Array(length).fill(7));
    const first = writer.take();
    writer.buffer(new Uint8Array(length).fill(8));
    expect(first.length).toBe(length + 4);
    expect(first.subarray(4).every((byte) => byte === 7)).toBe(true);
    expect(writer.take().at(-1)).toBe(8);
  });

  it("does not hold on to much more than it needs, nor does what it gives", () => {
    const writer = new JuteWriter();
    writer.buffer(new Uint8Array(1_000_000));
    writer.truncate(4);
    expect(writer.take().buffer.byteLength).toBe(4);
    writer.buffer(new Uint8Array(1_000_000));
    expect(writer.take().buffer.byteLength).toBeLessThanOrEqual(2_000_016);
  });

  it("lends bytes that it does not touch until they are given back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ value: fc.uint8Array({ maxLength: 400 }), isGivenBack: fc.boolean() })),
        (rounds) => {
          const writer = new JuteWriter(16);
          const kept: { readonly bytes: Uint8Array; readonly hex: string }[] = [];
          for (const { value, isGivenBack } of rounds) {
            writer.buffer(value);
            const bytes = writer.lend();
            expect(bytes.subarray(4)).toEqual(value);
            expect(writer.length).toBe(0);
            if (isGivenBack) writer.giveBack(bytes);
            else kept.push({ bytes, hex: hexOf(bytes) });
            for (const { bytes: untouched, hex } of kept) expect(hexOf(untouched)).toBe(hex);
          }
        },
      ),
    );
  });

  it("writes by turns into two pieces of memory that come back", () => {
    const writer = new JuteWriter();
    const buffers = new Set<ArrayBufferLike>();
    for (let round = 0; round < 10; round += 1) {
      writer.buffer(new Uint8Array(10_000));
      const bytes = writer.lend();
      if (round > 2) buffers.add(bytes.buffer);
      writer.giveBack(bytes);
      writer.giveBack(bytes);
    }
    expect(buffers.size).toBe(2);
  });

  it("takes back only what it lent last", () => {
    const writer = new JuteWriter();
    writer.int(1);
    const first = writer.lend();
    writer.int(2);
    const second = writer.lend();
    writer.giveBack(first);
    writer.giveBack(new Uint8Array(4));
    for (const value of [3, 4, 5]) {
      writer.int(value);
      writer.lend();
    }
    expect([hexOf(first), hexOf(second)]).toEqual(["00000001", "00000002"]);
  });

  it("forgets the memory of a burst when little is written after it", () => {
    const writer = new JuteWriter();
    for (let round = 0; round < 3; round += 1) {
      writer.buffer(new Uint8Array(1_000_000));
      writer.giveBack(writer.lend());
    }
    const sizes: number[] = [];
    for (let round = 0; round < 100; round += 1) {
      writer.int(7);
      const bytes = writer.lend();
      sizes.push(bytes.buffer.byteLength);
      writer.giveBack(bytes);
    }
    expect(sizes[0]).toBeGreaterThan(1_000_000);
    expect(sizes.at(-1)).toBeLessThanOrEqual(65_536);
  });

  it("frames what was written since", () => {
    const writer = new JuteWriter();
    const ping = writer.beginFrame();
    writer.int(-2);
    writer.int(11);
    expect(writer.endFrame(ping)).toBe(8);
    const empty = writer.beginFrame();
    expect(writer.endFrame(empty)).toBe(0);
    expect(hexOf(writer.take())).toBe("00000008fffffffe0000000b00000000");
  });

  it("forgets what was written after a length", () => {
    const writer = new JuteWriter();
    writer.int(1);
    const { length } = writer;
    writer.ustring("too much");
    writer.truncate(length);
    writer.int(2);
    expect(hexOf(writer.take())).toBe("0000000100000002");
    expect(() => writer.truncate(1)).toThrow(RangeError);
    expect(() => writer.truncate(-1)).toThrow(RangeError);
  });
});

describe("values without an encoding", () => {
  const acl = [{ perms: 31, id: { scheme: "world", id: "anyone" } }];
  const refusal = (value: unknown) => {
    try {
      encode(CreateRequest, value as CreateRequest);
    } catch (error) {
      if (error instanceof EncodeError) return { code: error.code, fieldPath: error.fieldPath };
      throw error;
    }
    throw new Error("it was written");
  };

  it.each([
    ["CreateRequest.path", { path: undefined, data: null, acl, flags: 0 }],
    ["CreateRequest.path", { path: null, data: null, acl, flags: 0 }],
    ["CreateRequest.data", { path: "/", data: "text", acl, flags: 0 }],
    ["CreateRequest.acl", { path: "/", data: null, acl: null, flags: 0 }],
    ["CreateRequest.acl[0].perms", { path: "/", data: null, acl: [{ ...acl[0], perms: 1.5 }], flags: 0 }],
    ["CreateRequest.acl[0].id", { path: "/", data: null, acl: [{ perms: 1 }], flags: 0 }],
    [
      "CreateRequest.acl[1].id.scheme",
      { path: "/", data: null, acl: [acl[0], { perms: 1, id: {} }], flags: 0 },
    ],
    ["CreateRequest.flags", { path: "/", data: null, acl, flags: 2 ** 40 }],
  ])("are named by their place: %s", (fieldPath, value) => {
    expect(refusal(value)).toEqual({ code: "INVALID_VALUE", fieldPath });
  });

  it("include a record that is none", () => {
    expect(refusal(null)).toEqual({ code: "INVALID_VALUE", fieldPath: "" });
    expect(refusal(5)).toEqual({ code: "INVALID_VALUE", fieldPath: "" });
  });

  it("leave in the writer what came before them, once", () => {
    const Point = record<{ x: number; y: number }>(
      "Point",
      { x: jute.int, y: jute.int },
      {
        write: (writer, value) => {
          writer.int(value.x);
          writer.int(value.y);
        },
      },
    );
    const writer = new JuteWriter();
    expect(() => Point.write(writer, { x: 7, y: 0.5 })).toThrow("Point.y: 0.5 cannot be written");
    expect(hexOf(writer.take())).toBe("00000007");
  });
});
