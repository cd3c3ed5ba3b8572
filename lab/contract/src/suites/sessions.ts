/** How sessions go on, move and end. */
import { OpCode } from "@zk/protocol";
import { expect } from "vitest";
import { tickTimeMs } from "../backends.js";
import { type Given, type Place, type Suite, suite } from "../behaviour.js";
import { event, expectBare, expectError } from "../expectations.js";
import type { Session } from "../wire/session.js";
import { eventually } from "../wire/wire.js";
import type { Handshake } from "../wire/wire-session.js";

const shortMs = 2 * tickTimeMs;

export const sessions: Suite = suite("sessions", "ensemble", (it) => {
  it("go on behind a new connection to the same server: same id, same password", async (given) => {
    const session = await given.open();
    session.drop();
    const again = await resume(given, session);
    expect(again.granted).toEqual(session.granted);
    expect((await again.exists(given.path)).err).toBe(0);
  });

  it("go on at every other server", async (given) => {
    let session = await given.open();
    for (const { id } of given.ensemble.servers) {
      session.drop();
      const again = await resume(given, session, { on: id });
      expect(again.credentials).toEqual(session.credentials);
      session = again;
    }
    expect((await session.create(`${given.path}/a`)).err).toBe(0);
  });

  it("get the timeout that is asked for at each connection", async (given) => {
    const session = await given.open({ timeoutMs: 10_000 });
    session.drop();
    expect((await resume(given, session, { timeoutMs: 20_000 })).granted.timeOut).toBe(20_000);
  });

  it("leave the byte about read-only out at each connection whose client did", async (given) => {
    const session = await given.open();
    session.drop();
    expect((await resume(given, session, { readOnly: null })).grantedBytes).toHaveLength(36);
  });

  it("are refused with a wrong password by zeros, and the connection ends", async (given) => {
    const session = await given.open();
    session.drop();
    const password = Uint8Array.from(session.credentials.password, (byte) => byte ^ 1);
    await expectRefused(given, { sessionId: session.id, password });
  });

  it("are refused with a password of another length, and with none", async (given) => {
    const session = await given.open();
    session.drop();
    const { id: sessionId, password } = session.credentials;
    await expectRefused(given, { sessionId, password: password.subarray(0, 15) });
    await expectRefused(given, { sessionId, password: Buffer.concat([password, Buffer.from([0])]) });
    await expectRefused(given, { sessionId, password: new Uint8Array(0) });
    await expectRefused(given, { sessionId, password: null });
  });

  it("live on when somebody comes with a wrong password", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    await expectRefused(given, { on: "leader", sessionId: session.id, password: new Uint8Array(16) });
    expect((await session.stat(`${given.path}/e`)).ephemeralOwner).toBe(session.id);
    expect((await session.setData(`${given.path}/e`, "x")).err).toBe(0);
  });

  it("lose their connection to whoever comes to the same server, even with a wrong password", async (given) => {
    const session = await given.open();
    await expectRefused(given, { sessionId: session.id, password: new Uint8Array(16) });
    await session.ended();
    expect((await resume(given, session)).id).toBe(session.id);
  });

  it("that never were are refused by zeros", async (given) => {
    await expectRefused(given, { sessionId: 0x0123_4567_89ab_cdefn, password: new Uint8Array(16) });
    await expectRefused(given, { on: "leader", sessionId: -1n, password: new Uint8Array(16) });
  });

  it("that were closed are refused by zeros, at every server", async (given) => {
    const session = await given.open();
    await session.close();
    const { id: sessionId, password } = session.credentials;
    for (const { id } of given.ensemble.servers) await expectRefused(given, { on: id, sessionId, password });
  });

  it("that are refused without the byte about read-only get 36 bytes of zeros", async (given) => {
    const wireSession = await given.open({ sessionId: 77n, readOnly: null });
    expect(Buffer.from(wireSession.grantedBytes).toString("hex")).toBe(
      `${"00".repeat(16)}00000010${"00".repeat(16)}`,
    );
    await wireSession.ended();
  });

  it("close with a reply of the request's xid, and then the connection ends", async (given) => {
    const session = await given.open();
    const before = await session.ping();
    const reply = await session.callBytes(OpCode.CLOSE_SESSION, undefined, 4711);
    expect({ xid: reply.xid, err: reply.err, bytes: reply.bytes.length }).toEqual({
      xid: 4711,
      err: 0,
      bytes: 0,
    });
    expect(reply.zxid).toBeGreaterThan(before.zxid);
    await session.ended();
  });

  it("take their ephemeral nodes with them when they close, all in one transaction", async (given) => {
    const [session, other] = [await given.open(), await given.open()];
    for (const name of ["a", "b", "c"]) await session.ephemeral(`${given.path}/${name}`);
    await session.made(`${given.path}/stays`);
    const { zxid } = await session.close();
    expect(await other.names(given.path)).toEqual(["stays"]);
    const { cversion, pzxid } = await other.stat(given.path);
    expect({ cversion, pzxid }).toEqual({ cversion: 7, pzxid: zxid });
  });

  it("that close give the watchers of their nodes the same word as any deletion", async (given) => {
    const [session, watcher] = [await given.open(), await given.open()];
    await session.ephemeral(`${given.path}/e`);
    await watcher.exists(`${given.path}/e`, true);
    await watcher.getChildren(given.path, true);
    await session.close();
    expect(await watcher.event()).toEqual(event.deleted(`${given.path}/e`));
    expect(await watcher.event()).toEqual(event.children(given.path));
  });

  it("that close without any node take a zxid too", async (given) => {
    const session = await given.open({ on: "leader" });
    const { zxid } = await session.ping();
    expect((await session.close()).zxid).toBe(zxid + 1n);
  });

  it("close with a body that nobody asked for", async (given) => {
    const session = await given.open();
    expectBare(await session.callBytes(OpCode.CLOSE_SESSION, Buffer.from("bye")));
    await session.ended();
  });

  it("have one connection: at the same server the new one ends the old one", async (given) => {
    const old = await given.open();
    const young = await resume(given, old);
    await old.ended();
    expect((await young.create(`${given.path}/a`)).err).toBe(0);
  });

  it("that moved to another server are refused their writes at the old one: it ends the connection", async (given) => {
    const old = await given.open();
    const young = await resume(given, old, { on: "leader" });
    // A leader grants the session before it owns it; whatever it answers next, it answers as the owner.
    await young.ping();
    old.send("create", { path: `${given.path}/old`, data: null, acl: [open], flags: 0 });
    await old.ended();
    expect((await young.create(`${given.path}/young`)).err).toBe(0);
    expect(await young.names(given.path)).toEqual(["young"]);
  });

  it("that moved are refused their closing at the old server", async (given) => {
    const old = await given.open();
    await old.ephemeral(`${given.path}/e`);
    const young = await resume(given, old, { on: "other follower" });
    old.drop();
    expect((await young.setData(`${given.path}/e`, "x")).err).toBe(0);
    expect((await young.stat(`${given.path}/e`)).ephemeralOwner).toBe(young.id);
  });

  it("that moved away from the leader are refused their reads there too", async (given) => {
    const old = await given.open({ on: "leader" });
    const young = await resume(given, old, { on: "follower" });
    expect((await young.create(`${given.path}/a`)).err).toBe(0);
    old.send("exists", { path: given.path, watch: false });
    await old.ended();
  });

  it("that moved away from a follower still have their reads there, as 3.4 does", async (given) => {
    const old = await given.open({ on: "follower" });
    const young = await resume(given, old, { on: "leader" });
    expect((await young.create(`${given.path}/a`)).err).toBe(0);
    expect((await old.exists(given.path)).err).toBe(0);
  });

  it("that move back take the writes with them", async (given) => {
    const first = await given.open();
    const second = await resume(given, first, { on: "leader" });
    expect((await second.create(`${given.path}/a`)).err).toBe(0);
    const third = await resume(given, second);
    expect((await third.create(`${given.path}/b`)).err).toBe(0);
    second.send("create", { path: `${given.path}/c`, data: null, acl: [open], flags: 0 });
    await second.ended();
    expect(await third.names(given.path)).toEqual(["a", "b"]);
  });

  it("keep their ephemeral nodes from connection to connection", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    const before = await session.stat(`${given.path}/e`);
    session.drop();
    const again = await resume(given, session, { on: "leader" });
    expect(await again.stat(`${given.path}/e`)).toEqual(before);
  });

  it("lose their watches with the connection", async (given) => {
    const [session, other] = [await given.open(), await given.open()];
    await session.getData(given.path, true);
    session.drop();
    const again = await resume(given, session);
    await other.setData(given.path, "x");
    expect(await again.pendingEvents()).toEqual([]);
  });

  it("begin their xids anew with each connection if they like", async (given) => {
    const session = await given.open();
    await session.exists(given.path);
    session.drop();
    const again = await resume(given, session);
    expect((await again.call("exists", { path: given.path, watch: false }, 1)).xid).toBe(1);
  });
});

export const expiry: Suite = suite("expiry", "ensemble", (it) => {
  it("ends the connection of a silent session without a word, not before its time", async (given) => {
    const begin = performance.now();
    const session = await given.open({ timeoutMs: shortMs });
    await session.ended();
    // The server rounds up, and its clock has whole milliseconds.
    expect(performance.now() - begin).toBeGreaterThanOrEqual(shortMs - 2);
  });

  it("makes the session unknown: coming back is answered by zeros, at every server", async (given) => {
    const session = await given.open({ timeoutMs: shortMs });
    await session.ended();
    const { id: sessionId, password } = session.credentials;
    for (const { id } of given.ensemble.servers) {
      await expectRefused(given, { on: id, sessionId, password });
    }
  });

  it("takes the ephemeral nodes of a session whose client is gone, and tells their watchers", async (given) => {
    const [session, watcher] = [await given.open({ timeoutMs: shortMs }), await given.open()];
    await session.ephemeral(`${given.path}/a`);
    await session.ephemeral(`${given.path}/b`);
    await watcher.exists(`${given.path}/a`, true);
    await watcher.exists(`${given.path}/b`, true);
    session.drop();
    const told = [await watcher.event(), await watcher.event()].map(({ type, path }) => ({ type, path }));
    expect(told).toContainEqual({ type: 2, path: `${given.path}/a` });
    expect(told).toContainEqual({ type: 2, path: `${given.path}/b` });
    const { pzxid } = await watcher.stat(given.path);
    expect(pzxid).toBe((await watcher.stat(given.path)).pzxid);
    expect(await watcher.names(given.path)).toEqual([]);
  });

  it("leaves the other nodes of the session", async (given) => {
    const [session, other] = [await given.open({ timeoutMs: shortMs }), await given.open()];
    await session.made(`${given.path}/stays`);
    await session.ephemeral(`${given.path}/goes`);
    await session.ended();
    await eventually("the ephemeral node to go", async () =>
      (await other.names(given.path)).includes("goes") ? undefined : true,
    );
    expect(await other.names(given.path)).toEqual(["stays"]);
  });

  it("does not come to a session that pings, in the time in which it comes to one that does not", async (given) => {
    const alive = await given.open({ timeoutMs: 1_000 });
    const silent = await given.open({ timeoutMs: 1_000 });
    await eventually("the silent session to end", async () => {
      expect((await alive.ping()).err).toBe(0);
      return silent.wire.isEnded ? true : undefined;
    });
    expect((await alive.create(`${given.path}/a`)).err).toBe(0);
  });

  it("does not come to a session that reads, at a follower", async (given) => {
    const alive = await given.open({ timeoutMs: 1_000 });
    const silent = await given.open({ timeoutMs: 1_000 });
    await eventually("the silent session to end", async () => {
      expect((await alive.exists(given.path)).err).toBe(0);
      return silent.wire.isEnded ? true : undefined;
    });
    expect((await alive.create(`${given.path}/a`)).err).toBe(0);
  });

  it("does not come to a session that came back", async (given) => {
    const session = await given.open({ timeoutMs: 1_000 });
    await session.ephemeral(`${given.path}/e`);
    session.drop();
    const again = await resume(given, session, { timeoutMs: 30_000 });
    const silent = await given.open({ timeoutMs: 1_000 });
    await silent.ended();
    expect((await again.stat(`${given.path}/e`)).ephemeralOwner).toBe(session.id);
  });

  it("comes to sessions of every server", async (given) => {
    const sessions = await Promise.all(
      given.ensemble.servers.map(({ id }) => given.open({ on: id, timeoutMs: shortMs })),
    );
    for (const session of sessions) await session.ended();
    expectError(await (await given.open()).exists(`${given.path}/a`), "NO_NODE");
  });
});

const open = { perms: 31, id: { scheme: "world", id: "anyone" } };

/** The same session on a new connection. */
function resume(given: Given, session: Session, options: Handshake & { on?: Place } = {}): Promise<Session> {
  const { id, password } = session.credentials;
  return given.open({ sessionId: id, password, ...options });
}

async function expectRefused(given: Given, options: Handshake & { on?: Place }): Promise<void> {
  const session = await given.open(options);
  expect(session.granted).toEqual({
    protocolVersion: 0,
    timeOut: 0,
    sessionId: 0n,
    passwd: new Uint8Array(16),
    readOnly: false,
  });
  await session.ended();
}
