/** Giving nodes other data. */
import { encode, jute, OpCode, SetDataRequest } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { acl, expectChanged, expectError, expectOk } from "../expectations.js";

export const setData: Suite = suite("setData", "ensemble", (it) => {
  it("answers with the stat of after: version, mzxid, mtime and length are new", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { data: "x" });
    const before = await session.stat(`${given.path}/a`);
    const reply = await session.setData(`${given.path}/a`, "longer");
    const { stat } = expectOk(reply);
    expectChanged(before, stat, { version: 1, mzxid: reply.zxid, mtime: stat.mtime, dataLength: 6 });
    expect(stat.mtime).toBeGreaterThanOrEqual(before.mtime);
    expect(await session.stat(`${given.path}/a`)).toEqual(stat);
  });

  it("tells the parent nothing", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    const before = await session.stat(given.path);
    await session.setData(`${given.path}/a`, "x");
    expect(await session.stat(given.path)).toEqual(before);
  });

  it("counts data that is the same as before", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { data: "x" });
    expect(expectOk(await session.setData(`${given.path}/a`, "x")).stat.version).toBe(1);
    expect(expectOk(await session.setData(`${given.path}/a`, "x")).stat.version).toBe(2);
  });

  it("takes null and empty data for what they are", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { data: "x" });
    expect(expectOk(await session.setData(`${given.path}/a`, "")).stat.dataLength).toBe(0);
    expect(expectOk(await session.getData(`${given.path}/a`)).data).toEqual(new Uint8Array(0));
    expect(expectOk(await session.setData(`${given.path}/a`, null)).stat.dataLength).toBe(0);
    expect(expectOk(await session.getData(`${given.path}/a`)).data).toBeNull();
  });

  it("takes the version that the node has", async (given) => {
    const session = await given.open();
    expect(expectOk(await session.setData(given.path, "a", 0)).stat.version).toBe(1);
    expect(expectOk(await session.setData(given.path, "b", 1)).stat.version).toBe(2);
  });

  it("refuses every other version: BAD_VERSION, numbers below -1 too", async (given) => {
    const session = await given.open();
    for (const version of [1, 2_147_483_647, -2, -2_147_483_648]) {
      expectError(await session.setData(given.path, "x", version), "BAD_VERSION");
    }
    expect(await session.text(given.path)).toBeNull();
  });

  it("lets one of two writers with the same version win", async (given) => {
    const [one, other] = [await given.open(), await given.open({ on: "leader" })];
    const replies = await Promise.all([
      one.setData(given.path, "one", 0),
      other.setData(given.path, "other", 0),
    ]);
    expect(replies.map(({ err }) => err).sort()).toEqual([-103, 0]);
    expect((await one.stat(given.path)).version).toBe(1);
  });

  it("refuses a node that is not there: NO_NODE, impossible paths too", async (given) => {
    const session = await given.open();
    for (const path of [`${given.path}/missing`, "missing", `${given.path}/`, "//", `${given.path}/\0`]) {
      expectError(await session.setData(path, "x"), "NO_NODE");
    }
  });

  it("looks for the node before the permission, and at that before the version", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { acl: [acl(1 + 4 + 8 + 16, "world", "anyone")] });
    expectError(await session.setData(`${given.path}/a/b`, "x", 7), "NO_NODE");
    expectError(await session.setData(`${given.path}/a`, "x", 7), "NO_AUTH");
  });

  it("fails on a path that is null and on a body that ends too early: MARSHALLING_ERROR", async (given) => {
    const session = await given.open();
    const body = encode(SetDataRequest, { path: "", data: null, version: -1 });
    const nothing = Buffer.concat([encode(jute.int, -1), body.subarray(4)]);
    expectError(await session.callBytes(OpCode.SET_DATA, nothing), "MARSHALLING_ERROR");
    expectError(await session.callBytes(OpCode.SET_DATA, body.subarray(0, -1)), "MARSHALLING_ERROR");
  });

  it("takes data for the root", async (given) => {
    // Not by its other name, the empty path: that stops a 3.4.6 server for good, as it cannot find the quota of it.
    const session = await given.open();
    const before = await session.stat("/");
    const { stat } = expectOk(await session.setData("/", "of the root"));
    expect(stat.version).toBe(before.version + 1);
    expect(await session.text("/")).toBe("of the root");
    expect(expectOk(await session.setData("/", null)).stat.version).toBe(before.version + 2);
  });

  it("leaves the owner of an ephemeral node, whoever writes", async (given) => {
    const [owner, other] = [await given.open(), await given.open()];
    await owner.ephemeral(`${given.path}/e`);
    expect(expectOk(await other.setData(`${given.path}/e`, "x")).stat.ephemeralOwner).toBe(owner.id);
  });

  it("gives a refused write a zxid of its own", async (given) => {
    const session = await given.open();
    const first = await session.setData(given.path, "x", 7);
    const second = await session.setData(given.path, "x", 7);
    expect(second.zxid).toBe(first.zxid + 1n);
  });

  it("takes data of almost the size of a frame", async (given) => {
    const session = await given.open();
    const data = new Uint8Array(1_000_000).fill(7);
    expect(expectOk(await session.setData(given.path, data)).stat.dataLength).toBe(1_000_000);
    const read = expectOk(await session.getData(given.path)).data ?? new Uint8Array(0);
    expect(Buffer.compare(read, data)).toBe(0);
    await session.setData(given.path, null);
  });
});
