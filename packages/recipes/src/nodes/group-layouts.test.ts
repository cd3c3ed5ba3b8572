import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { faultOfMemberId, memberName, readMemberName } from "./group-layouts.js";

const hex = "0123456789abcdef0123456789abcdef";

describe("the name of a member", () => {
  it.each([
    ["worker-7", { layout: "curator", id: "worker-7" }],
    [`${hex}__party__`, { layout: "party", id: undefined }],
    [`${hex}-worker-7`, { layout: "shallowParty", id: "worker-7" }],
    [`${hex}-`, { layout: "shallowParty", id: "" }],
    [`${hex}-a-b__party__`, { layout: "shallowParty", id: "a-b__party__" }],
    [`${hex.toUpperCase()}-a`, { layout: "curator", id: `${hex.toUpperCase()}-a` }],
    [hex, { layout: "curator", id: hex }],
    ["!junk", { layout: "curator", id: "!junk" }],
  ] as const)("%s is read", (name, read) => {
    expect(readMemberName(name)).toEqual(read);
  });

  it("that is written is read again, for every id that is allowed", () => {
    const layouts = fc.constantFrom("curator", "party", "shallowParty");
    const property = fc.property(layouts, fc.string(), fc.uuid({ version: 4 }), (layout, id, uuid) => {
      fc.pre(faultOfMemberId(layout, id) === undefined);
      const expected = { layout, id: layout === "party" ? undefined : id };
      expect(readMemberName(memberName(layout, id, uuid))).toEqual(expected);
    });
    fc.assert(property);
  });

  it.each([
    ["curator", ""],
    ["curator", "."],
    ["curator", ".."],
    ["curator", "a/b"],
    ["curator", `${hex}-a`],
    ["curator", `${hex}__party__`],
    ["shallowParty", "a/b"],
    ["party", 7 as unknown as string],
  ] as const)("in the layout of %s is not %j", (layout, id) => {
    expect(faultOfMemberId(layout, id)).toBeDefined();
  });
});
