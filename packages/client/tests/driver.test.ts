import { describe, expect, it } from "vitest";
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

  it("says how long nothing was heard of a server", async () => {
    const s = scene();
    expect(s.client.silentForMs).toBe(Number.POSITIVE_INFINITY);
    await connected(s);
    expect(s.client.silentForMs).toBe(0);
    await s.ports.clock.advance(700);
    expect(s.client.silentForMs).toBe(700);
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
