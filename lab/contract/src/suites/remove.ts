/** Taking nodes away. */
import { encode, jute, OpCode } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { acl, expectBare, expectChanged, expectError } from "../expectations.js";

export const remove: Suite = suite("delete", "ensemble", (it) => {
  it("answers with a header alone, and the node is gone", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`);
    expectBare(await session.remove(path));
    expectError(await session.exists(path), "NO_NODE");
    expect(await session.names(given.path)).toEqual([]);
  });

  it("counts in the parent's cversion and pzxid", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    const before = await session.stat(given.path);
    const { zxid } = await session.remove(`${given.path}/a`);
    const after = await session.stat(given.path);
    expectChanged(before, after, { cversion: before.cversion + 1, numChildren: 0, pzxid: zxid });
  });

  it("refuses a node that is not there: NO_NODE, and so when its parent is not", async (given) => {
    const session = await given.open();
    expectError(await session.remove(`${given.path}/missing`), "NO_NODE");
    expectError(await session.remove(`${given.path}/missing/a`), "NO_NODE");
  });

  it("refuses a second deletion: NO_NODE", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    expectBare(await session.remove(`${given.path}/a`));
    expectError(await session.remove(`${given.path}/a`), "NO_NODE");
  });

  it("takes the version that the node has", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    await session.setData(`${given.path}/a`, "x");
    expectBare(await session.remove(`${given.path}/a`, 1));
  });

  it("refuses every other version: BAD_VERSION, numbers below -1 too", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    for (const version of [1, 2_147_483_647, -2, -2_147_483_648]) {
      expectError(await session.remove(`${given.path}/a`, version), "BAD_VERSION");
    }
    expect((await session.stat(`${given.path}/a`)).version).toBe(0);
  });

  it("refuses a node with children: NOT_EMPTY", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    await session.made(`${given.path}/a/b`);
    expectError(await session.remove(`${given.path}/a`), "NOT_EMPTY");
    expectBare(await session.remove(`${given.path}/a/b`));
    expectBare(await session.remove(`${given.path}/a`));
  });

  it("looks at the version before the children", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    await session.made(`${given.path}/a/b`);
    expectError(await session.remove(`${given.path}/a`, 7), "BAD_VERSION");
  });

  it("looks for the node before the permission on its parent", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/p`, { acl: [acl(1 + 2 + 4 + 16, "world", "anyone")] });
    await session.made(`${given.path}/p/a`);
    expectError(await session.remove(`${given.path}/p/missing`), "NO_NODE");
    expectError(await session.remove(`${given.path}/p/a`, 7), "NO_AUTH");
  });

  it("refuses the root and the nodes of the system: BAD_ARGUMENTS", async (given) => {
    const session = await given.open();
    for (const path of ["/", "/zookeeper", "/zookeeper/quota"]) {
      expectError(await session.remove(path), "BAD_ARGUMENTS");
    }
  });

  it("refuses paths without a slash, and with a NUL: BAD_ARGUMENTS", async (given) => {
    const session = await given.open();
    for (const path of ["", "a", `${given.path}/a\0`]) {
      expectError(await session.remove(path), "BAD_ARGUMENTS");
    }
  });

  it("takes impossible paths for nodes that are not there: NO_NODE", async (given) => {
    const session = await given.open();
    for (const path of [`${given.path}/`, `${given.path}//a`, `${given.path}/.`, "//"]) {
      expectError(await session.remove(path), "NO_NODE");
    }
  });

  it("fails on a path that is null and on a body that ends too early: MARSHALLING_ERROR", async (given) => {
    const session = await given.open();
    const nothing = Buffer.concat([encode(jute.int, -1), encode(jute.int, -1)]);
    expectError(await session.callBytes(OpCode.DELETE, nothing), "MARSHALLING_ERROR");
    expectError(
      await session.callBytes(OpCode.DELETE, encode(jute.ustring, given.path)),
      "MARSHALLING_ERROR",
    );
    expect((await session.stat(given.path)).version).toBe(0);
  });

  it("leaves the stat of the parent alone when it is refused, and takes a zxid", async (given) => {
    const session = await given.open();
    const before = await session.stat(given.path);
    const first = await session.remove(`${given.path}/missing`);
    const second = await session.remove(`${given.path}/missing`);
    expect(second.zxid).toBe(first.zxid + 1n);
    expect(await session.stat(given.path)).toEqual(before);
  });

  it("lets a node be made again from nothing", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { data: "old" });
    await session.setData(`${given.path}/a`, "older");
    const first = await session.stat(`${given.path}/a`);
    await session.remove(`${given.path}/a`);
    const { zxid } = await session.create(`${given.path}/a`);
    const second = await session.stat(`${given.path}/a`);
    expect(second.version).toBe(0);
    expect(second.czxid).toBe(zxid);
    expect(second.czxid).toBeGreaterThan(first.mzxid);
  });

  it("takes away an ephemeral node of another session, whose end then has nothing to do", async (given) => {
    const [owner, other] = [await given.open(), await given.open()];
    await owner.ephemeral(`${given.path}/e`);
    expectBare(await other.remove(`${given.path}/e`));
    await other.made(`${given.path}/e`);
    await owner.close();
    expect((await other.stat(`${given.path}/e`)).ephemeralOwner).toBe(0n);
  });
});
