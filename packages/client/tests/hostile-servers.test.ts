import { createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient, isZkError } from "../src/index.js";
import { connectResponseFrame, headerFrame } from "../src/testing/server-wire.js";

// Real sockets, real time, and servers that mean ill. The process must not notice.

const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);

beforeAll(() => {
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
});

afterAll(() => {
  process.off("unhandledRejection", note);
  process.off("uncaughtException", note);
  expect(unhandled).toEqual([]);
});

/** A server on a free port of this machine, and its connection string. */
async function serve(
  behave: (socket: Socket) => void,
): Promise<{ where: string; connects(): number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  let connects = 0;
  const server: Server = createServer((socket) => {
    connects += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    behave(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    where: `127.0.0.1:${address.port}`,
    connects: () => connects,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const granted = connectResponseFrame({ sessionId: 77n, timeoutMs: 4000 }, {} as never);
const garbage = (count: number, seed: number) =>
  Uint8Array.from({ length: count }, (_, index) => (index * 7 + seed * 31) % 256);

const VILLAINS: Readonly<Record<string, (socket: Socket) => void>> = {
  "closes at once": (socket) => socket.end(),
  "resets at once": (socket) => socket.resetAndDestroy(),
  "says nothing": () => {},
  "sends garbage at once": (socket) => void socket.write(garbage(5000, 1)),
  "sends garbage instead of an answer": (socket) =>
    void socket.on("data", () => socket.write(garbage(100, 2))),
  "answers in HTTP": (socket) => void socket.on("data", () => socket.end("HTTP/1.0 400 Bad Request\r\n\r\n")),
  "grants, then closes": (socket) => void socket.once("data", () => socket.end(granted)),
  "grants, then resets": (socket) =>
    void socket.once("data", () => socket.write(granted, () => socket.resetAndDestroy())),
  "grants, then garbage": (socket) =>
    void socket.once("data", () => socket.write(new Uint8Array([...granted, ...garbage(1000, 3)]))),
  "grants, then a frame without end": (socket) =>
    void socket.once("data", () => socket.write(new Uint8Array([...granted, 0, 1, 0, 0, 1, 2, 3]))),
  "grants, then answers what was not asked": (socket) =>
    void socket.once("data", () =>
      socket.write(new Uint8Array([...granted, ...headerFrame({ xid: 99, zxid: 1n, err: 0 })])),
    ),
  "grants a millisecond": (socket) =>
    void socket.once("data", () =>
      socket.write(connectResponseFrame({ sessionId: 7n, timeoutMs: 1 }, {} as never)),
    ),
  "grants 24 days": (socket) =>
    void socket.once("data", () =>
      socket.write(connectResponseFrame({ sessionId: 7n, timeoutMs: 2_147_483_647 }, {} as never)),
    ),
  "grants, then echoes": (socket) =>
    void socket.once("data", () => {
      socket.write(granted);
      socket.on("data", (bytes) => socket.write(bytes));
    }),
};

describe("a server that", () => {
  it.each(Object.keys(VILLAINS))(
    "%s: everything is settled, in time, and nothing else happens",
    async (name) => {
      await using server = await serve(VILLAINS[name] as (socket: Socket) => void);
      const client = createClient(server.where, {
        sessionTimeoutMs: 4000,
        connectTimeoutMs: 400,
        operationTimeoutMs: 400,
        closeTimeoutMs: 100,
        auth: [{ scheme: "digest", auth: "a:b" }],
      });
      const wishes = [
        client.connect(),
        client.getData("/a"),
        client.setData("/a", "x"),
        client.exists("/a", { watch: () => {} }),
        client.addAuth("digest", "c:d"),
        client.transaction().check("/a").commit(),
      ];
      for (const settled of await Promise.allSettled(wishes)) {
        if (settled.status === "rejected") expect(isZkError(settled.reason)).toBe(true);
      }
      expect(server.connects()).toBeLessThan(60);
      await client.close();
      expect(client.state).toBe("closed");
      expect(client.load).toEqual({ queued: 0, inFlight: 0, bytes: 0, watches: 0 });
    },
  );
});
