// The lab's own session against servers that are no help: it must end, in time, with a reason.
import { createServer, type Server, type Socket } from "node:net";
import {
  ConnectResponse,
  CreateResponse,
  encode,
  encodeFrame,
  FrameSplitter,
  JuteReader,
  JuteWriter,
  ReplyHeader,
  RequestHeader,
} from "@zk/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { askServer } from "./ensemble/four-letter-client.js";
import { ProbeSession, probeServer } from "./probe-session.js";

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** A server on a port of its own that does this with every connection. */
async function serve(handle: (socket: Socket) => void): Promise<{ host: string; clientPort: number }> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    handle(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { host: "127.0.0.1", clientPort: (server.address() as { port: number }).port };
}

const accepted = { protocolVersion: 0, timeOut: 10_000, sessionId: 0x1234n, passwd: new Uint8Array(16) };

/** A server that opens a session and then answers each request with what `reply` gives. */
function serveSession(
  reply: (type: number) => { err: number; body?: Uint8Array },
): Promise<{ host: string; clientPort: number }> {
  return serve((socket) => {
    const splitter = new FrameSplitter();
    let isOpen = false;
    socket.on("data", (chunk) => {
      splitter.push(chunk);
      for (let frame = splitter.next(); frame !== null; frame = splitter.next()) {
        if (!isOpen) {
          isOpen = true;
          socket.write(encodeFrame(ConnectResponse, accepted));
          continue;
        }
        const { xid, type } = RequestHeader.read(new JuteReader(frame));
        const { err, body } = reply(type);
        const writer = new JuteWriter();
        const start = writer.beginFrame();
        ReplyHeader.write(writer, { xid, zxid: 1n, err });
        for (const byte of body ?? []) writer.byte((byte << 24) >> 24);
        writer.endFrame(start);
        // A notification and a ping's answer in between must not be taken for the reply.
        socket.write(encodeFrame(ReplyHeader, { xid: -2, zxid: 1n, err: 0 }));
        socket.write(writer.take());
      }
    });
  });
}

describe("a probe", () => {
  it.each<[string, (socket: Socket) => void, RegExp]>([
    ["says nothing", () => {}, /did not answer within 150 ms/],
    ["closes at once", (socket) => socket.end(), /closed the connection/],
    ["resets", (socket) => socket.resetAndDestroy(), /broke the connection|closed the connection/],
    ["sends garbage", (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"), /sent what is no frame/],
    ["sends half an answer", (socket) => socket.write(Uint8Array.of(0, 0, 0, 37, 0)), /did not answer/],
  ])("of a server that %s is refused in time", async (_, handle, message) => {
    const options = { ...(await serve(handle)), timeoutMs: 150 };
    await expect(ProbeSession.open(options)).rejects.toMatchObject({
      code: "SESSION_REFUSED",
      message: expect.stringMatching(message),
    });
  });

  it("of a port where nobody listens is refused", async () => {
    const gone = await serve(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    await expect(probeServer({ ...gone, timeoutMs: 1_000 }, "/x")).rejects.toMatchObject({
      code: "SESSION_REFUSED",
    });
  });

  it("tells a session that is over from one that is open", async () => {
    const over = { protocolVersion: 0, timeOut: 0, sessionId: 0n, passwd: new Uint8Array(16) };
    const server = await serve((socket) => socket.write(encodeFrame(ConnectResponse, over)));
    expect(await ProbeSession.open({ ...server, timeoutMs: 1_000 })).toBe(null);
    await expect(probeServer({ ...server, timeoutMs: 1_000 }, "/x")).rejects.toThrow(/refused a new session/);
  });

  it("ends with the signal's own reason", async () => {
    const reason = new Error("enough");
    const server = await serve(() => {});
    const controller = new AbortController();
    const open = ProbeSession.open({ ...server, timeoutMs: 10_000, signal: controller.signal });
    controller.abort(reason);
    await expect(open).rejects.toBe(reason);
    await expect(ProbeSession.open({ ...server, timeoutMs: 10_000, signal: controller.signal })).rejects.toBe(
      reason,
    );
  });

  it.each([
    [1, -110, /refused to create \/x: NODE_EXISTS/],
    [9, -4, /refused to sync \/x: CONNECTION_LOSS/],
    [4, -101, /refused to read \/x: NO_NODE/],
    [2, -103, /refused to remove \/x: BAD_VERSION/],
    [-11, -4, /refused to close the session: CONNECTION_LOSS/],
  ])("says at which step it was refused (op code %d)", async (failing, err, message) => {
    const server = await serveSession((type) => {
      if (type === failing) return { err };
      if (type === 1) return { err: 0, body: encode(CreateResponse, { path: "/x" }) };
      return type === 4 ? { err: 0, body: dataReply("lab probe /x") } : { err: 0 };
    });
    await expect(probeServer({ ...server, timeoutMs: 2_000 }, "/x")).rejects.toThrow(message);
  });

  it("is not content with other bytes than it wrote", async () => {
    const server = await serveSession((type) => {
      if (type === 1) return { err: 0, body: encode(CreateResponse, { path: "/x" }) };
      return type === 4 ? { err: 0, body: dataReply("something else") } : { err: 0 };
    });
    await expect(probeServer({ ...server, timeoutMs: 2_000 }, "/x")).rejects.toThrow(
      /gave other bytes for \/x/,
    );
  });

  it("takes a root that forbids children for a server that serves", async () => {
    const asked: number[] = [];
    const server = await serveSession((type) => {
      asked.push(type);
      return { err: type === 1 ? -102 : 0 };
    });
    await probeServer({ ...server, timeoutMs: 2_000 }, "/x");
    expect(asked).toEqual([1, 9, -11]);
  });
});

describe("a four-letter question", () => {
  it("gets the whole answer, however it comes", async () => {
    const server = await serve((socket) => {
      socket.once("data", (word) => {
        socket.write(`${word} `);
        setImmediate(() => socket.end("answered"));
      });
    });
    expect(await askServer(server, "ruok", 1_000)).toBe("ruok answered");
  });

  it("gets null from a server that says nothing, says nothing in time, or is not there", async () => {
    expect(await askServer(await serve((socket) => socket.end()), "srvr", 1_000)).toBe(null);
    expect(await askServer(await serve(() => {}), "srvr", 50)).toBe(null);
    const gone = await serve(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await askServer(gone, "srvr", 1_000)).toBe(null);
  });
});

/** The body of a reply to getData: the bytes and a stat of zeros. */
function dataReply(text: string): Uint8Array {
  const writer = new JuteWriter();
  writer.buffer(new TextEncoder().encode(text));
  for (let index = 0; index < 68; index++) writer.byte(0);
  return writer.take();
}
