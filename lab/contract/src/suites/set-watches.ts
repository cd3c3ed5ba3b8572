/** Asking for watches again, as behind a reconnect. */
import { Xid } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { event, expectError } from "../expectations.js";

export const setWatches: Suite = suite("setWatches", "ensemble", (it) => {
  it("is answered with a header alone, of its own xid", async (given) => {
    const session = await given.open();
    const reply = await session.setWatches(0n, {});
    expect({ xid: reply.xid, err: reply.err, bytes: reply.bytes.length }).toEqual({
      xid: Xid.SET_WATCHES,
      err: 0,
      bytes: 0,
    });
    expect(reply.zxid).toBe((await session.ping()).zxid);
  });

  it("is answered under any xid that it came with", async (given) => {
    const session = await given.open();
    const xid = session.send("setWatches", {
      relativeZxid: 0n,
      dataWatches: [],
      existWatches: [],
      childWatches: [],
    });
    expect((await session.reply(xid)).xid).toBe(xid);
  });

  it("sets a data watch on a node that has not changed since", async (given) => {
    const [session, writer] = [await given.open(), await given.open()];
    const { mzxid } = await session.stat(given.path);
    expect((await session.setWatches(mzxid, { data: [given.path] })).before).toEqual([]);
    await writer.setData(given.path, "x");
    expect(await session.pendingEvents()).toEqual([event.changed(given.path)]);
  });

  it("tells at once of data that has changed since, and sets no watch", async (given) => {
    const [session, writer] = [await given.open(), await given.open()];
    const { mzxid } = await session.stat(given.path);
    await writer.setData(given.path, "x");
    expect((await session.setWatches(mzxid, { data: [given.path] })).before).toEqual([
      event.changed(given.path),
    ]);
    await writer.setData(given.path, "y");
    expect(await session.pendingEvents()).toEqual([]);
  });

  it("takes a zxid of exactly the change for one that has seen it", async (given) => {
    const session = await given.open();
    const { zxid } = await session.setData(given.path, "x");
    expect((await session.setWatches(zxid - 1n, { data: [given.path] })).before).toHaveLength(1);
    expect((await session.setWatches(zxid, { data: [given.path] })).before).toEqual([]);
  });

  it("tells at once of a node with a data watch that is gone", async (given) => {
    const session = await given.open();
    const { zxid } = await session.ping();
    expect((await session.setWatches(zxid, { data: [`${given.path}/gone`] })).before).toEqual([
      event.deleted(`${given.path}/gone`),
    ]);
  });

  it("tells of a node that went and came back as of a change", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    const { zxid } = await session.ping();
    await session.remove(`${given.path}/a`);
    await session.made(`${given.path}/a`);
    expect((await session.setWatches(zxid, { data: [`${given.path}/a`] })).before).toEqual([
      event.changed(`${given.path}/a`),
    ]);
  });

  it("tells nothing of access rights and children to a data watch", async (given) => {
    const session = await given.open();
    const { zxid } = await session.ping();
    await session.made(`${given.path}/a`);
    await session.setACL(given.path, [{ perms: 31, id: { scheme: "world", id: "anyone" } }]);
    expect((await session.setWatches(zxid, { data: [given.path] })).before).toEqual([]);
  });

  it("sets an exists watch on a node that is not there", async (given) => {
    const [session, writer] = [await given.open(), await given.open()];
    const { zxid } = await session.ping();
    expect((await session.setWatches(zxid, { exist: [`${given.path}/a`] })).before).toEqual([]);
    await writer.made(`${given.path}/a`);
    expect(await session.pendingEvents()).toEqual([event.created(`${given.path}/a`)]);
  });

  it("tells at once of a node that is there to an exists watch, however old it is", async (given) => {
    const session = await given.open();
    expect((await session.setWatches(0x7fff_ffff_ffffn, { exist: [given.path] })).before).toEqual([
      event.created(given.path),
    ]);
  });

  it("sets a child watch on a node whose children have not changed since", async (given) => {
    const [session, writer] = [await given.open(), await given.open()];
    await writer.made(`${given.path}/a`);
    const { pzxid } = await session.stat(given.path);
    expect((await session.setWatches(pzxid, { child: [given.path] })).before).toEqual([]);
    await writer.setData(`${given.path}/a`, "x");
    await writer.setData(given.path, "x");
    expect(await session.pendingEvents()).toEqual([]);
    await writer.made(`${given.path}/b`);
    expect(await session.pendingEvents()).toEqual([event.children(given.path)]);
  });

  it("tells at once of children that have changed since, a deletion too", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    const { zxid } = await session.ping();
    await session.remove(`${given.path}/a`);
    expect((await session.setWatches(zxid, { child: [given.path] })).before).toEqual([
      event.children(given.path),
    ]);
  });

  it("tells at once of a node with a child watch that is gone", async (given) => {
    const session = await given.open();
    expect((await session.setWatches(0n, { child: [`${given.path}/gone`] })).before).toEqual([
      event.deleted(`${given.path}/gone`),
    ]);
  });

  it("tells of a node that is gone once for each list that has it", async (given) => {
    const session = await given.open();
    const gone = `${given.path}/gone`;
    expect((await session.setWatches(0n, { data: [gone], child: [gone] })).before).toEqual([
      event.deleted(gone),
      event.deleted(gone),
    ]);
  });

  it("goes through data, exists and child watches in this order, and through each list in its own", async (given) => {
    const session = await given.open();
    const names = ["c", "a", "b"].map((name) => `${given.path}/${name}`);
    const reply = await session.setWatches(0n, { child: names, exist: [given.path], data: names });
    expect(reply.before).toEqual([
      ...names.map((name) => event.deleted(name)),
      event.created(given.path),
      ...names.map((name) => event.deleted(name)),
    ]);
  });

  it("asks for no permission", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`, {
      acl: [{ perms: 30, id: { scheme: "world", id: "anyone" } }],
    });
    const { zxid } = await session.ping();
    expect((await session.setWatches(zxid, { data: [path], child: [path] })).before).toEqual([]);
    expect((await session.setData(path, "x")).before).toEqual([event.changed(path)]);
  });

  it("adds to the watches that are there", async (given) => {
    const session = await given.open();
    await session.getChildren(given.path, true);
    const { zxid } = await session.ping();
    await session.setWatches(zxid, { data: [given.path] });
    expect((await session.create(`${given.path}/a`)).before).toEqual([event.children(given.path)]);
    expect((await session.setData(given.path, "x")).before).toEqual([event.changed(given.path)]);
  });

  it("carries watches over to another server without a gap", async (given) => {
    const [first, writer] = [await given.open(), await given.open()];
    await first.getData(given.path, true);
    await first.getChildren(given.path, true);
    const { zxid } = await first.ping();
    first.drop();
    await writer.setData(given.path, "missed");
    const { id, password } = first.credentials;
    const second = await given.open({ on: "leader", sessionId: id, password, lastZxidSeen: zxid });
    await second.reach((await writer.ping()).zxid);
    const reply = await second.setWatches(zxid, { data: [given.path], child: [given.path] });
    expect(reply.before).toEqual([event.changed(given.path)]);
    await writer.made(`${given.path}/a`);
    expect(await second.event()).toEqual(event.children(given.path));
  });

  it("that cannot be read is MARSHALLING_ERROR, and the connection goes on", async (given) => {
    const session = await given.open();
    expectError(await session.callBytes(101, Buffer.alloc(7), Xid.SET_WATCHES), "MARSHALLING_ERROR");
    expectError(await session.callBytes(101, Buffer.alloc(8), Xid.SET_WATCHES), "MARSHALLING_ERROR");
    expect((await session.exists(given.path)).err).toBe(0);
  });
});
