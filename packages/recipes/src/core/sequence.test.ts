import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareSerials, formatSerial, parseContender, placeOf, sortContenders } from "./sequence.js";

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uuid = "_c_6a2b6c62-1a4e-4a52-8d4e-2d4d1a6a3c11-";
const hex = "0123456789abcdef0123456789abcdef";

describe("formatSerial", () => {
  it.each([
    [0, "0000000000"],
    [7, "0000000007"],
    [2147483647, "2147483647"],
    [-2147483648, "-2147483648"],
    [-1000000000, "-1000000000"],
    [-999999999, "-999999999"],
    [-5, "-000000005"],
    [-1, "-000000001"],
  ])("%d is printed %s", (serial, text) => expect(formatSerial(serial)).toBe(text));
});

describe("parseContender", () => {
  it.each([
    // Curator, before and after the wrap, with both lengths of a negative number.
    [`${uuid}lock-0000000005`, `${uuid}lock-`, 5],
    [`${uuid}lock--2147483648`, `${uuid}lock-`, -2147483648],
    [`${uuid}lock--999999999`, `${uuid}lock-`, -999999999],
    [`${uuid}__WRIT__0000000003`, `${uuid}__WRIT__`, 3],
    [`${uuid}__READ__-1500000000`, `${uuid}__READ__`, -1500000000],
    ["lease-0000000000", "lease-", 0],
    // kazoo, zk-ruby, ZooKeeper's own.
    [`${hex}__lock__0000000001`, `${hex}__lock__`, 1],
    [`${hex}__rlock__-2000000000`, `${hex}__rlock__`, -2000000000],
    ["ex-1999999999", "ex", -1999999999],
    ["sh0000000009", "sh", 9],
    ["x-72057594037927936-0000000003", "x-72057594037927936-", 3],
    ["x--72057594037927936--000000003", "x--72057594037927936-", -3],
    ["n_0000000002", "n_", 2],
    ["read--1000000001", "read-", -1000000001],
    // Nobody's: the positive reading where there are two, the only one where there is one.
    ["push-2000000000", "push-", 2000000000],
    ["job-999999999", "job", -999999999],
    ["job-2147483648", "job", -2147483648],
    ["0000000004", "", 4],
    ["-000000004", "", -4],
  ])("%s", (name, prefix, serial) => expect(parseContender(name)).toEqual({ name, prefix, serial }));

  it.each([
    "",
    "lock-",
    "!junk",
    "lock_000000005",
    "lock-00000x0005",
    "lock-       5.0",
    "lock-1e00000009",
    "lock-4294967296",
    "lock-9999999999",
    "lock-000000000\u0661",
  ])("%j is no contender", (name) => expect(parseContender(name)).toBeUndefined());

  it("takes the base name's word for where the number begins", () => {
    expect(parseContender("job-2000000000", "job")?.serial).toBe(-2000000000);
    expect(parseContender("job-2000000000", "job-")?.serial).toBe(2000000000);
    expect(parseContender(`${uuid}lock-0000000001`, "lock-")?.serial).toBe(1);
    expect(parseContender("zjunk-0000000001", "lock-")).toBeUndefined();
    expect(parseContender("lock-0000000001x", "lock-")).toBeUndefined();
  });

  it("reads back every number after every base name", () => {
    fc.assert(
      fc.property(int32, fc.constantFrom("lock-", "n_", "__lock__", "a"), fc.string(), (serial, base, id) => {
        const name = `${id}${base}${formatSerial(serial)}`;
        expect(parseContender(name, base)).toEqual({ name, prefix: `${id}${base}`, serial });
      }),
    );
  });

  it("never throws and never invents a number", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (name) => {
        const found = parseContender(name);
        if (found) expect(found.prefix + formatSerial(found.serial)).toBe(name);
      }),
    );
  });
});

describe("compareSerials", () => {
  it.each([
    [1, 2],
    [9, 10],
    [2147483647, -2147483648],
    [2147483647, -2147483647],
    [-1, 0],
    [-1000000000, -999999999],
    [0, -2147483648],
  ])("%d is before %d", (earlier, later) => {
    expect(compareSerials(earlier, later)).toBeLessThan(0);
    expect(compareSerials(later, earlier)).toBeGreaterThan(0);
  });

  it("follows the counter for any two creations less than half a circle apart", () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (earlier, creations) => {
        const later = (earlier + creations) | 0;
        expect(compareSerials(earlier, later)).toBeLessThan(0);
        expect(compareSerials(later, earlier)).toBeGreaterThan(0);
        expect(compareSerials(later, later)).toBe(0);
      }),
    );
  });
});

describe("sortContenders", () => {
  it("puts the owner before those who came after the wrap", () => {
    const names = ["lock--2147483647", "lock-2147483647", "lock--2147483648", "lock-2147483646"];
    expect(sortContenders(names).map(({ name }) => name)).toEqual([
      "lock-2147483646",
      "lock-2147483647",
      "lock--2147483648",
      "lock--2147483647",
    ]);
  });

  it("sorts by number, not by the id in front of it, and leaves strangers out", () => {
    const names = [`_c_b-lock-0000000010`, "!junk", `_c_z-lock-0000000002`, "config", `_c_a-lock-0000000011`];
    expect(sortContenders(names, "lock-").map(({ serial }) => serial)).toEqual([2, 10, 11]);
  });

  it("orders equal numbers by name", () => {
    const names = ["w-__WRIT__0000000001", "r-__READ__0000000001"];
    expect(sortContenders(names).map(({ name }) => name)).toEqual([...names].reverse());
  });

  it("gives back the order of creation, wherever on the circle it began", () => {
    fc.assert(
      fc.property(
        int32,
        fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 30 }),
        fc.infiniteStream(fc.nat()),
        (start, creations, shuffle) => {
          const created = [...creations].sort((a, b) => a - b).map((count) => (start + count) | 0);
          const listed = created
            .map((serial) => ({ name: `lock-${formatSerial(serial)}`, key: shuffle.next().value }))
            .sort((a, b) => Number(a.key) - Number(b.key))
            .map(({ name }) => name);
          const sorted = sortContenders(listed, "lock-");
          expect(sorted.map(({ serial }) => serial)).toEqual(created);
          for (const [index, { serial }] of sorted.slice(1).entries()) {
            expect(compareSerials(sorted[index]!.serial, serial)).toBeLessThan(0);
          }
        },
      ),
    );
  });

  it("gives one order to any set, whatever the order of the list", () => {
    fc.assert(
      fc.property(fc.uniqueArray(int32, { maxLength: 12 }), (serials) => {
        const names = serials.map((serial) => `lock-${formatSerial(serial)}`);
        expect(sortContenders([...names].reverse())).toEqual(sortContenders(names));
      }),
    );
  });
});

describe("placeOf", () => {
  const queue = sortContenders([
    "__READ__0000000001",
    "__WRIT__0000000002",
    "__READ__0000000003",
    "__READ__0000000004",
    "__WRIT__0000000005",
  ]);
  const isWriter = ({ prefix }: { prefix: string }) => prefix.endsWith("__WRIT__");

  it("names the direct predecessor", () => {
    expect(placeOf(queue, "__READ__0000000001")).toEqual({ ahead: 0, blockedBy: undefined });
    expect(placeOf(queue, "__WRIT__0000000005")).toEqual({ ahead: 4, blockedBy: queue[3] });
  });

  it("looks for the nearest one that blocks", () => {
    expect(placeOf(queue, "__READ__0000000004", isWriter)).toEqual({ ahead: 3, blockedBy: queue[1] });
    expect(placeOf(queue, "__READ__0000000001", isWriter)).toEqual({ ahead: 0, blockedBy: undefined });
  });

  it("tells a contender that is gone from one that is first", () => {
    expect(placeOf(queue, "__READ__0000000009")).toBeUndefined();
    expect(placeOf([], "__READ__0000000001")).toBeUndefined();
  });
});
