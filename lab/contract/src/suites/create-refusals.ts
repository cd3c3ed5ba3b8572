/** Making nodes: what is taken, what is refused, and in which order a server looks. */
import { CreateMode, encode, jute, OPEN_ACL_UNSAFE, OpCode } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { acl, expectError, expectOk } from "../expectations.js";
import { createRequest } from "../wire/session.js";
import { requestBody } from "../wire/wire-session.js";

export const createRefusals: Suite = suite("create, looked at", "ensemble", (it) => {
  it("refuses a node that is there: NODE_EXISTS, whoever made it", async (given) => {
    const [one, other] = [await given.open(), await given.open({ on: "leader" })];
    await one.made(`${given.path}/a`, { data: "one" });
    expectError(await one.create(`${given.path}/a`), "NODE_EXISTS");
    expectError(await other.create(`${given.path}/a`, { data: "other" }), "NODE_EXISTS");
    expect(await one.text(`${given.path}/a`)).toBe("one");
  });

  it("refuses the root: NODE_EXISTS", async (given) => {
    const session = await given.open();
    expectError(await session.create("/"), "NODE_EXISTS");
  });

  it("refuses a node without a parent: NO_NODE", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/missing/a`), "NO_NODE");
  });

  it("refuses children of ephemeral nodes: NO_CHILDREN_FOR_EPHEMERALS", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    expectError(await session.create(`${given.path}/e/a`), "NO_CHILDREN_FOR_EPHEMERALS");
    expectError(
      await session.create(`${given.path}/e/a-`, { flags: CreateMode.EPHEMERAL_SEQUENTIAL }),
      "NO_CHILDREN_FOR_EPHEMERALS",
    );
  });

  it("refuses paths without a slash: BAD_ARGUMENTS", async (given) => {
    const session = await given.open();
    for (const path of ["", "a", "."]) expectError(await session.create(path), "BAD_ARGUMENTS");
  });

  it("refuses a NUL in the path before it looks for the parent: BAD_ARGUMENTS", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/a\0`), "BAD_ARGUMENTS");
    expectError(await session.create(`${given.path}/missing/a\0`), "BAD_ARGUMENTS");
  });

  it("refuses a path that ends with a slash: BAD_ARGUMENTS", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/`), "BAD_ARGUMENTS");
  });

  it("refuses . and .. as last names: BAD_ARGUMENTS", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/.`), "BAD_ARGUMENTS");
    expectError(await session.create(`${given.path}/..`), "BAD_ARGUMENTS");
  });

  it("takes . and .. further up for nodes that are not there: NO_NODE", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/./a`), "NO_NODE");
    expectError(await session.create(`${given.path}/../a`), "NO_NODE");
  });

  it("takes an empty name further up for a node that is not there: NO_NODE", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}//a`), "NO_NODE");
  });

  it("refuses two slashes at the beginning, because the root is there: BAD_ARGUMENTS", async (given) => {
    const session = await given.open();
    expectError(await session.create("//a"), "BAD_ARGUMENTS");
  });

  it("refuses a name that looks like a path without its slash: NO_NODE of the empty parent", async (given) => {
    const session = await given.open();
    expectError(await session.create("a/b"), "NO_NODE");
  });

  it("takes names that only begin with dots", async (given) => {
    const session = await given.open();
    for (const name of [".a", "..a", "...", "a..", "a."]) await session.made(`${given.path}/${name}`);
    expect(await session.names(given.path)).toEqual([".a", "...", "..a", "a.", "a.."].sort());
  });

  it("refuses control characters in names but for the ends of their ranges, as 3.4 does", async (given) => {
    const session = await given.open();
    for (const code of [0x01, 0x09, 0x1e, 0x80, 0x9e]) {
      expectError(await session.create(`${given.path}/${String.fromCharCode(code)}`), "BAD_ARGUMENTS");
    }
    for (const code of [0x1f, 0x20, 0x7f, 0x9f, 0xa0]) {
      const path = `${given.path}/${String.fromCharCode(code)}`;
      expect(await session.made(path)).toBe(path);
    }
  });

  it("refuses private and special characters in names", async (given) => {
    const session = await given.open();
    for (const code of [0xe000, 0xf8fe, 0xfff1, 0xfffd]) {
      expectError(await session.create(`${given.path}/${String.fromCharCode(code)}`), "BAD_ARGUMENTS");
    }
  });

  it("refuses characters beyond the basic plane", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/\u{1f600}`), "BAD_ARGUMENTS");
  });

  it("keeps names in any script, byte by byte, without normalising them", async (given) => {
    const session = await given.open();
    const names = ["größe", "gro\u0308ße", "名前", "имя", "a b"];
    for (const name of names) {
      expect(await session.made(`${given.path}/${name}`)).toBe(`${given.path}/${name}`);
    }
    expect(await session.names(given.path)).toEqual([...names].sort());
  });

  it("tells upper case from lower case", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    await session.made(`${given.path}/A`);
    expect(await session.names(given.path)).toEqual(["A", "a"]);
  });

  it("takes a name of ten thousand characters", async (given) => {
    const session = await given.open();
    const path = `${given.path}/${"n".repeat(10_000)}`;
    expect(await session.made(path)).toBe(path);
    expect((await session.stat(path)).version).toBe(0);
  });

  it("refuses flags of later versions, and any other number: BAD_ARGUMENTS", async (given) => {
    const session = await given.open();
    for (const flags of [4, 5, 6, 7, -1, 1_000_000]) {
      expectError(await session.create(`${given.path}/a`, { flags }), "BAD_ARGUMENTS");
    }
    expectError(await session.exists(`${given.path}/a`), "NO_NODE");
  });

  it("refuses an empty access control list: INVALID_ACL", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/a`, { acl: [] }), "INVALID_ACL");
  });

  it("fails on a list of access rights that is null: MARSHALLING_ERROR", async (given) => {
    const session = await given.open();
    const body = Buffer.concat([
      encode(jute.ustring, `${given.path}/a`),
      encode(jute.buffer, null),
      encode(jute.int, -1),
      encode(jute.int, 0),
    ]);
    expectError(await session.callBytes(OpCode.CREATE, body), "MARSHALLING_ERROR");
    expectError(await session.exists(`${given.path}/a`), "NO_NODE");
  });

  it("fails on a path that is null: MARSHALLING_ERROR", async (given) => {
    const session = await given.open();
    const body = requestBody("create", createRequest("")).subarray(4);
    expectError(
      await session.callBytes(OpCode.CREATE, Buffer.concat([encode(jute.int, -1), body])),
      "MARSHALLING_ERROR",
    );
  });

  it("fails on a body that ends too early: MARSHALLING_ERROR, at every byte of it", async (given) => {
    const session = await given.open();
    const body = requestBody("create", createRequest(`${given.path}/a`, { data: "x" }));
    for (let length = 0; length < body.length; length += 1) {
      expectError(await session.callBytes(OpCode.CREATE, body.subarray(0, length)), "MARSHALLING_ERROR");
    }
    expectError(await session.exists(`${given.path}/a`), "NO_NODE");
  });

  it("takes no notice of bytes behind the body", async (given) => {
    const session = await given.open();
    const body = requestBody("create", createRequest(`${given.path}/a`));
    const reply = await session.callBytes(OpCode.CREATE, Buffer.concat([body, Buffer.from("more")]));
    expect(reply.err).toBe(0);
    expect((await session.stat(`${given.path}/a`)).dataLength).toBe(0);
  });

  it("looks at the form of the path before the access rights", async (given) => {
    const session = await given.open();
    expectError(await session.create("a", { acl: [] }), "BAD_ARGUMENTS");
  });

  it("looks at the access rights before the parent", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/missing/a`, { acl: [] }), "INVALID_ACL");
  });

  it("looks for the parent before the flags", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/missing/a`, { flags: 9 }), "NO_NODE");
  });

  it("looks at the permission before the flags and before the node itself", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/p`, { acl: [acl(1 + 2 + 8 + 16, "world", "anyone")] });
    expectError(await session.create(`${given.path}/p/a`, { flags: 9 }), "NO_AUTH");
    expectError(await session.create(`${given.path}/p/`), "NO_AUTH");
  });

  it("looks at the flags before the characters of the path", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    expectError(await session.create(`${given.path}/e/a/`, { flags: 9 }), "NO_NODE");
    expectError(await session.create(`${given.path}/e/\u0001`, { flags: 9 }), "BAD_ARGUMENTS");
  });

  it("looks at the characters of the path before the ephemeral parent", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    expectError(await session.create(`${given.path}/e/\u0001`), "BAD_ARGUMENTS");
  });

  it("gives a refused creation a zxid of its own, and the stat of the parent does not show it", async (given) => {
    const session = await given.open();
    const before = await session.stat(given.path);
    const first = await session.create(`${given.path}/missing/a`);
    const second = await session.create(`${given.path}/missing/a`);
    expect(second.zxid).toBe(first.zxid + 1n);
    expect(await session.stat(given.path)).toEqual(before);
  });

  it("makes children of /zookeeper for whoever wants some", async (given) => {
    const session = await given.open();
    const path = await session.ephemeral("/zookeeper/contract");
    expect((await session.stat(path)).ephemeralOwner).toBe(session.id);
  });

  it("keeps the access rights that were given", async (given) => {
    const session = await given.open();
    const rights = [acl(1, "world", "anyone"), acl(31, "ip", "127.0.0.1")];
    await session.made(`${given.path}/a`, { acl: rights });
    expect(expectOk(await session.getACL(`${given.path}/a`)).acl).toEqual(rights);
  });

  it("shows a node at once to every session of the same server", async (given) => {
    const [one, other] = [await given.open(), await given.open()];
    await one.made(`${given.path}/a`, { acl: OPEN_ACL_UNSAFE });
    expect((await other.exists(`${given.path}/a`)).err).toBe(0);
  });
});
