import { describe, expect, it } from "vitest";
import {
  CREATOR_ALL_ACL,
  formatPermissions,
  OPEN_ACL_UNSAFE,
  Permission,
  parsePermissions,
  READ_ACL_UNSAFE,
} from "./acl.js";

describe("ACLs", () => {
  it("have the three ready-made lists of the servers, which nobody can change", () => {
    expect(OPEN_ACL_UNSAFE).toEqual([{ perms: 31, id: { scheme: "world", id: "anyone" } }]);
    expect(CREATOR_ALL_ACL).toEqual([{ perms: 31, id: { scheme: "auth", id: "" } }]);
    expect(READ_ACL_UNSAFE).toEqual([{ perms: 1, id: { scheme: "world", id: "anyone" } }]);
    for (const list of [OPEN_ACL_UNSAFE, CREATOR_ALL_ACL, READ_ACL_UNSAFE]) {
      expect(
        Object.isFrozen(list) && list.every((entry) => Object.isFrozen(entry) && Object.isFrozen(entry.id)),
      ).toBe(true);
    }
  });

  it("print permissions as letters and read them back, all of them", () => {
    for (let perms = 0; perms <= Permission.ALL; perms++) {
      expect(parsePermissions(formatPermissions(perms))).toBe(perms);
    }
    expect(formatPermissions(31)).toBe("cdrwa");
    expect(formatPermissions(Permission.READ | Permission.ADMIN)).toBe("ra");
    expect(formatPermissions(32)).toBe("");
    expect(parsePermissions("awrdc")).toBe(31);
    expect(parsePermissions("rr")).toBe(1);
    expect(parsePermissions("rx")).toBeNull();
    expect(parsePermissions("R")).toBeNull();
  });
});
