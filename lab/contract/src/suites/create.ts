/** Making nodes. */
import { CreateMode, encode, jute, OPEN_ACL_UNSAFE, OpCode } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { acl, expectChanged, expectError, expectOk } from "../expectations.js";
import { createRequest } from "../wire/session.js";
import { requestBody } from "../wire/wire-session.js";

export const create: Suite = suite("create", "ensemble", (it) => {
  it("answers with the path and the zxid of the transaction, which is the node's czxid", async (given) => {
    const session = await given.open();
    const reply = await session.create(`${given.path}/a`, { data: "hello" });
    expect(expectOk(reply)).toEqual({ path: `${given.path}/a` });
    expect((await session.stat(`${given.path}/a`)).czxid).toBe(reply.zxid);
  });

  it("gives a new node a stat in which only its length is more than its birth", async (given) => {
    const session = await given.open();
    const { zxid } = await session.create(`${given.path}/a`, { data: "hello" });
    const stat = await session.stat(`${given.path}/a`);
    expect(stat).toEqual({
      czxid: zxid,
      mzxid: zxid,
      pzxid: zxid,
      ctime: stat.ctime,
      mtime: stat.ctime,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: 0n,
      dataLength: 5,
      numChildren: 0,
    });
    expect(Math.abs(Number(stat.ctime) - Date.now())).toBeLessThan(86_400_000);
  });

  it("counts a new child in the parent's cversion, numChildren and pzxid, and in nothing else", async (given) => {
    const session = await given.open();
    const before = await session.stat(given.path);
    const { zxid } = await session.create(`${given.path}/a`);
    const after = await session.stat(given.path);
    expectChanged(before, after, { cversion: before.cversion + 1, numChildren: 1, pzxid: zxid });
  });

  it("tells a grandparent nothing of a new node", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    const before = await session.stat(given.path);
    await session.made(`${given.path}/a/b`);
    expect(await session.stat(given.path)).toEqual(before);
  });

  it("keeps null data null", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { data: null });
    const { data, stat } = expectOk(await session.getData(`${given.path}/a`));
    expect(data).toBeNull();
    expect(stat.dataLength).toBe(0);
  });

  it("keeps empty data empty, which is not null", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { data: "" });
    const { data, stat } = expectOk(await session.getData(`${given.path}/a`));
    expect(data).toEqual(new Uint8Array(0));
    expect(stat.dataLength).toBe(0);
  });

  it("keeps every byte of data", async (given) => {
    const session = await given.open();
    const data = Uint8Array.from({ length: 256 }, (_, index) => index);
    await session.made(`${given.path}/a`, { data });
    expect(expectOk(await session.getData(`${given.path}/a`)).data).toEqual(data);
  });

  it("makes an ephemeral node the session's own", async (given) => {
    const session = await given.open();
    const path = await session.ephemeral(`${given.path}/e`);
    expect((await session.stat(path)).ephemeralOwner).toBe(session.id);
  });

  it("tells the ephemeral nodes of two sessions apart", async (given) => {
    const [one, other] = [await given.open(), await given.open()];
    await one.ephemeral(`${given.path}/one`);
    await other.ephemeral(`${given.path}/other`);
    expect((await one.stat(`${given.path}/other`)).ephemeralOwner).toBe(other.id);
    expect((await other.stat(`${given.path}/one`)).ephemeralOwner).toBe(one.id);
  });

  it("numbers sequential nodes with ten digits from zero", async (given) => {
    const session = await given.open();
    const flags = CreateMode.PERSISTENT_SEQUENTIAL;
    expect(await session.made(`${given.path}/n-`, { flags })).toBe(`${given.path}/n-0000000000`);
    expect(await session.made(`${given.path}/n-`, { flags })).toBe(`${given.path}/n-0000000001`);
    expect((await session.stat(`${given.path}/n-0000000000`)).ephemeralOwner).toBe(0n);
  });

  it("numbers ephemeral sequential nodes in the same way", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/n-`, { flags: CreateMode.EPHEMERAL_SEQUENTIAL });
    expect(path).toBe(`${given.path}/n-0000000000`);
    expect((await session.stat(path)).ephemeralOwner).toBe(session.id);
  });

  it("counts one sequence for all names below a parent", async (given) => {
    const session = await given.open();
    const flags = CreateMode.PERSISTENT_SEQUENTIAL;
    expect(await session.made(`${given.path}/a-`, { flags })).toBe(`${given.path}/a-0000000000`);
    expect(await session.made(`${given.path}/b-`, { flags })).toBe(`${given.path}/b-0000000001`);
  });

  it("counts one sequence for all sessions", async (given) => {
    const [one, other] = [await given.open(), await given.open({ on: "leader" })];
    const flags = CreateMode.PERSISTENT_SEQUENTIAL;
    expect(await one.made(`${given.path}/n-`, { flags })).toBe(`${given.path}/n-0000000000`);
    expect(await other.made(`${given.path}/n-`, { flags })).toBe(`${given.path}/n-0000000001`);
    expect(await one.made(`${given.path}/n-`, { flags })).toBe(`${given.path}/n-0000000002`);
  });

  it("lets ordinary children use up numbers of the sequence", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    await session.made(`${given.path}/b`);
    const path = await session.made(`${given.path}/n-`, { flags: CreateMode.PERSISTENT_SEQUENTIAL });
    expect(path).toBe(`${given.path}/n-0000000002`);
  });

  it("does not let deletions use up numbers of the sequence, nor give numbers back", async (given) => {
    const session = await given.open();
    const flags = CreateMode.PERSISTENT_SEQUENTIAL;
    const first = await session.made(`${given.path}/n-`, { flags });
    await session.remove(first);
    expect(await session.made(`${given.path}/n-`, { flags })).toBe(`${given.path}/n-0000000001`);
  });

  it("counts creations and deletions in the visible cversion", async (given) => {
    const session = await given.open();
    for (const name of ["a", "b", "c"]) await session.made(`${given.path}/${name}`);
    await session.remove(`${given.path}/b`);
    const { cversion, numChildren } = await session.stat(given.path);
    expect({ cversion, numChildren }).toEqual({ cversion: 4, numChildren: 2 });
  });

  it("begins the sequence anew below a parent that was made again", async (given) => {
    const session = await given.open();
    const flags = CreateMode.PERSISTENT_SEQUENTIAL;
    await session.made(`${given.path}/p`);
    await session.remove(await session.made(`${given.path}/p/n-`, { flags }));
    await session.remove(`${given.path}/p`);
    await session.made(`${given.path}/p`);
    expect(await session.made(`${given.path}/p/n-`, { flags })).toBe(`${given.path}/p/n-0000000000`);
  });

  it("leaves the sequence alone when a creation is refused", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    expectError(await session.create(`${given.path}/a`), "NODE_EXISTS");
    const path = await session.made(`${given.path}/n-`, { flags: CreateMode.PERSISTENT_SEQUENTIAL });
    expect(path).toBe(`${given.path}/n-0000000001`);
  });

  it("takes a sequential path that ends with a slash: the number is the whole name", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/`, { flags: CreateMode.PERSISTENT_SEQUENTIAL });
    expect(path).toBe(`${given.path}/0000000000`);
  });

  it("takes a sequential path that ends with dots: the number makes a name of them", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/..`, { flags: CreateMode.PERSISTENT_SEQUENTIAL });
    expect(path).toBe(`${given.path}/..0000000000`);
  });

  it("makes a sequential child of the root from a single slash", async (given) => {
    const session = await given.open();
    const path = await session.made("/", { flags: CreateMode.EPHEMERAL_SEQUENTIAL });
    expect(path).toMatch(/^\/\d{10}$/);
  });

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
