/** How a session begins. */
import { ConnectRequest, encode, jute, OpCode } from "@zk/protocol";
import { expect } from "vitest";
import { maxSessionTimeoutMs, tickTimeMs } from "../backends.js";
import { type Suite, suite } from "../behaviour.js";
import { expectError } from "../expectations.js";
import { handshakeFrame, requestFrame, WireSession } from "../wire/wire-session.js";

export const handshake: Suite = suite("handshake", "ensemble", (it) => {
  it("gives a new session an id, a password of 16 bytes and the timeout asked for", async (given) => {
    const { granted, grantedBytes } = await given.open({ timeoutMs: 12_345 });
    expect(granted.protocolVersion).toBe(0);
    expect(granted.timeOut).toBe(12_345);
    expect(granted.sessionId).not.toBe(0n);
    expect(granted.passwd).toHaveLength(16);
    expect(granted.passwd).not.toEqual(new Uint8Array(16));
    expect(granted.readOnly).toBe(false);
    expect(grantedBytes).toHaveLength(37);
  });

  it("leaves the byte about read-only out where the client did", async (given) => {
    const { granted, grantedBytes } = await given.open({ readOnly: null });
    expect(grantedBytes).toHaveLength(36);
    expect(granted.readOnly).toBeUndefined();
    expect(granted.sessionId).not.toBe(0n);
  });

  it("takes a client that would do with a read-only server, and says that it is not one", async (given) => {
    const { granted } = await given.open({ readOnly: true });
    expect(granted.readOnly).toBe(false);
    expect(granted.sessionId).not.toBe(0n);
  });

  it("grants the limits themselves", async (given) => {
    expect((await given.open({ timeoutMs: 2 * tickTimeMs })).granted.timeOut).toBe(2 * tickTimeMs);
    expect((await given.open({ timeoutMs: maxSessionTimeoutMs })).granted.timeOut).toBe(maxSessionTimeoutMs);
  });

  it("raises a timeout below two ticks, zero and negative ones too", async (given) => {
    for (const timeoutMs of [2 * tickTimeMs - 1, 1, 0, -1, -2_147_483_648]) {
      expect((await given.open({ timeoutMs })).granted.timeOut).toBe(2 * tickTimeMs);
    }
  });

  it("lowers a timeout above the longest", async (given) => {
    for (const timeoutMs of [maxSessionTimeoutMs + 1, 2_147_483_647]) {
      expect((await given.open({ timeoutMs })).granted.timeOut).toBe(maxSessionTimeoutMs);
    }
  });

  it("puts the server's number into the first byte of the id", async (given) => {
    for (const { id } of given.ensemble.servers) {
      const session = await given.open({ on: id });
      expect(BigInt.asUintN(64, session.id) >> 56n).toBe(BigInt(id));
    }
  });

  it("counts ids up at each server", async (given) => {
    const [first, second] = [await given.open(), await given.open()];
    expect(second.id).toBe(first.id + 1n);
  });

  it("gives each session another password", async (given) => {
    const [first, second] = [await given.open(), await given.open()];
    expect(second.granted.passwd).not.toEqual(first.granted.passwd);
  });

  it("is a transaction: the next zxid is one more", async (given) => {
    const session = await given.open({ on: "leader" });
    const { zxid } = await session.ping();
    const next = await given.open({ on: "leader" });
    expect((await next.ping()).zxid).toBe(zxid + 1n);
  });

  it("takes no notice of the version of the protocol", async (given) => {
    for (const protocolVersion of [1, -1, 2_147_483_647]) {
      const { granted } = await given.open({ protocolVersion });
      expect(granted.protocolVersion).toBe(0);
      expect(granted.sessionId).not.toBe(0n);
    }
  });

  it("takes no notice of the password of a new session, of whatever length", async (given) => {
    for (const length of [0, 1, 15, 32]) {
      const { granted } = await given.open({ password: new Uint8Array(length).fill(7) });
      expect(granted.passwd).toHaveLength(16);
    }
  });

  it("takes a client that has seen nothing, or less than nothing", async (given) => {
    expect((await given.open({ lastZxidSeen: 0n })).id).not.toBe(0n);
    expect((await given.open({ lastZxidSeen: -1n })).id).not.toBe(0n);
  });

  it("takes a client that has seen all that the server has", async (given) => {
    const session = await given.open();
    const { zxid } = await session.create(`${given.path}/a`);
    expect((await given.open({ lastZxidSeen: zxid })).id).not.toBe(0n);
  });

  it("ends the connection of a client that has seen more than the server, without an answer", async (given) => {
    for (const { id } of given.ensemble.servers) {
      const wire = await given.connect(id);
      wire.write(handshakeFrame({ lastZxidSeen: 0x7fff_ffff_ffff_ffffn }));
      await wire.end();
    }
  });

  it("refuses a client that has seen more even when its session lives, and the session lives on", async (given) => {
    const session = await given.open();
    const { id, password } = session.credentials;
    session.drop();
    const wire = await given.connect();
    wire.write(handshakeFrame({ lastZxidSeen: 0x7fff_ffff_0000_0000n, sessionId: id, password }));
    await wire.end();
    expect((await given.open({ sessionId: id, password })).id).toBe(id);
  });

  it("never answers a new session with a null password, as 3.4 does not; others do not feel it", async (given) => {
    const wire = await given.connect();
    wire.write(handshakeFrame({ password: null }));
    const other = await given.open();
    expect((await other.exists(given.path)).err).toBe(0);
    await given.open();
    expect({ isEnded: wire.isEnded, bytes: wire.receivedBytes }).toEqual({ isEnded: false, bytes: 0 });
  });

  it("takes bytes behind the request", async (given) => {
    const wire = await given.connect();
    const body = Buffer.concat([handshakeFrame().subarray(4), Buffer.from("more of it")]);
    wire.write(Buffer.concat([encode(jute.int, body.length), body]));
    expect((await wire.frame()).length).toBe(37);
  });

  it("takes any byte but zero for read-only", async (given) => {
    const wire = await given.connect();
    const frame = Buffer.from(handshakeFrame());
    frame[frame.length - 1] = 9;
    wire.write(frame);
    expect((await wire.frame()).length).toBe(37);
  });

  it("ends the connection at a request that ends too early, wherever", async (given) => {
    const body = handshakeFrame({ readOnly: null }).subarray(4);
    for (const length of [0, 1, 4, 12, 16, 24, 28, 43]) {
      const wire = await given.connect();
      wire.write(Buffer.concat([encode(jute.int, length), body.subarray(0, length)]));
      await wire.end();
    }
  });

  it("ends the connection at a password of a negative or an endless length", async (given) => {
    for (const length of [-2, 0x7fff_ffff]) {
      const wire = await given.connect();
      const body = Buffer.from(encode(ConnectRequest, request()));
      body.writeInt32BE(length, 24);
      wire.write(Buffer.concat([encode(jute.int, body.length), body]));
      await wire.end();
    }
  });

  it("takes a request that comes byte by byte", async (given) => {
    const wire = await given.connect();
    for (const byte of handshakeFrame()) await wire.writeOut(Uint8Array.of(byte));
    expect((await wire.frame()).length).toBe(37);
  });

  it("answers what was sent behind it before it was answered", async (given) => {
    const wire = await given.connect();
    wire.write(Buffer.concat([handshakeFrame(), requestFrame(-2, OpCode.PING)]));
    const session = new WireSession(wire, given.server(), await wire.frame());
    expect((await session.reply(-2)).err).toBe(0);
  });

  it("comes once: a second one is a request with an unknown op code", async (given) => {
    const session = await given.open();
    session.wire.write(handshakeFrame());
    const reply = await session.next();
    expect({ xid: reply.xid, zxid: reply.zxid, err: reply.err }).toEqual({ xid: 0, zxid: -1n, err: -6 });
    await session.ended();
  });

  it("has no part for four-letter words behind it: they are the length of a frame", async (given) => {
    const session = await given.open();
    session.wire.write("ruok");
    await session.ended();
  });

  it("leaves nothing where a client goes away before it has said anything", async (given) => {
    (await given.connect()).destroy();
    const half = await given.connect();
    half.write(handshakeFrame().subarray(0, 20));
    half.destroy();
    expectError(await (await given.open()).exists(`${given.path}/a`), "NO_NODE");
  });
});

function request(): ConnectRequest {
  return {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeOut: 10_000,
    sessionId: 0n,
    passwd: new Uint8Array(16),
    readOnly: false,
  };
}
