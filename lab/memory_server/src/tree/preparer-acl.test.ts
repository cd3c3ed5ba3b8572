import { digestId } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { ANYONE, acl, type setAclBody, shown, TreeBench } from "../../tests/tree-bench.js";

const BOB = { scheme: "digest", id: digestId("bob", "pw") };

describe("access control lists", () => {
  const stored = (list: Parameters<typeof setAclBody>[1], auth = [ANYONE]) => {
    const bench = new TreeBench();
    const err = bench.create("/a", { acl: list }, { auth });
    return err === 0 ? shown(bench.tree.acl("/a")) : err;
  };

  it("puts the caller's identities for auth, at the end, and an address is none", () => {
    const auth = [ANYONE, BOB, { scheme: "super", id: "" }];
    expect(stored([acl(3, "auth", "x"), acl(1, "world", "anyone")], auth)).toEqual([
      "world:anyone:1",
      `digest:${BOB.id}:3`,
    ]);
    expect(stored([acl(31, "auth", "")])).toBe(-114);
    expect(stored([acl(31, "auth", null)], [BOB])).toEqual([`digest:${BOB.id}:31`]);
    expect(stored([acl(31, "auth", ""), acl(31, "auth", "y")], [BOB])).toHaveLength(2);
  });

  it("drops duplicates before that", () => {
    expect(stored([acl(1, "world", "anyone"), acl(1, "world", "anyone"), acl(2, "world", "anyone")])).toEqual(
      ["world:anyone:1", "world:anyone:2"],
    );
  });

  it.each([
    ["world", "other", -114],
    ["sasl", "bob", -114],
    ["super", "", -114],
    ["nope", null, -114],
    ["digest", "a", -114],
    ["digest", "a:", -114],
    ["digest", ":", -114],
    ["digest", "a:b:c", -114],
    ["digest", ":b", 0],
    ["digest", "a:b::", 0],
    ["ip", "127.0.0.1", 0],
    ["ip", "+127.0.0.01", 0],
    ["ip", "127.0.0.1/8", -114],
    ["ip", "127.0.0", -114],
    ["ip", "256.0.0.1", -114],
    ["ip", "1.2.3.-4", -114],
    ["ip", "1.2.3.", -114],
    ["ip", "::1", -114],
    [null, "x", -5],
    ["world", null, -5],
    ["digest", null, -5],
    ["ip", null, -5],
  ])("%s:%s gives %i", (scheme, id, err) => {
    const given = stored([acl(31, scheme, id)]);
    expect(typeof given === "number" ? given : 0).toBe(err);
  });

  it("judges entries in order", () => {
    expect(stored([acl(31, "nope", "x"), acl(30, null, null)])).toBe(-114);
    expect(stored([acl(31, "digest", "x:y"), acl(30, null, null)])).toBe(-5);
    // Looking for duplicates comes first, and meets the null when the permissions are the same.
    expect(stored([acl(31, "nope", "x"), acl(31, null, null)])).toBe(-5);
    expect(stored([acl(31, "nope", "x"), acl(31, "nope", null)])).toBe(-5);
    expect(stored([acl(31, "nope", "x"), acl(31, "auth", null)])).toBe(-114);
  });

  it("lets in by world, digest, address and super, and everyone where there is no list", () => {
    const bench = new TreeBench();
    bench.create("/d", { acl: [acl(2, "digest", BOB.id)] });
    bench.create("/i", { acl: [acl(2, "ip", "127.0.0.1")] });
    expect(bench.setData("/d")).toBe(-102);
    expect(bench.setData("/d", -1, null, { auth: [ANYONE, BOB] })).toBe(0);
    expect(bench.setData("/d", -1, null, { auth: [{ scheme: "super", id: "" }] })).toBe(0);
    expect(bench.setData("/i")).toBe(0);
    expect(bench.setData("/i", -1, null, { auth: [{ scheme: "ip", id: "127.0.0.2" }, BOB] })).toBe(-102);
    const open = new TreeBench({ skipAcl: true });
    open.create("/d", { acl: [acl(0, "nope", "x")] });
    expect(open.setData("/d")).toBe(0);
  });
});
