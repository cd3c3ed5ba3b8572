/** In which order things are seen. */
import { AuthPacket, CreateMode, encode, OpCode, Xid } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { event, expectBare, expectError, expectOk } from "../expectations.js";
import { eventually } from "../wire/wire.js";

export const ordering: Suite = suite("order", "ensemble", (it) => {
  it("of replies is that of the requests, writes and reads by turns", async (given) => {
    const session = await given.open();
    const sent: number[] = [];
    for (let count = 0; count < 30; count += 1) {
      sent.push(session.send("setData", { path: given.path, data: null, version: -1 }));
      sent.push(session.send("getData", { path: given.path, watch: false }));
      sent.push(session.send("sync", { path: given.path }));
    }
    const got: number[] = [];
    for (const _ of sent) got.push((await session.next()).xid);
    expect(got).toEqual(sent);
  });

  it("lets a read right behind a write see it", async (given) => {
    const session = await given.open();
    for (let version = 1; version <= 20; version += 1) {
      session.send("setData", { path: given.path, data: null, version: -1 });
      const xid = session.send("exists", { path: given.path, watch: false });
      await session.next();
      const reply = await session.answerTo("exists", xid);
      expect(expectOk(reply).stat.version).toBe(version);
    }
  });

  it("lets a ping wait for the write before it", async (given) => {
    const session = await given.open();
    const xid = session.send("setData", { path: given.path, data: null, version: -1 });
    session.sendBytes(OpCode.PING, undefined, Xid.PING);
    const [write, ping] = [await session.next(), await session.next()];
    expect([write.xid, ping.xid]).toEqual([xid, Xid.PING]);
    expect(ping.zxid).toBeGreaterThanOrEqual(write.zxid);
  });

  it("lets credentials overtake a write before them", async (given) => {
    // Only once in a while does a write win against them: they are answered where they are read.
    const session = await given.open();
    await eventually("credentials that come first", async () => {
      const write = session.send("setData", { path: given.path, data: null, version: -1 });
      const auth = session.sendBytes(OpCode.AUTH, authBody, Xid.AUTH);
      const order = [(await session.next()).xid, (await session.next()).xid];
      expect([...order].sort()).toEqual([auth, write].sort());
      return order[0] === auth ? true : undefined;
    });
  });

  it("of zxids in the replies of a session never goes back", async (given) => {
    const [session, other] = [await given.open(), await given.open({ on: "leader" })];
    let last = 0n;
    for (let count = 0; count < 20; count += 1) {
      other.send("setData", { path: given.path, data: null, version: -1 });
      for (const reply of [
        await session.exists(given.path),
        await session.setData(given.path, null),
        await session.ping(),
      ]) {
        expect(reply.zxid).toBeGreaterThanOrEqual(last);
        last = reply.zxid;
      }
    }
  });

  it("of writes is told by their zxids: each has its own, from a single counter", async (given) => {
    const session = await given.open();
    const zxids: bigint[] = [];
    for (let count = 0; count < 5; count += 1) zxids.push((await session.setData(given.path, null)).zxid);
    expect(zxids.map((zxid) => zxid - (zxids[0] ?? 0n))).toEqual([0n, 1n, 2n, 3n, 4n]);
  });

  it("of writes of one session is the order in which they were sent", async (given) => {
    const session = await given.open();
    const flags = CreateMode.PERSISTENT_SEQUENTIAL;
    const xids = Array.from({ length: 50 }, () =>
      session.send("create", { path: `${given.path}/n-`, data: null, acl: [everybody], flags }),
    );
    for (const [index, xid] of xids.entries()) {
      const reply = await session.answerTo("create", xid);
      expect(expectOk(reply).path).toBe(`${given.path}/n-${String(index).padStart(10, "0")}`);
    }
  });

  it("of writes is the same at every server", async (given) => {
    const sessions = await Promise.all(given.ensemble.servers.map(({ id }) => given.open({ on: id })));
    const flags = CreateMode.PERSISTENT_SEQUENTIAL;
    const paths = await Promise.all(
      sessions.map(async (session) => {
        const request = { path: `${given.path}/n-`, data: null, acl: [everybody], flags };
        const xids = Array.from({ length: 10 }, () => session.send("create", request));
        const own: string[] = [];
        for (const xid of xids) own.push(expectOk(await session.answerTo("create", xid)).path);
        expect(own).toEqual([...own].sort());
        return own;
      }),
    );
    expect(new Set(paths.flat()).size).toBe(30);
    const last = (await sessions[0]?.ping())?.zxid ?? 0n;
    for (const session of sessions) await session.reach(last);
    const stats = await Promise.all(sessions.map((session) => session.stat(given.path)));
    expect(
      new Set(stats.map(({ cversion, pzxid, numChildren }) => `${cversion} ${pzxid} ${numChildren}`)).size,
    ).toBe(1);
    expect(stats[0]?.numChildren).toBe(30);
  });

  it("lets a session see its own writes wherever it goes", async (given) => {
    let session = await given.open();
    for (const { id } of [...given.ensemble.servers, ...given.ensemble.servers]) {
      const { zxid } = await session.setData(given.path, String(id));
      session.drop();
      const { id: sessionId, password } = session.credentials;
      session = await eventually("a server that is not behind", async () =>
        given.open({ on: id, sessionId, password, lastZxidSeen: zxid }).catch(() => undefined),
      );
      expect((await session.stat(given.path)).mzxid).toBe(zxid);
    }
  });

  it("lets sync bring up what another server has acknowledged", async (given) => {
    const [reader, writer] = [await given.open(), await given.open({ on: "other follower" })];
    for (let version = 1; version <= 20; version += 1) {
      await writer.setData(given.path, String(version));
      expectOk(await reader.sync(given.path));
      expect(await reader.text(given.path)).toBe(String(version));
    }
  });

  it("lets every server see a write in the end, whole", async (given) => {
    const writer = await given.open();
    const reply = await writer.setData(given.path, "seen");
    for (const { id } of given.ensemble.servers) {
      const session = await given.open({ on: id });
      await session.reach(reply.zxid);
      expect(await session.stat(given.path)).toEqual(expectOk(reply).stat);
    }
  });

  it("of what a session is told and what it reads is one: no read shows a change before its watch has told it", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open({ on: "leader" })];
    for (let version = 1; version <= 10; version += 1) {
      const first = await watcher.getData(given.path, true);
      expect(expectOk(first).stat.version).toBe(version - 1);
      await writer.setData(given.path, String(version));
      let told = 0;
      await eventually("the change to be read", async () => {
        const reply = await watcher.exists(given.path);
        told += reply.before.length;
        if (expectOk(reply).stat.version === version - 1) return undefined;
        expect(told).toBe(1);
        return true;
      });
    }
  });
});

export const syncAndPing: Suite = suite("sync and ping", "ensemble", (it) => {
  it("sync answers with the path as it came, there or not, well-formed or not", async (given) => {
    const session = await given.open();
    for (const path of [given.path, `${given.path}/missing`, "/", "", "no slash", "//"]) {
      expect(expectOk(await session.sync(path))).toEqual({ path });
    }
  });

  it("sync is no transaction", async (given) => {
    const session = await given.open();
    const { zxid } = await session.setData(given.path, "x");
    expect((await session.sync(given.path)).zxid).toBe(zxid);
    expect((await session.sync(given.path)).zxid).toBe(zxid);
  });

  it("sync works through the leader", async (given) => {
    const session = await given.open({ on: "leader" });
    expect(expectOk(await session.sync(given.path))).toEqual({ path: given.path });
  });

  it("sync that cannot be read is MARSHALLING_ERROR", async (given) => {
    const session = await given.open();
    expectError(await session.callBytes(OpCode.SYNC, Buffer.from([0, 0, 0, 9])), "MARSHALLING_ERROR");
    expect(expectOk(await session.sync("/"))).toEqual({ path: "/" });
  });

  it("ping answers with the last zxid of the server", async (given) => {
    const session = await given.open();
    const { zxid } = await session.setData(given.path, "x");
    const reply = await session.ping();
    expectBare(reply);
    expect({ xid: reply.xid, zxid: reply.zxid }).toEqual({ xid: Xid.PING, zxid });
  });

  it("ping is answered with its own xid whatever it came with", async (given) => {
    const session = await given.open();
    for (const xid of [77, 0, -1, 2_147_483_647]) {
      session.sendBytes(OpCode.PING, undefined, xid);
      expect((await session.next()).xid).toBe(Xid.PING);
    }
  });

  it("ping takes no notice of a body", async (given) => {
    const session = await given.open();
    expectBare(await session.callBytes(OpCode.PING, Buffer.from("hello"), Xid.PING));
  });

  it("pings are answered one by one", async (given) => {
    const session = await given.open();
    for (let count = 0; count < 100; count += 1) session.sendBytes(OpCode.PING, undefined, Xid.PING);
    for (let count = 0; count < 100; count += 1) expect((await session.next()).xid).toBe(Xid.PING);
  });

  it("a ping finds nothing between two changes that a watch has told", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    expect((await watcher.ping()).before).toEqual([]);
    await writer.setData(given.path, "x");
    expect((await watcher.ping()).before).toEqual([event.changed(given.path)]);
    expect((await watcher.ping()).before).toEqual([]);
  });
});

const everybody = { perms: 31, id: { scheme: "world", id: "anyone" } };
const authBody = encode(AuthPacket, { type: 0, scheme: "ip", auth: new Uint8Array(0) });
