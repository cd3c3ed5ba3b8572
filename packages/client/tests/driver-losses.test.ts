import { describe, expect, it } from "vitest";
import { isZkError } from "../src/index.js";
import { connected, only, scene, stat } from "./scene.js";

const bytes = (...values: number[]) => new Uint8Array(values);

describe("a lost connection", () => {
  it("is followed by credentials, watches and what waited, in this order, on the wire", async () => {
    const s = scene({ auth: [{ scheme: "digest", auth: "a:1" }] });
    const first = await connected(s);
    first.acknowledge(await first.expect("auth"));
    const watched = s.client.exists("/w", { watch: () => {} });
    first.refuse(await first.expect("exists"), "NO_NODE");
    await watched;
    const sent = s.client.getData("/sent");
    await first.expect("getData");
    const lost = s.client.setData("/lost", bytes(1));
    const isLost = expect(lost).rejects.toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe" });
    await first.expect("setData");
    first.close();
    await isLost;
    const queued = s.client.getChildren("/queued");
    await s.ports.clock.advance(1000);
    const second = await only(s).connection();
    expect(await second.handshake()).toMatchObject({
      sessionId: first.sessionId,
      lastZxidSeen: s.client.lastZxid,
    });
    second.acknowledge(await second.expect("auth"));
    const rearm = await second.expect("setWatches");
    expect(rearm.body.existWatches).toEqual(["/w"]);
    second.acknowledge(rearm);
    second.reply(await second.expect("getData"), { data: null, stat });
    second.reply(await second.expect("getChildren2"), { children: ["x"], stat });
    await sent;
    expect(await queued).toEqual(["x"]);
    expect(s.states).toEqual(["connecting", "connected", "suspended", "connected"]);
  });

  it.each([0, 1, 3, 4, 10, 20, 41])("after %i bytes of the answers is got over", async (after) => {
    const s = scene({ servers: 1 });
    const connection = await connected(s);
    s.ports.transport.last.toClient.cutAfter(after);
    const reads = [s.client.exists("/a"), s.client.exists("/b")];
    for (let request = 0; request < 2; request += 1)
      connection.refuse(await connection.expect("exists"), "NO_NODE");
    await s.ports.clock.advance(1000);
    const again = after < 40 ? await only(s).connection() : connection;
    if (after < 40) {
      await again.handshake();
      for (let request = after < 20 ? 0 : 1; request < 2; request += 1)
        again.refuse(await again.expect("exists"), "NO_NODE");
    }
    expect(await Promise.all(reads)).toEqual([null, null]);
  });

  it("that nobody tells of is noticed by silence", async () => {
    const s = scene({ servers: 2 });
    const connecting = s.client.connect();
    const first = await Promise.race(s.servers.map((server) => server.connection()));
    await first.handshake();
    await connecting;
    s.ports.transport.last.swallow();
    await s.ports.clock.advance(5999);
    expect(s.client.state).toBe("connected");
    await s.ports.clock.advance(1);
    expect(s.client.state).toBe("suspended");
    expect(s.ports.transport.attempts).toHaveLength(2);
  });

  it("whose session is over is followed by a new session, if that was asked for", async () => {
    const s = scene({ afterExpiry: "renew" });
    const first = await connected(s);
    first.close();
    await s.ports.clock.advance(1000);
    await (await only(s).connection()).handshake({ sessionId: 0n });
    await s.ports.clock.advance(1000);
    const third = await only(s).connection();
    expect(await third.handshake()).toMatchObject({ sessionId: 0n });
    await s.ports.clock.settle();
    expect(s.states).toEqual(["connecting", "connected", "suspended", "expired", "connecting", "connected"]);
    expect(s.client.sessionId).toBe(third.sessionId);
  });

  it("whose session is over tells expired, and connect() starts a new one", async () => {
    const s = scene();
    const first = await connected(s);
    const events: unknown[] = [];
    const watched = s.client.exists("/w", { watch: (event) => events.push(event) });
    first.refuse(await first.expect("exists"), "NO_NODE");
    await watched;
    first.close();
    await s.ports.clock.advance(1000);
    await (await only(s).connection()).handshake({ sessionId: 0n });
    await s.ports.clock.settle();
    expect(s.client.state).toBe("expired");
    expect(events).toEqual([{ type: "None", path: "/w", state: "expired" }]);
    await expect(s.client.getData("/a")).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
    const again = s.client.connect();
    expect(await (await only(s).connection()).handshake()).toMatchObject({ sessionId: 0n });
    await again;
    expect(s.states).toEqual(["connecting", "connected", "suspended", "expired", "connecting", "connected"]);
  });

  it("works one byte at a time", async () => {
    const s = scene();
    const connecting = s.client.connect();
    const connection = await only(s).connection();
    s.ports.transport.last.toClient.chunkBytesMax = 1;
    s.ports.transport.last.toServer.chunkBytesMax = 1;
    await connection.handshake();
    await connecting;
    const read = s.client.getData("/a");
    connection.reply(await connection.expect("getData"), { data: bytes(1, 2, 3), stat });
    expect((await read).data).toEqual(bytes(1, 2, 3));
  });
});

describe("a stalled process", () => {
  it("hears suspended before any answer that lay there", async () => {
    const s = scene();
    const connection = await connected(s);
    const told: string[] = [];
    s.client.on("state", (state) => told.push(state));
    const write = s.client.remove("/a").then(() => told.push("reply"));
    const request = await connection.expect("delete");
    s.ports.clock.stall(10_000);
    connection.acknowledge(request);
    await write;
    await s.ports.clock.advance(0);
    expect(told).toEqual(["suspended", "reply", "connected"]);
  });

  it("shows nobody the state of before the stall, whoever runs first", async () => {
    const s = scene();
    await connected(s);
    s.ports.clock.stall(9001);
    // As a timer of the user would, that fires before ours.
    expect(s.client.state).toBe("suspended");
    await s.ports.clock.settle();
    // The ping that went out with it was answered.
    expect(s.states).toEqual(["connecting", "connected", "suspended", "connected"]);
  });

  it("reads what waits before it judges the silence", async () => {
    const s = scene();
    const connection = await connected(s);
    const write = s.client.remove("/a");
    const request = await connection.expect("delete");
    s.ports.clock.stall(7000);
    connection.acknowledge(request);
    await s.ports.clock.advance(0);
    await write;
    expect(s.states).toEqual(["connecting", "connected"]);
  });
});

describe("a read-only server", () => {
  it("is left for one of the quorum as soon as that answers rw", async () => {
    const s = scene({ servers: 2, readOnly: true });
    s.ports.transport.receive("10.0.0.2:2181", "refuse");
    const connecting = s.client.connect();
    const first = await s.servers[0]?.connection();
    expect((await first?.handshake({ readOnly: true }))?.readOnly).toBe(true);
    await connecting;
    expect(s.client.state).toBe("readonly");
    await s.ports.clock.advance(5000);
    expect(s.client.state).toBe("readonly");
    s.ports.transport.receive("10.0.0.2:2181", "accept");
    const moving = s.servers[1]?.connection().then((connection) => connection.handshake());
    await s.ports.clock.advance(20_000);
    expect((await moving)?.sessionId).toBe(0n);
    expect(s.client.state).toBe("connected");
    expect(s.client.server).toBe("10.0.0.2:2181");
    expect(s.states).toEqual(["connecting", "readonly", "suspended", "connected"]);
  });

  it("is kept while the others are read-only, silent or unresolvable", async () => {
    const s = scene({ servers: 2, readOnly: true, closeTimeoutMs: 1 });
    s.ports.transport.receive("10.0.0.2:2181", "refuse");
    const connecting = s.client.connect();
    const first = await s.servers[0]?.connection();
    await first?.handshake({ readOnly: true });
    await connecting;
    s.ports.resolver.hangs("10.0.0.2");
    await s.ports.clock.advance(5000);
    s.ports.resolver.fails("10.0.0.2");
    await s.ports.clock.advance(5000);
    s.ports.resolver.answers("10.0.0.2", "10.0.0.2");
    s.ports.transport.receive("10.0.0.2:2181", "hang");
    await s.ports.clock.advance(20_000);
    expect(s.ports.transport.attempts.length).toBeGreaterThan(2);
    expect(s.client.state).toBe("readonly");
    const closing = s.client.close();
    await s.ports.clock.advance(2000);
    await closing;
    expect(s.ports.clock.timersAtMs).toEqual([]);
  });
});

describe("garbage", () => {
  it("from a server never reaches the process, and the client goes on", async () => {
    const s = scene();
    const connecting = s.client.connect();
    const garbage = [
      bytes(),
      bytes(0xff, 0xff, 0xff, 0xff),
      bytes(0x7f, 0xff, 0xff, 0xff),
      bytes(0, 0, 0, 0),
      bytes(0, 0, 0, 1, 9),
      new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"),
    ];
    for (const piece of garbage) {
      const connection = await only(s).connection();
      await connection.connectRequest();
      connection.send(piece);
      connection.close();
      await s.ports.clock.advance(1000);
    }
    let connection = await only(s).connection();
    await connection.handshake();
    await connecting;
    for (const piece of garbage.slice(1)) {
      const write = s.client.setData("/a", bytes(1));
      await connection.expect("setData");
      const failed = write.catch((error: unknown) => error);
      connection.send(piece);
      connection.send(piece);
      connection.close();
      const error = await failed;
      expect(isZkError(error) && error.applied).toBe("maybe");
      await s.ports.clock.advance(1000);
      connection = await only(s).connection();
      await connection.handshake();
    }
    await s.ports.clock.settle();
    expect(s.client.state).toBe("connected");
  });
});
