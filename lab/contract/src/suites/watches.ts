/** One-shot watches. */
import { CreateMode } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { event, expectError } from "../expectations.js";
import { part } from "../wire/session.js";
import { requestFrame } from "../wire/wire-session.js";

export const watches: Suite = suite("watches", "ensemble", (it) => {
  it("of getData tell of a change of data, with a header of xid -1, zxid -1 and no error", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await writer.setData(given.path, "x");
    const message = await watcher.next();
    expect({ xid: message.xid, zxid: message.zxid, err: message.err }).toEqual({
      xid: -1,
      zxid: -1n,
      err: 0,
    });
    expect(message.event).toEqual({ type: 3, state: 3, path: given.path });
    expect(message.bytes.length).toBe(4 + 4 + 4 + given.path.length);
  });

  it("of getData tell of the node's end", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await writer.made(`${given.path}/a`);
    await watcher.getData(`${given.path}/a`, true);
    await writer.remove(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([event.deleted(`${given.path}/a`)]);
  });

  it("of getData on a node that is not there are not set", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    expectError(await watcher.getData(`${given.path}/a`, true), "NO_NODE");
    await writer.made(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("of exists tell of the node's beginning", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    expectError(await watcher.exists(`${given.path}/a`, true), "NO_NODE");
    await writer.made(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([event.created(`${given.path}/a`)]);
  });

  it("of exists on a node that is there tell of a change and of the end", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await writer.made(`${given.path}/a`);
    await watcher.exists(`${given.path}/a`, true);
    await writer.setData(`${given.path}/a`, "x");
    expect(await watcher.pendingEvents()).toEqual([event.changed(`${given.path}/a`)]);
    await watcher.exists(`${given.path}/a`, true);
    await writer.remove(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([event.deleted(`${given.path}/a`)]);
  });

  it("of exists below a parent that is not there wait for both", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.exists(`${given.path}/p/a`, true);
    await writer.made(`${given.path}/p`);
    expect(await watcher.pendingEvents()).toEqual([]);
    await writer.made(`${given.path}/p/a`);
    expect(await watcher.pendingEvents()).toEqual([event.created(`${given.path}/p/a`)]);
  });

  it("of getChildren tell of a child's beginning and of its end", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getChildren(given.path, true);
    await writer.made(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([event.children(given.path)]);
    await watcher.getChildren2(given.path, true);
    await writer.remove(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([event.children(given.path)]);
  });

  it("of getChildren tell nothing of the node's own data, nor of its children's", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await writer.made(`${given.path}/a`);
    await watcher.getChildren(given.path, true);
    await writer.setData(given.path, "x");
    await writer.setData(`${given.path}/a`, "x");
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("of getChildren tell nothing of grandchildren", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await writer.made(`${given.path}/a`);
    await watcher.getChildren(given.path, true);
    await writer.made(`${given.path}/a/b`);
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("of getChildren tell of the node's end", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await writer.made(`${given.path}/a`);
    await watcher.getChildren(`${given.path}/a`, true);
    await writer.remove(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([event.deleted(`${given.path}/a`)]);
  });

  it("of getChildren on a node that is not there are not set", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    expectError(await watcher.getChildren(`${given.path}/a`, true), "NO_NODE");
    expectError(await watcher.getChildren2(`${given.path}/a`, true), "NO_NODE");
    await writer.made(`${given.path}/a`);
    await writer.made(`${given.path}/a/b`);
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("of getData tell nothing of children", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await writer.made(`${given.path}/a`);
    await writer.remove(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("of both kinds on one node tell of its end once", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await writer.made(`${given.path}/a`);
    await watcher.getData(`${given.path}/a`, true);
    await watcher.getChildren(`${given.path}/a`, true);
    await writer.remove(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([event.deleted(`${given.path}/a`)]);
    await writer.made(`${given.path}/a`);
    await writer.made(`${given.path}/a/b`);
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("on a node and on its parent tell of the node first, at its beginning and at its end", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getChildren(given.path, true);
    await watcher.exists(`${given.path}/a`, true);
    await writer.made(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([
      event.created(`${given.path}/a`),
      event.children(given.path),
    ]);
    await watcher.getChildren(given.path, true);
    await watcher.getChildren(`${given.path}/a`, true);
    await writer.remove(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([
      event.deleted(`${given.path}/a`),
      event.children(given.path),
    ]);
  });

  it("tell once: the second change is not told", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await writer.setData(given.path, "x");
    await writer.setData(given.path, "y");
    expect(await watcher.pendingEvents()).toEqual([event.changed(given.path)]);
  });

  it("of exists that have told of the beginning say nothing of what follows", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.exists(`${given.path}/a`, true);
    await writer.made(`${given.path}/a`);
    await writer.setData(`${given.path}/a`, "x");
    await writer.remove(`${given.path}/a`);
    expect(await watcher.pendingEvents()).toEqual([event.created(`${given.path}/a`)]);
  });

  it("that are set twice tell once", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await watcher.getData(given.path, true);
    await watcher.exists(given.path, true);
    await writer.setData(given.path, "x");
    expect(await watcher.pendingEvents()).toEqual([event.changed(given.path)]);
  });

  it("stay when the node is read again without one", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await watcher.getData(given.path, false);
    await writer.setData(given.path, "x");
    expect(await watcher.pendingEvents()).toEqual([event.changed(given.path)]);
  });

  it("tell of data that is set to what it was", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await writer.setData(given.path, null);
    expect(await watcher.pendingEvents()).toEqual([event.changed(given.path)]);
  });

  it("tell nothing of access rights", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await watcher.getChildren(given.path, true);
    await writer.setACL(given.path, [{ perms: 31, id: { scheme: "world", id: "anyone" } }]);
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("tell nothing of what was refused", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await watcher.getChildren(given.path, true);
    expectError(await writer.setData(given.path, "x", 9), "BAD_VERSION");
    expectError(await writer.create(`${given.path}/a/b`), "NO_NODE");
    expectError(await writer.remove(given.path, 9), "BAD_VERSION");
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("tell of one's own changes, before the reply", async (given) => {
    const session = await given.open();
    await session.getData(given.path, true);
    await session.getChildren(given.path, true);
    expect((await session.setData(given.path, "x")).before).toEqual([event.changed(given.path)]);
    expect((await session.create(`${given.path}/a`)).before).toEqual([event.children(given.path)]);
  });

  it("tell of another's change before any reply that shows it", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open({ on: "leader" })];
    await watcher.getData(given.path, true);
    const { zxid } = await writer.setData(given.path, "x");
    const before = [];
    for (;;) {
      const reply = await watcher.getData(given.path);
      before.push(...reply.before);
      if ((reply.body?.stat.mzxid ?? 0n) >= zxid) break;
      expect(before).toEqual([]);
    }
    expect(before).toEqual([event.changed(given.path)]);
  });

  it("have told all sessions of the writer's server when the writer has its reply", async (given) => {
    const [writer, ...watchers] = [
      await given.open(),
      await given.open(),
      await given.open(),
      await given.open(),
    ];
    for (const watcher of watchers) await watcher.getData(given.path, true);
    await writer.setData(given.path, "x");
    for (const watcher of watchers) {
      expect(await watcher.pendingEvents()).toEqual([event.changed(given.path)]);
    }
  });

  it("tell sessions of every server", async (given) => {
    const watchers = await Promise.all(given.ensemble.servers.map(({ id }) => given.open({ on: id })));
    for (const watcher of watchers) await watcher.getData(given.path, true);
    await (await given.open()).setData(given.path, "x");
    for (const watcher of watchers) expect(await watcher.event()).toEqual(event.changed(given.path));
  });

  it("tell in the order of the changes", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open({ on: "leader" })];
    const names = Array.from({ length: 20 }, (_, index) => `${given.path}/n${index}`);
    for (const name of names) await watcher.exists(name, true);
    for (const name of names) writer.send("create", createOf(name));
    for (const name of names) expect(await watcher.event()).toEqual(event.created(name));
  });

  it("tell of the parts of a multi in their order, and of one node once", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.exists(`${given.path}/a`, true);
    await watcher.getChildren(given.path, true);
    await writer.multi([
      part.create(`${given.path}/a`),
      part.setData(`${given.path}/a`, "x"),
      part.create(`${given.path}/b`),
      part.remove(`${given.path}/a`),
    ]);
    expect(await watcher.pendingEvents()).toEqual([
      event.created(`${given.path}/a`),
      event.children(given.path),
    ]);
  });

  it("tell the real name of a sequential node", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.exists(`${given.path}/n-0000000000`, true);
    await writer.made(`${given.path}/n-`, { flags: CreateMode.PERSISTENT_SEQUENTIAL });
    expect(await watcher.pendingEvents()).toEqual([event.created(`${given.path}/n-0000000000`)]);
  });

  it("on the root tell of its children", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getChildren("/", true);
    await writer.made("/", { flags: CreateMode.EPHEMERAL_SEQUENTIAL });
    expect(await watcher.pendingEvents()).toEqual([event.children("/")]);
    await watcher.getChildren("/", true);
    await writer.close();
    expect(await watcher.pendingEvents()).toEqual([event.children("/")]);
  });

  it("on the empty path are not those on the root", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getChildren("", true);
    await writer.made("/", { flags: CreateMode.EPHEMERAL_SEQUENTIAL });
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("go with their connection, not with their session", async (given) => {
    const [first, writer] = [await given.open(), await given.open()];
    await first.getData(given.path, true);
    const { id, password } = first.credentials;
    const second = await given.open({ sessionId: id, password });
    await first.ended();
    await second.getChildren(given.path, true);
    await writer.setData(given.path, "x");
    await writer.made(`${given.path}/a`);
    expect(await second.pendingEvents()).toEqual([event.children(given.path)]);
  });

  it("of one's own ephemeral nodes are told before the reply when the session closes", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    await session.getData(`${given.path}/e`, true);
    session.wire.write(requestFrame(9, -11));
    const messages = [await session.next(), await session.next()];
    expect(messages[0]?.event).toEqual(event.deleted(`${given.path}/e`));
    expect({ xid: messages[1]?.xid, err: messages[1]?.err }).toEqual({ xid: 9, err: 0 });
  });

  it("may be set with the reply to the change on its way: they see the next one", async (given) => {
    const session = await given.open();
    session.send("setData", { path: given.path, data: null, version: -1 });
    session.send("getData", { path: given.path, watch: true });
    session.send("setData", { path: given.path, data: null, version: -1 });
    const seen = [];
    for (let count = 0; count < 4; count += 1) {
      const { xid, event: told } = await session.next();
      seen.push(told === undefined ? xid : told.type);
    }
    expect(seen).toEqual([1, 2, 3, 3]);
  });
});

function createOf(path: string) {
  return { path, data: null, acl: [{ perms: 31, id: { scheme: "world", id: "anyone" } }], flags: 0 };
}
