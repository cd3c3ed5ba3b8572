import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatSerial } from "../core/sequence.js";
import { layoutOf, type QueueDialect, type QueueLayout, type QueueOrder } from "./layout.js";

const about = { recipe: "Queue", path: "/q" };
const layout = (dialect: QueueDialect, order?: QueueOrder): QueueLayout => layoutOf(about, dialect, order);
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("names as the other libraries write them", () => {
  it.each([
    ["curator", undefined, {}, "queue-"],
    ["curator", "fifo", { id: "a/b|c" }, "queue-|a_b_c|"],
    ["curator", "priority", { priority: 5 }, "queue-100000005"],
    ["curator", "priority", { priority: -5 }, "queue-0FFFFFFFB"],
    ["curator", "priority", { priority: 0 }, "queue-100000000"],
    ["curator", "priority", { priority: -(2 ** 31) }, "queue-080000000"],
    ["curator", "due", { dueMs: 1_700_000_000_000 }, "queue-|18BCFE56800|"],
    ["curator", "due", { dueMs: 255 }, "queue-|000000FF|"],
    ["kazoo", undefined, {}, "entry-100-"],
    ["kazoo-locking", "priority", { priority: 7 }, "entry-007-"],
    ["simple", undefined, {}, "qn-"],
  ] as const)("%s %s %j is %s", (dialect, order, placement, prefix) => {
    expect(layout(dialect, order).prefixOf(placement)).toBe(prefix);
  });

  it("are in the directories of the other libraries", () => {
    expect(layout("curator").entriesOf("/q")).toBe("/q");
    expect(layout("simple").entriesOf("/q")).toBe("/q");
    expect(layout("kazoo").entriesOf("/q")).toBe("/q");
    expect(layout("kazoo-locking").entriesOf("/q")).toBe("/q/entries");
    expect(layout("kazoo-locking").claimsOf?.("/q")).toBe("/q/taken");
  });

  const serials = fc.oneof(fc.integer(), fc.constantFrom(2 ** 31 - 1, -(2 ** 31), -999_999_999, -1, 0));
  const placements: readonly (readonly [QueueDialect, QueueOrder, fc.Arbitrary<object>])[] = [
    ["curator", "fifo", fc.constant({})],
    ["curator", "fifo", fc.record({ id: fc.string().map((id) => id.replaceAll(/[/|]/g, "_")) })],
    ["curator", "priority", fc.record({ priority: fc.integer() })],
    ["curator", "due", fc.record({ dueMs: fc.maxSafeNat() })],
    ["kazoo", "priority", fc.record({ priority: fc.nat(999) })],
    ["simple", "fifo", fc.constant({})],
  ];
  it.each(placements)("of %s %s say what was put into them, with any number", (dialect, order, placement) => {
    const { prefixOf, parse } = layout(dialect, order);
    fc.assert(
      fc.property(placement, serials, (wanted, serial) => {
        const name = prefixOf(wanted) + formatSerial(serial);
        expect(parse(name)).toEqual({ id: undefined, ...wanted, name, serial });
      }),
    );
  });

  it.each([
    ["curator", "fifo", ["queue-", "queue-1", "queue-00000000010", "xueue-0000000001", "queue-|a|", "!junk"]],
    ["curator", "priority", ["queue-0000000001", "queue-00000000050000000001", "queue-1FFFFFFFB0000000001"]],
    ["curator", "due", ["queue-0000000001", "queue-|xyz|0000000001", "queue-|FF|0000000001"]],
    ["kazoo", "priority", ["entry-0000000001", "entry-1000-0000000001", "qn-0000000001"]],
    ["simple", "fifo", ["qn-", "qn-x", "qn-1", "queue-0000000001"]],
  ] as const)("of others are no items of %s %s", (dialect, order, names) => {
    for (const name of names) expect(layout(dialect, order).parse(name)).toBeUndefined();
  });

  it("that a layout does not have are refused", () => {
    expect(() => layout("curator").prefixOf({ priority: 1 })).toThrow(/order: "priority"/);
    expect(() => layout("curator").prefixOf({ dueMs: 1 })).toThrow(/order: "due"/);
    expect(() => layout("curator", "priority").prefixOf({ priority: 2 ** 31 })).toThrow(/32 bits/);
    expect(() => layout("curator", "priority").prefixOf({ id: "a" })).toThrow(TypeError);
    expect(() => layout("curator", "due").prefixOf({ dueMs: 0.5 })).toThrow(/whole number/);
    expect(() => layout("curator", "due").prefixOf({ priority: 1 })).toThrow(TypeError);
    expect(() => layout("kazoo").prefixOf({ priority: 1000 })).toThrow(/0 to 999/);
    expect(() => layout("kazoo").prefixOf({ id: "a" })).toThrow(TypeError);
    expect(() => layout("simple").prefixOf({ id: "a" })).toThrow(TypeError);
    expect(() => layout("simple", "due")).toThrow(/INVALID_ARGUMENT/);
    expect(() => layout("kazoo", "fifo")).toThrow(/INVALID_ARGUMENT/);
    expect(() => layout("curator", "lifo" as QueueOrder)).toThrow(/INVALID_ARGUMENT/);
    expect(() => layout("redis" as QueueDialect)).toThrow(/INVALID_ARGUMENT/);
  });
});

describe("the envelope of Curator", () => {
  const { encode, decode } = layout("curator");

  it("has its bytes", () => {
    expect(encode([bytes(7, 8), bytes()])).toEqual(bytes(0, 1, 0, 1, 1, 0, 0, 0, 2, 7, 8, 1, 0, 0, 0, 0, 2));
  });

  it("gives back any number of values", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (values) => {
        expect(decode(encode(values)).map((value) => [...value])).toEqual(values.map((value) => [...value]));
      }),
    );
  });

  it("of other bytes is an error, never a hang or another value", () => {
    const whole = encode([bytes(1, 2, 3)]);
    for (let length = 0; length < whole.length; length += 1)
      expect(() => decode(whole.subarray(0, length))).toThrow();
    expect(() => decode(bytes(0, 1, 0, 2, 2))).toThrow(/version 65538/);
    expect(() => decode(bytes(0, 1, 0, 1, 3))).toThrow(/byte 4/);
    expect(() => decode(bytes(0, 1, 0, 1, 1, 255, 255, 255, 255, 2))).toThrow(/impossible length -1/);
    fc.assert(
      fc.property(fc.uint8Array(), (any) => {
        try {
          decode(any);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });

  it("is of one value in the other layouts", () => {
    for (const dialect of ["kazoo", "simple"] as const) {
      expect(layout(dialect).encode([bytes(1)])).toEqual(bytes(1));
      expect(layout(dialect).decode(bytes(1))).toEqual([bytes(1)]);
      expect(() => layout(dialect).encode([bytes(1), bytes(2)])).toThrow(/one value/);
    }
  });
});
