// The sockets in front of a model: clients that misbehave, many of them, and listeners that throw.
import { connect, type Socket } from "node:net";
import { createClient } from "@zk/client";
import {
  ConnectRequest,
  CreateRequest,
  encodeFrame,
  GetDataRequest,
  JuteWriter,
  OPEN_ACL_UNSAFE,
  OpCode,
  RequestHeader,
} from "@zk/protocol";
import { describe, expect, it } from "vitest";
import {
  type ConnectionSink,
  EnsembleModel,
  ModelDriver,
  startMemoryEnsemble,
  VirtualClock,
} from "../src/index.js";
import { plainAddress } from "../src/io/tcp.js";

const hello = encodeFrame(ConnectRequest, {
  protocolVersion: 0,
  lastZxidSeen: 0n,
  timeOut: 10_000,
  sessionId: 0n,
  passwd: new Uint8Array(16),
  readOnly: false,
});

function request(xid: number, type: number, write: (writer: JuteWriter) => void = () => {}): Uint8Array {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  RequestHeader.write(writer, { xid, type });
  write(writer);
  writer.endFrame(start);
  return writer.take();
}

function create(xid: number, path: string, data: Uint8Array): Uint8Array {
  return request(xid, OpCode.CREATE, (writer) =>
    CreateRequest.write(writer, { path, data, acl: OPEN_ACL_UNSAFE, flags: 0 }),
  );
}

/** A request for the data of a path, without a watch. */
function getData(xid: number, path: string): Uint8Array {
  return request(xid, OpCode.GET_DATA, (writer) => GetDataRequest.write(writer, { path, watch: false }));
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Everything until the server's end. */
function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.once("close", () => resolve(Buffer.concat(chunks)));
  });
}

/** At least so many bytes. */
function readBytes(socket: Socket, count: number): Promise<number> {
  let bytes = 0;
  return new Promise((resolve) => {
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      if (bytes >= count) resolve(bytes);
    });
  });
}

async function eventually(isSo: () => boolean): Promise<void> {
  const until = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > until) throw new Error(`not within 20 s: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function one() {
  const ensemble = await startMemoryEnsemble({ servers: 1, maxClientCnxns: 0 });
  const [server] = ensemble.servers;
  return { ensemble, port: server?.clientPort ?? 0 };
}

describe("the sockets of a model", () => {
  it("take a session that comes byte by byte", async () => {
    const { ensemble, port } = await one();
    const socket = await open(port);
    socket.setNoDelay(true);
    const answers = readAll(socket);
    for (const byte of [...hello, ...request(1, OpCode.CLOSE_SESSION)]) {
      await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve));
    }
    const answer = await answers;
    // A ConnectResponse of 37 bytes and a reply header of 16, each behind its length.
    expect(answer.length).toBe(4 + 37 + 4 + 16);
    await eventually(() => ensemble.driver.connectionCount === 0);
    await ensemble.stop();
  });

  it("answer a word to a client that has shut its own side", async () => {
    const { ensemble, port } = await one();
    const socket = await open(port);
    const answer = readAll(socket);
    socket.end("srvr");
    expect(String(await answer)).toMatch(/^Zookeeper version: 3\.4\.6.*Mode: standalone/s);
    await ensemble.stop();
  });

  it("let go of a client that has shut its own side in the middle of a session", async () => {
    const { ensemble, port } = await one();
    const socket = await open(port);
    const answers = readAll(socket);
    socket.write(hello);
    await eventually(() => ensemble.driver.connectionCount === 1);
    socket.end();
    await answers;
    await eventually(() => ensemble.driver.connectionCount === 0);
    await ensemble.stop();
  });

  it("reset clients of a server that is killed, and refuse them until it is back on the same port", async () => {
    const { ensemble, port } = await one();
    const socket = await open(port);
    socket.write(hello);
    await readBytes(socket, 41);
    const ended = new Promise<string>((resolve) => {
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      socket.once("end", () => resolve("end"));
    });
    await ensemble.kill(1);
    expect(["ECONNRESET", "end"]).toContain(await ended);
    await expect(open(port)).rejects.toThrow(/ECONNREFUSED/);
    await ensemble.start(1);
    (await open(port)).destroy();
    expect(ensemble.servers[0]?.clientPort).toBe(port);
    await ensemble.stop();
  });

  it("hold back a client that asks and never reads, and nobody else", async () => {
    const { ensemble, port } = await one();
    const socket = await open(port);
    socket.pause();
    socket.write(hello);
    socket.write(create(1, "/big", new Uint8Array(500_000)));
    // 150 MB of answers, were they all made.
    const asked = 300;
    for (let xid = 2; xid < asked + 2; xid += 1) socket.write(getData(xid, "/big"));
    const before = process.memoryUsage().rss;
    await using client = createClient(ensemble.connectionString);
    await client.connect();
    for (let round = 0; round < 50; round += 1) await client.create(`/n${round}`, "x");
    const grownBytes = process.memoryUsage().rss - before;
    expect(grownBytes).toBeLessThan(75 * 1024 * 1024);
    // It gets them all when it reads.
    const wanted = asked * 500_000;
    expect(await readBytes(socket.resume(), wanted)).toBeGreaterThanOrEqual(wanted);
    socket.destroy();
    await ensemble.stop();
  });

  it("forget clients that connect and never say anything", async () => {
    const { ensemble, port } = await one();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(port)));
    await eventually(() => ensemble.driver.connectionCount === 20);
    for (const socket of sockets) socket.resetAndDestroy();
    await eventually(() => ensemble.driver.connectionCount === 0);
    await ensemble.stop();
  });

  it("serve a thousand connections at once", async () => {
    const { ensemble, port } = await one();
    const sockets = await Promise.all(Array.from({ length: 1_000 }, () => open(port)));
    const answers = sockets.map((socket) => readBytes(socket, 41));
    for (const socket of sockets) socket.write(hello);
    await Promise.all(answers);
    expect(ensemble.driver.connectionCount).toBe(1_000);
    expect((await ensemble.status()).servers[0]?.connections).toBe(1_001);
    const ends = sockets.map(readAll);
    await ensemble.kill(1);
    await Promise.all(sockets.map((socket) => socket.on("error", () => {}))).then(() => Promise.all(ends));
    expect(ensemble.driver.connectionCount).toBe(0);
    await ensemble.stop();
  });

  it("end with the ensemble, with connections open", async () => {
    const { ensemble, port } = await one();
    const socket = await open(port);
    socket.on("error", () => {});
    const ended = readAll(socket);
    await ensemble.stop();
    await ended;
    await expect(open(port)).rejects.toThrow(/ECONNREFUSED/);
  });

  it("see an IPv4 client as one, also through a socket of both kinds", () => {
    expect(plainAddress("::ffff:10.1.2.3")).toBe("10.1.2.3");
    expect(plainAddress("::FFFF:10.1.2.3")).toBe("10.1.2.3");
    expect(plainAddress("10.1.2.3")).toBe("10.1.2.3");
    expect(plainAddress("::1")).toBe("::1");
    expect(plainAddress("fe80::1%eth0")).toBe("fe80::1");
  });
});

describe("a driver", () => {
  const peer = { address: "127.0.0.1", port: 1 };

  function start() {
    const clock = new VirtualClock();
    const driver = new ModelDriver(new EnsembleModel({ servers: 1 }), clock);
    const faults: unknown[] = [];
    driver.listen({ fault: (error) => faults.push(error) });
    driver.begin();
    return { clock, driver, faults };
  }

  function collector(): ConnectionSink & { readonly heard: string[] } {
    const heard: string[] = [];
    return {
      heard,
      send: (bytes) => heard.push(`${bytes.length} bytes`),
      end: (how) => heard.push(how),
      reading: (isReading) => heard.push(isReading ? "reads" : "does not read"),
    };
  }

  it("loses the connection whose sink throws, and serves the others", async () => {
    const { clock, driver, faults } = start();
    const broken = collector();
    const thrown = new Error("a sink that throws");
    const first = driver.accept(1, peer, {
      ...broken,
      send: () => {
        throw thrown;
      },
    });
    const sink = collector();
    const second = driver.accept(1, peer, sink);
    first.received(new TextEncoder().encode("ruok"));
    second.received(new TextEncoder().encode("ruok"));
    await clock.runUntilIdle();
    expect(faults).toEqual([thrown]);
    expect(sink.heard).toEqual(["4 bytes", "fin"]);
    expect(broken.heard).toEqual([]);
    expect(driver.connectionCount).toBe(0);
    first.received(new Uint8Array(4));
    first.closed();
    await clock.runUntilIdle();
  });

  it("goes on when whoever listens to it throws", async () => {
    const { clock, driver, faults } = start();
    const fail = (): never => {
      throw new Error("a listener that throws");
    };
    driver.listen({ settled: fail, log: fail, dirty: fail, listening: fail });
    const sink = collector();
    driver.accept(1, peer, sink).received(new TextEncoder().encode("ruok"));
    await clock.runUntilIdle();
    expect(sink.heard).toEqual(["4 bytes", "fin"]);
    expect(faults.length).toBeGreaterThan(0);
  });

  it("keeps what comes for a paused server, in order, until it goes on", async () => {
    const { clock, driver } = start();
    const sink = collector();
    driver.control({ kind: "pause", server: 1 });
    const connection = driver.accept(1, peer, sink);
    connection.received(new TextEncoder().encode("ru"));
    connection.received(new TextEncoder().encode("ok"));
    await clock.advance(5_000);
    expect(sink.heard).toEqual(["does not read"]);
    driver.control({ kind: "resume", server: 1 });
    await clock.runUntilIdle();
    expect(sink.heard).toEqual(["does not read", "reads", "4 bytes", "fin"]);
  });

  it("resets what waits for a paused server that dies", async () => {
    const { clock, driver } = start();
    const sink = collector();
    driver.control({ kind: "pause", server: 1 });
    driver.accept(1, peer, sink).received(new TextEncoder().encode("ruok"));
    driver.control({ kind: "kill", server: 1 });
    expect(driver.isListening(1)).toBe(false);
    expect(sink.heard).toEqual(["does not read", "reset"]);
    driver.control({ kind: "start", server: 1 });
    await clock.runUntilIdle();
    expect(driver.isListening(1)).toBe(true);
    expect(driver.connectionCount).toBe(0);
  });

  it("has one timer at most, and none when it is stopped", async () => {
    const { clock, driver } = start();
    for (let round = 0; round < 20; round += 1) {
      driver.accept(1, peer, collector());
      await clock.advance(100);
      expect(clock.timerCount).toBeLessThanOrEqual(1);
    }
    driver.stop();
    driver.stop();
    expect(clock.timerCount).toBe(0);
    expect(driver.connectionCount).toBe(0);
    const late = collector();
    driver.accept(1, peer, late).received(new Uint8Array(4));
    await clock.runUntilIdle();
    expect(late.heard).toEqual([]);
  });
});
