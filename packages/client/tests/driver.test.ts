import { describe, expect, it } from "vitest";
import { isZkError } from "../src/index.js";
import { eventFrame, replyFrame } from "../src/testing/server-wire.js";
import { connected, only, scene, stat } from "./scene.js";

const bytes = (...values: number[]) => new Uint8Array(values);

describe("connecting", () => {
  it("goes from idle to connected, once for all who wait", async () => {
    const s = scene();
    expect(s.client.state).toBe("idle");
    const all = [s.client.connect(), s.client.connect()];
    const connection = await only(s).connection();
    expect(await connection.handshake({ sessionId: -3n, timeoutMs: 6000 })).toMatchObject({ timeOut: 9000 });
    await Promise.all(all);
    expect(s.states).toEqual(["connecting", "connected"]);
    expect(s.client.sessionId).toBe(-3n);
    expect(s.client.sessionTimeoutMs).toBe(6000);
    expect(s.client.server).toBe("10.0.0.1:2181");
    expect(only(s).accepted).toBe(1);
  });

  it("fails in time when every server refuses, and says why of each", async () => {
    const s = scene({ servers: 3, connectTimeoutMs: 5000 });
    for (const server of [1, 2, 3]) s.ports.transport.receive(`10.0.0.${server}:2181`, "refuse");
    const connecting = s.client.connect();
    const failed = expect(connecting).rejects.toMatchObject({ code: "CONNECT_TIMEOUT" });
    await s.ports.clock.advance(5000);
    await failed;
    expect(await connecting.catch((error: Error) => error.message)).toMatch(/10\.0\.0\.1:2181: ECONNREFUSED/);
    expect(s.client.state).toBe("idle");
    expect(s.ports.clock.timersAtMs).toEqual([]);
    expect(s.ports.transport.attempts.length).toBeLessThan(60);
  });

  it("passes over a server that takes connections and never answers", async () => {
    const s = scene({ servers: 2, sessionTimeoutMs: 4000 });
    s.ports.transport.receive("10.0.0.1:2181", "hang");
    const connecting = s.client.connect();
    const connection = s.servers[1]?.connection();
    await s.ports.clock.advance(3000);
    await (await connection)?.handshake();
    await connecting;
    expect(s.client.server).toBe("10.0.0.2:2181");
  });

  it("tries each address of a name, and then the name again", async () => {
    const s = scene();
    s.ports.resolver.answers("zk.example", "::1", "10.0.0.1");
    const { createClient } = await import("../src/index.js");
    const client = createClient("zk.example:2181", { ports: s.ports });
    const connecting = client.connect();
    const connection = await only(s).connection();
    await connection.handshake();
    await connecting;
    expect(new Set(s.ports.transport.attempts)).toContain("10.0.0.1:2181");
    expect(client.server).toBe("zk.example:2181");
    const closing = client.close();
    connection.acknowledge(await connection.expect("closeSession"));
    expect(await closing).toEqual({ confirmed: true });
  });

  it("survives a resolver that throws at once, and does not spin", async () => {
    const s = scene({ connectTimeoutMs: 10_000 });
    let asked = 0;
    const { createClient } = await import("../src/index.js");
    const client = createClient("nowhere:2181", {
      connectTimeoutMs: 10_000,
      ports: {
        ...s.ports,
        resolver: {
          resolve() {
            asked += 1;
            throw new Error("no resolver here");
          },
        },
      },
    });
    const failed = expect(client.connect()).rejects.toThrow(/no resolver here/);
    await s.ports.clock.advance(10_000);
    await failed;
    expect(asked).toBeGreaterThan(5);
    expect(asked).toBeLessThan(60);
  });
});

describe("calls", () => {
  it("of one burst leave in one write, and their answers come back in order", async () => {
    const s = scene();
    const connection = await connected(s);
    const before = s.ports.transport.last.toServer.deliveredBytes;
    const order: string[] = [];
    const all = ["/a", "/b", "/c"].map(async (path) => {
      await s.client.remove(path);
      order.push(path);
    });
    expect(s.ports.transport.last.toServer.waitingBytes).toBe(0);
    for (let request = 0; request < 3; request += 1)
      connection.acknowledge(await connection.expect("delete"));
    await Promise.all(all);
    expect(order).toEqual(["/a", "/b", "/c"]);
    expect(s.ports.transport.last.toServer.deliveredBytes - before).toBe(3 * 22);
  });

  it("tell an event before the reply that shows the change, to listeners and to those who await", async () => {
    const s = scene();
    const connection = await connected(s);
    const told: string[] = [];
    const armed = s.client.getData("/a", { watch: (event) => told.push(`event ${event.type}`) });
    connection.reply(await connection.expect("getData"), { data: null, stat });
    await armed;
    const write = s.client.setData("/a", bytes(1)).then(() => told.push("reply"));
    const request = await connection.expect("setData");
    const event = eventFrame({ type: "NodeDataChanged", path: "/a" });
    const reply = replyFrame(request, 0x200000000n, { stat });
    connection.send(new Uint8Array([...event, ...reply]));
    await write;
    expect(told).toEqual(["event NodeDataChanged", "reply"]);
  });

  it("tell a reply before the event that follows it, to those who await", async () => {
    const s = scene();
    const connection = await connected(s);
    const told: string[] = [];
    const read = (async () => {
      await s.client.getData("/a", { watch: () => told.push("event") });
      told.push("reply");
    })();
    const request = await connection.expect("getData");
    const reply = replyFrame(request, 0x200000000n, { data: null, stat });
    const event = eventFrame({ type: "NodeDataChanged", path: "/a" });
    connection.send(new Uint8Array([...reply, ...event]));
    await read;
    await s.ports.clock.settle();
    expect(told).toEqual(["reply", "event"]);
  });

  it("that were aborted reject at once and leave their place to the late reply", async () => {
    const s = scene();
    const connection = await connected(s);
    const controller = new AbortController();
    const read = s.client.getData("/a", { signal: controller.signal });
    const request = await connection.expect("getData");
    controller.abort(new Error("enough"));
    await expect(read).rejects.toMatchObject({
      code: "ABORTED",
      name: "AbortError",
      cause: new Error("enough"),
    });
    expect(s.client.load.inFlight).toBe(1);
    connection.reply(request, { data: null, stat });
    await s.ports.clock.settle();
    expect(s.client.load.inFlight).toBe(0);
    await expect(s.client.getData("/a", { signal: controller.signal })).rejects.toMatchObject({
      code: "ABORTED",
    });
  });

  it("fail at their deadline, by the injected clock", async () => {
    const s = scene();
    await connected(s);
    const write = s.client.setData("/a", bytes(1), { timeoutMs: 70 });
    const failed = expect(write).rejects.toMatchObject({
      code: "OPERATION_TIMEOUT",
      applied: "maybe",
      path: "/a",
    });
    await s.ports.clock.advance(70);
    await failed;
  });

  it("wait in bounded number; drained() says when there is room again", async () => {
    const s = scene({ limits: { queuedCallsMax: 2 } });
    const connecting = s.client.connect();
    const waiting = [s.client.remove("/a"), s.client.remove("/b")];
    await expect(s.client.remove("/c")).rejects.toMatchObject({ code: "QUEUE_FULL", applied: "no" });
    const drained = s.client.drained().then(() => "room");
    const connection = await only(s).connection();
    await connection.handshake();
    await connecting;
    expect(await drained).toBe("room");
    for (let request = 0; request < 2; request += 1)
      connection.acknowledge(await connection.expect("delete"));
    await Promise.all(waiting);
    await s.client.drained();
  });

  it("hold back while the socket is full, and go on when it drains", async () => {
    const s = scene();
    const connection = await connected(s);
    const wire = s.ports.transport.last.toServer;
    wire.roomBytes = 10_000;
    wire.hold();
    const first = s.client.setData("/a", new Uint8Array(20_000));
    await s.ports.clock.settle();
    const second = s.client.setData("/b", new Uint8Array(20_000));
    await s.ports.clock.settle();
    expect(s.client.load).toMatchObject({ inFlight: 1, queued: 1 });
    wire.release();
    for (const write of [first, second]) {
      connection.reply(await connection.expect("setData"), { stat });
      await write;
    }
  });
});

describe("room", () => {
  it("is not told while the bytes under way would have the call refused again: nobody spins", async () => {
    const s = scene({ limits: { queuedBytesMax: 3000 } });
    const connection = await connected(s);
    const first = s.client.setData("/a", new Uint8Array(2000));
    let tries = 0;
    const second = (async () => {
      for (;;) {
        tries += 1;
        try {
          return await s.client.setData("/b", new Uint8Array(1500));
        } catch (error) {
          if (!isZkError(error, "QUEUE_FULL")) throw error;
          await s.client.drained();
        }
      }
    })();
    await s.ports.clock.settle();
    expect(tries).toBe(1);
    connection.reply(await connection.expect("setData"), { stat });
    await first;
    connection.reply(await connection.expect("setData"), { stat });
    await second;
    expect(tries).toBe(2);
    await s.client.drained();
  });
});

describe("ports that fail", () => {
  it("a transport whose write throws has lost its connection", async () => {
    const s = scene();
    const open = s.ports.transport.open.bind(s.ports.transport);
    let isBroken = false;
    s.ports.transport.open = (target, events) => {
      const connection = open(target, events);
      return {
        write: (piece) => {
          if (isBroken) throw new Error("EPIPE");
          return connection.write(piece);
        },
        close: () => connection.close(),
      };
    };
    await connected(s);
    isBroken = true;
    await expect(s.client.setData("/a", bytes(1))).rejects.toMatchObject({
      code: "CONNECTION_LOSS",
      applied: "maybe",
    });
    expect(s.client.state).toBe("suspended");
  });

  it("a transport that cannot open counts as a refusal", async () => {
    const s = scene();
    s.ports.transport.open = () => {
      throw new Error("no sockets left");
    };
    const failed = expect(s.client.connect({ timeoutMs: 5000 })).rejects.toThrow(/no sockets left/);
    await s.ports.clock.advance(5000);
    await failed;
  });

  it("a history that throws is told of, and everything behind it happens", async () => {
    const errors: unknown[] = [];
    const s = scene({
      onHistory: () => {
        throw new Error("history");
      },
    });
    s.client.on("listenerError", (error) => errors.push(error));
    const connection = await connected(s);
    const write = s.client.remove("/a");
    connection.acknowledge(await connection.expect("delete"));
    await write;
    expect(errors).toHaveLength(4);
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

describe("closing", () => {
  it("leaves no timer and no connection behind, wherever it finds the client", async () => {
    for (const phase of ["idle", "connecting", "connected", "suspended", "expired"] as const) {
      const s = scene({ closeTimeoutMs: 500 });
      if (phase === "connecting") {
        s.client.connect().catch(() => {});
        await s.ports.clock.settle();
      } else if (phase !== "idle") {
        const connection = await connected(s);
        if (phase !== "connected") {
          connection.close();
          await s.ports.clock.settle();
        }
        if (phase === "expired") {
          await s.ports.clock.advance(1000);
          await (await only(s).connection()).handshake({ sessionId: 0n });
          await s.ports.clock.settle();
        }
      }
      expect(s.client.state).toBe(phase);
      const closing = s.client.close();
      await s.ports.clock.advance(500);
      expect(await closing).toEqual({ confirmed: phase === "idle" || phase === "expired" });
      expect(s.client.state).toBe("closed");
      expect(s.ports.clock.timersAtMs).toEqual([]);
      expect(s.ports.transport.openConnections).toEqual([]);
      await s.ports.clock.advance(60_000);
      expect(s.ports.clock.timersAtMs).toEqual([]);
    }
  });

  it("works from inside a listener and from inside a watch", async () => {
    const s = scene();
    const connection = await connected(s);
    const closed = new Promise<boolean>((resolve) => {
      void s.client.exists("/w", {
        watch: () => void s.client.close().then(({ confirmed }) => resolve(confirmed)),
      });
    });
    connection.refuse(await connection.expect("exists"), "NO_NODE");
    connection.notify({ type: "NodeCreated", path: "/w" });
    connection.acknowledge(await connection.expect("closeSession"));
    expect(await closed).toBe(true);
  });

  it("by await using", async () => {
    const s = scene();
    let connection: Awaited<ReturnType<typeof connected>> | undefined;
    const used = (async () => {
      await using client = s.client;
      connection = await connected(s);
      expect(client.state).toBe("connected");
    })();
    await s.ports.clock.settle();
    connection?.acknowledge(await connection.expect("closeSession"));
    await used;
    expect(s.client.state).toBe("closed");
  });
});

describe("listeners that throw", () => {
  it("neither stop nor reorder anything, and are told of", async () => {
    const s = scene();
    const errors: unknown[] = [];
    s.client.on("listenerError", (error) => errors.push(error));
    s.client.on("state", () => {
      throw new Error("state");
    });
    const later: string[] = [];
    s.client.on("state", (state) => later.push(state));
    const connection = await connected(s);
    const watches = [
      s.client.exists("/a", {
        watch: () => {
          throw new Error("sync");
        },
      }),
      s.client.exists("/a", { watch: () => Promise.reject(new Error("async")) }),
      s.client.exists("/a", { watch: () => later.push("watch") }),
    ];
    for (const _watch of watches) connection.refuse(await connection.expect("exists"), "NO_NODE");
    await Promise.all(watches);
    connection.notify({ type: "NodeCreated", path: "/a" });
    await s.ports.clock.settle();
    expect(later).toEqual(["connecting", "connected", "watch"]);
    expect(errors.map((error) => (error as Error).message)).toEqual(["state", "state", "sync", "async"]);
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
