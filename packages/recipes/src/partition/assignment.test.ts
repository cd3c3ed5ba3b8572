import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Assign, assignBy, byCodePoint } from "./assignment.js";

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const assign = (name: "balanced" | "rendezvous" | "kazoo"): Assign => {
  const found = assignBy(name);
  if (found === undefined) throw new Error(name);
  return found;
};
const distinct = fc.uniqueArray(fc.string({ maxLength: 5 }), { minLength: 1, maxLength: 12 });
const counts = (owners: ReadonlyMap<string, string>, members: readonly string[]): number[] =>
  members.map((member) => [...owners.values()].filter((owner) => owner === member).length);

describe.each(["balanced", "rendezvous", "kazoo"] as const)("the assignment %s", (name) => {
  it("gives each item to one of the members, whatever the order of the lists", () => {
    fc.assert(
      fc.property(distinct, distinct, (items, members) => {
        const owners = assign(name)(items, members);
        expect([...owners.keys()].sort()).toEqual([...items].sort());
        for (const owner of owners.values()) expect(members).toContain(owner);
        const again = assign(name)(items.toReversed(), members.toReversed());
        expect([...again].sort()).toEqual([...owners].sort());
      }),
    );
  });
});

describe.each(["balanced", "kazoo"] as const)("the assignment %s", (name) => {
  it("lets no two members differ by more than one item", () => {
    fc.assert(
      fc.property(distinct, distinct, (items, members) => {
        const each = counts(assign(name)(items, members), members);
        expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("when a member comes or goes", () => {
  const items = names("shard-", 120);
  const members = names("worker-", 6);
  const moved = (name: "balanced" | "rendezvous" | "kazoo"): number => {
    const before = assign(name)(items, members.slice(1));
    const after = assign(name)(items, members);
    return items.filter((item) => before.get(item) !== after.get(item)).length;
  };

  it("rendezvous moves what the new member gets and nothing else", () => {
    const before = assign("rendezvous")(items, members.slice(1));
    const after = assign("rendezvous")(items, members);
    for (const item of items)
      if (before.get(item) !== after.get(item)) expect(after.get(item)).toBe(members[0]);
  });

  it("balanced moves little, and kazoo's nearly everything", () => {
    // A new sixth member gets 20 of 120.
    expect(moved("balanced")).toBeLessThan(40);
    expect(moved("kazoo")).toBeGreaterThan(80);
  });
});

describe("the assignment of kazoo", () => {
  it("deals the sorted items out to the sorted members", () => {
    const owners = assign("kazoo")(["c", "a", "b", "d", "e"], ["w2", "w1"]);
    expect([...owners]).toEqual([
      ["a", "w1"],
      ["b", "w2"],
      ["c", "w1"],
      ["d", "w2"],
      ["e", "w1"],
    ]);
  });

  it("sorts as Python does: by code points, a text before those that begin with it", () => {
    expect(["\u{1F600}", "\uFFFD", "b", "ab", "a", ""].sort(byCodePoint)).toEqual([
      "",
      "a",
      "ab",
      "b",
      "\uFFFD",
      "\u{1F600}",
    ]);
  });
});

describe("the scores", () => {
  it("are the same in all versions: members of different versions share a set", () => {
    const owners = assign("balanced")(names("shard-", 8), names("worker-", 3));
    expect(
      [...owners]
        .sort()
        .map(([, owner]) => owner.at(-1))
        .join(""),
    ).toMatchInlineSnapshot(`"02021211"`);
    const apart = assign("rendezvous")(names("shard-", 8), names("worker-", 3));
    expect(
      [...apart]
        .sort()
        .map(([, owner]) => owner.at(-1))
        .join(""),
    ).toMatchInlineSnapshot(`"02021211"`);
  });
});

it("there is no assignment of another name", () => {
  expect(assignBy("even" as "kazoo")).toBeUndefined();
  expect(assignBy("constructor" as "kazoo")).toBeUndefined();
});
