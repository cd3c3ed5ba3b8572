import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { createClient } from "../index.js";
import { listenOnLoopback } from "./loopback.js";
import { ManualResolver } from "./manual-resolver.js";
import { memoryPorts } from "./memory-ports.js";
import { ScriptedServer } from "./scripted-server.js";
import { SeededRandomness } from "./seeded-randomness.js";

describe("ScriptedServer", () => {
  it("speaks the server's side in memory: sessions and zxids go on over its connections", async () => {
    const ports = memoryPorts();
    const server = new ScriptedServer({ zxid: 41n });
    ports.transport.listen("10.0.0.1:2181", server);
    const client = createClient("10.0.0.1:2181", { ports });
    const connecting = client.connect();
    const first = await server.connection();
    const asked = await first.connectRequest();
    expect(asked.sessionId).toBe(0n);
    expect(await first.handshake()).toBe(asked);
    await connecting;
    expect(client.sessionId).toBe(first.sessionId);
    const made = client.create("/a");
    const request = await first.expect("create");
    expect(first.reply(request, { path: "/a" })).toBe(42n);
    expect(await made).toEqual({ path: "/a", zxid: 42n });
    first.close();
    expect(await first.ended).toBe("the server closed the connection");
    await expect(first.frame()).rejects.toThrow(/no more frames/);
    await ports.clock.advance(1000);
    const second = await server.connection();
    expect(await second.handshake()).toMatchObject({ sessionId: first.sessionId, lastZxidSeen: 42n });
    expect(server.accepted).toBe(2);
    await ports.clock.settle();
    client.close().catch(() => {});
    second.acknowledge(await second.expect("closeSession"));
    expect(second.unread).toBe(0);
  });

  it("says what it saw instead of what was expected", async () => {
    const ports = memoryPorts();
    const server = new ScriptedServer();
    ports.transport.listen("10.0.0.1:2181", server);
    const client = createClient("10.0.0.1:2181", { ports });
    const connecting = client.connect();
    const connection = await server.connection();
    await connection.handshake();
    await connecting;
    client.getData("/a").catch(() => {});
    await expect(connection.expect("create")).rejects.toThrow("expected create, saw getData");
    const waiting = connection.next();
    ports.transport.last.cut();
    await expect(waiting).rejects.toThrow(/ECONNRESET/);
    const closing = client.close();
    await ports.clock.advance(10_000);
    await closing;
  });

  it("answers pings by itself, unless it is told not to", async () => {
    for (const answersPings of [true, false]) {
      const ports = memoryPorts();
      const server = new ScriptedServer({ answersPings });
      ports.transport.listen("10.0.0.1:2181", server);
      const client = createClient("10.0.0.1:2181", { ports, sessionTimeoutMs: 3000, closeTimeoutMs: 1 });
      const connecting = client.connect();
      const connection = await server.connection();
      await connection.handshake();
      await connecting;
      await ports.clock.advance(2500);
      expect(client.state).toBe(answersPings ? "connected" : "suspended");
      expect(connection.unread > 0).toBe(!answersPings);
      const closing = client.close();
      await ports.clock.advance(1);
      await closing;
    }
  });

  it("works on a real port, four-letter words included", async () => {
    const server = new ScriptedServer({ isro: "ro" });
    await using listener = await listenOnLoopback(server);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = "";
      const socket = connect(listener.port, "127.0.0.1", () => socket.write("isro"));
      socket.on("data", (piece) => {
        text += piece.toString();
      });
      socket.on("close", () => resolve(text));
      socket.on("error", reject);
    });
    expect(answer).toBe("ro");
    const client = createClient(listener.connectionString);
    const connecting = client.connect();
    const connection = await server.connection();
    await connection.handshake();
    await connecting;
    const read = client.exists("/a");
    connection.refuse(await connection.expect("exists"), "NO_NODE");
    expect(await read).toBeNull();
    const closing = client.close();
    connection.acknowledge(await connection.expect("closeSession"));
    expect(await closing).toEqual({ confirmed: true });
    expect(server.accepted).toBe(1);
    await expect(listenOnLoopback(server, listener.port)).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

describe("localhost", () => {
  it("is reached although only one of its addresses is listened on", async () => {
    const server = new ScriptedServer();
    await using listener = await listenOnLoopback(server);
    const client = createClient(`localhost:${listener.port}`);
    const connecting = client.connect();
    const connection = await server.connection();
    await connection.handshake();
    await connecting;
    expect(client.server).toBe(`localhost:${listener.port}`);
    const closing = client.close();
    connection.acknowledge(await connection.expect("closeSession"));
    expect((await closing).confirmed).toBe(true);
  });
});

describe("ManualResolver", () => {
  it("knows literal addresses, what it was told, and nothing else", async () => {
    const resolver = new ManualResolver()
      .answers("zk", "10.0.0.1", "::1")
      .fails("bad", "no such thing")
      .hangs("slow");
    expect(await resolver.resolve("10.1.2.3")).toEqual(["10.1.2.3"]);
    expect(await resolver.resolve("fe80::1")).toEqual(["fe80::1"]);
    expect(await resolver.resolve("zk")).toEqual(["10.0.0.1", "::1"]);
    await expect(resolver.resolve("bad")).rejects.toThrow("no such thing");
    await expect(resolver.resolve("stranger")).rejects.toThrow("ENOTFOUND stranger");
    void resolver.resolve("slow");
    expect(resolver.asked).toEqual(["10.1.2.3", "fe80::1", "zk", "bad", "stranger", "slow"]);
  });
});

describe("SeededRandomness", () => {
  it("repeats itself, and makes proper identifiers", () => {
    const draw = (seed: number) => {
      const randomness = new SeededRandomness(seed);
      return [randomness.seed(), randomness.uuid(), randomness.uuid()];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const [seed, one, two] = draw(3);
    expect(Number.isInteger(seed)).toBe(true);
    expect(one).not.toBe(two);
    for (const uuid of [one, two])
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
