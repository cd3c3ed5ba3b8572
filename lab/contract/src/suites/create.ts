/** Making nodes. */
import { CreateMode } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { expectChanged, expectError, expectOk } from "../expectations.js";

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
});
