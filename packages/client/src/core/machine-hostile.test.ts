import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";
import { eventFrame, headerFrame } from "../testing/server-wire.js";

function up(options: ConstructorParameters<typeof MachineHarness>[0] = {}): MachineHarness {
  const h = new MachineHarness(options);
  h.machine.diagnosing = true;
  h.up();
  return h;
}

const int = (value: number) => new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A frame with these bytes as its payload. */
function frame(...parts: Uint8Array[]): Uint8Array {
  const payload = parts.flatMap((part) => [...part]);
  return new Uint8Array([...int(payload.length), ...payload]);
}

const long = (value: bigint) =>
  new Uint8Array([...int(Number(value >> 32n)), ...int(Number(BigInt.asIntN(32, value)))]);

/** The machine must survive, say why, and be able to go on. */
function survives(h: MachineHarness, reason: RegExp): void {
  const events = h.log.flatMap((output) => (output.kind === "diagnostic" ? [output.event] : []));
  expect(events.filter(({ type }) => type === "internalError")).toEqual([]);
  const reasons = events.flatMap((event) => ("reason" in event ? [event.reason] : []));
  expect(reasons.join("\n")).toMatch(reason);
  h.comeBack();
  expect(h.state).toBe("connected");
  const call = h.call("remove", "/after");
  h.acknowledge(h.requests().findLast(({ operation }) => operation === "delete")!);
  expect(call.status).toBe("settled");
}

describe("instead of a connect response", () => {
  const response = (
    timeOut: number,
    sessionId: bigint,
    password: Uint8Array | null,
    more: Uint8Array = new Uint8Array([0]),
  ) =>
    frame(
      int(0),
      int(timeOut),
      long(sessionId),
      password === null ? int(-1) : int(password.length),
      password ?? new Uint8Array(),
      more,
    );
  const password = new Uint8Array(16);

  it.each<[string, Uint8Array, RegExp]>([
    ["a web server", ascii("HTTP/1.1 400 Bad Request\r\n\r\n"), /1213486160 bytes/],
    ["a TLS alert", new Uint8Array([0x15, 3, 1, 0, 2, 2, 70]), /352518400 bytes/],
    ["a negative length", int(-1), /-1 bytes/],
    ["a huge length", int(0x7fffffff), /2147483647 bytes/],
    ["an empty frame", int(0), /cannot be read/],
    ["four bytes", frame(int(1)), /cannot be read/],
    [
      "the reply header of a read-only server of 3.7",
      headerFrame({ xid: 0, zxid: 0x500000003n, err: -119 }),
      /read-only/,
    ],
    [
      "a response without a password's end",
      frame(int(0), int(6000), long(5n), int(16), new Uint8Array(3)),
      /cannot be read/,
    ],
    ["no session", response(6000, 0n, password), /granted no session/],
    ["no timeout", response(0, 5n, password), /granted no session/],
    ["a negative timeout", response(-5, 5n, password), /no connect response/],
    ["an event", eventFrame({ type: "NodeCreated", path: "/a/node" }), /no connect response/],
    [
      "a reply to somebody else",
      headerFrame({ xid: 7, zxid: 0n, err: 0 }, (writer) => writer.buffer(password)),
      /no connect response/,
    ],
    ["no password", response(6000, 5n, null), /password/],
    ["an empty password", response(6000, 5n, new Uint8Array()), /password/],
    ["a long password", response(6000, 5n, new Uint8Array(65)), /password/],
    [
      "read-only mode that nobody asked for",
      response(6000, 5n, password, new Uint8Array([1])),
      /not asked for/,
    ],
    ["two kilobytes", frame(new Uint8Array(2000)), /2000 bytes/],
    [
      "the first kilobytes of a frame that never ends",
      new Uint8Array([0, 1, 0, 0, ...new Uint8Array(2000)]),
      /far more/,
    ],
  ])("%s", (_what, bytes, reason) => {
    const h = new MachineHarness();
    h.machine.diagnosing = true;
    const connecting = h.connect();
    h.reach();
    h.receive(bytes);
    expect(h.state).toBe("connecting");
    expect(connecting.status).toBe("pending");
    survives(h, reason);
  });

  it.each<[string, Uint8Array]>([
    ["an event", eventFrame({ type: "NodeCreated", path: "/a/node" })],
    [
      "a reply to somebody else",
      headerFrame({ xid: 7, zxid: 0n, err: 0 }, (writer) => writer.buffer(password)),
    ],
    ["a negative timeout", response(-5, 0n, password)],
    ["nothing that can be read", frame(int(0), int(0), long(0n), int(16))],
  ])("%s does not end a session: only a real answer does", (_what, bytes) => {
    const h = up();
    h.disconnect();
    h.advance(200);
    h.reach();
    h.receive(bytes);
    expect(h.state).toBe("suspended");
    h.comeBack();
    expect(h.question?.sessionId).toBe(0x51n);
    expect(h.state).toBe("connected");
  });

  it("a response without the read-only byte, byte by byte, is taken", () => {
    const h = new MachineHarness();
    h.connect();
    h.reach();
    const bytes = response(6000, 5n, password, new Uint8Array());
    for (const byte of bytes.subarray(0, -1)) {
      h.receive(new Uint8Array([byte]));
      expect(h.state).toBe("connecting");
    }
    h.receive(bytes.subarray(-1));
    expect(h.state).toBe("connected");
  });

  it("a response with more in the same bytes is taken, and so is what follows", () => {
    const h = new MachineHarness();
    h.connect();
    h.reach();
    h.receive(response(6000, 5n, password), eventFrame({ type: "NodeCreated", path: "/nobody" }));
    expect(h.state).toBe("connected");
  });

  it("a response with garbage in the same bytes is taken, and the connection is lost again", () => {
    const h = new MachineHarness();
    h.machine.diagnosing = true;
    const connecting = h.connect();
    h.reach();
    h.receive(response(6000, 5n, password), int(-7));
    expect(connecting.status).toBe("settled");
    expect(h.state).toBe("suspended");
    survives(h, /-7 bytes/);
  });

  it.each([1, 2_147_483_647])("a timeout of %i is lived with", (timeOut) => {
    const h = new MachineHarness();
    h.connect();
    h.reach();
    h.receive(response(timeOut, 5n, password));
    expect(h.state).toBe("connected");
    expect(h.machine.sessionTimeoutMs).toBe(timeOut);
    expect(h.advance(1000).length).toBeLessThan(200);
    expect(Number.isFinite(h.machine.nextDeadlineMs())).toBe(true);
    const closing = h.close(100);
    h.advance(100);
    expect(closing.value).toEqual({ confirmed: false });
  });
});

describe("on a connection that stands", () => {
  const event = (type: number, path: Uint8Array) =>
    frame(int(-1), long(-1n), int(0), int(type), int(3), path);
  const text = (value: string) => new Uint8Array([...int(value.length), ...ascii(value)]);

  it.each<[string, Uint8Array, RegExp]>([
    ["a negative length", int(-2_147_483_648), /-2147483648 bytes/],
    ["an empty frame", int(0), /broke the protocol/],
    ["half a header", frame(int(1), int(0)), /broke the protocol/],
    ["a reply to nothing", headerFrame({ xid: 77, zxid: 1n, err: 0 }), /request 77/],
    ["a reply to request 0", headerFrame({ xid: 0, zxid: 1n, err: 0 }), /request 0/],
    ["a reply to a negative request", headerFrame({ xid: -77, zxid: 1n, err: 0 }), /request -77/],
    ["a ping reply", headerFrame({ xid: -2, zxid: 1n, err: 0 }), /ping/],
    ["an auth reply", headerFrame({ xid: -4, zxid: 0n, err: 0 }), /auth/],
    ["a setWatches reply", headerFrame({ xid: -8, zxid: 1n, err: 0 }), /SetWatches/],
    ["an event that is cut short", frame(int(-1), long(-1n), int(0), int(1)), /WatcherEvent/],
    ["an event with a null path", event(1, int(-1)), /path/],
    ["an event with a path longer than its frame", event(1, int(1000)), /path/],
    ["an event with a negative path length", event(1, int(-2)), /path/],
  ])("%s costs the connection and nothing else", (_what, bytes, reason) => {
    const h = up();
    const read = h.call("getData", "/a");
    const write = h.call("setData", "/a");
    h.requests();
    h.receive(bytes);
    expect(h.state).toBe("suspended");
    expect(read.status).toBe("pending");
    expect(write.error).toMatchObject({ applied: "maybe" });
    survives(h, reason);
  });

  it("a huge length is the fault of the oldest request, which is not sent again", () => {
    const h = up();
    const oldest = h.call("getData", "/a");
    const other = h.call("getData", "/b");
    h.requests();
    h.receive(int(0x7fffffff));
    expect(oldest.error?.code).toBe("REPLY_TOO_LARGE");
    expect(other.status).toBe("pending");
    survives(h, /2147483647 bytes/);
  });

  it.each([-1, -2, 0, 5, 7, 99, 2_147_483_647])("an event of the odd type %i is passed over", (type) => {
    const h = up();
    const watcher = {};
    h.call("exists", "/a", { watcher });
    h.refuse(h.request("exists"), "NO_NODE");
    h.receive(event(type, text("/a")));
    expect(h.state).toBe("connected");
    expect(h.machine.load.watches).toBe(1);
    expect(h.log.filter(({ kind }) => kind === "watch")).toEqual([]);
  });

  it("an event for a path that nobody watches is passed over, also one that is no path", () => {
    const h = up();
    h.receive(event(1, text("not a path \u0000")));
    h.receive(event(3, text("")));
    expect(h.state).toBe("connected");
  });

  it("a doubled reply is a reply to nothing", () => {
    const h = up();
    const call = h.call("remove", "/a");
    const reply = headerFrame({ xid: h.request("delete").xid, zxid: 1n, err: 0 });
    h.receive(reply, reply);
    expect(call).toMatchObject({ status: "settled", endings: 1 });
    expect(h.state).toBe("suspended");
  });

  it("what follows a broken frame in the same bytes is not looked at", () => {
    const h = up();
    const call = h.call("remove", "/a", { retry: "always" });
    const { xid } = h.request("delete");
    h.receive(headerFrame({ xid: 99, zxid: 1n, err: 0 }), headerFrame({ xid, zxid: 2n, err: 0 }));
    expect(call.status).toBe("pending");
    expect(h.machine.lastZxid).toBe(0n);
  });

  it("a reply with more bytes than its record is taken: newer servers append fields", () => {
    const h = up();
    const call = h.call("create", "/a");
    h.receive(
      headerFrame({ xid: h.request("create").xid, zxid: 1n, err: 0 }, (writer) => {
        writer.ustring("/a");
        writer.long(99n);
      }),
    );
    expect(call.value).toEqual({ path: "/a" });
  });

  it("a children list that claims more names than it has bytes fails the call, without the memory", () => {
    const h = up();
    const call = h.call("getChildren", "/a");
    h.receive(
      headerFrame({ xid: h.request("getChildren2").xid, zxid: 1n, err: 0 }, (writer) =>
        writer.int(0x7fffffff),
      ),
    );
    expect(call.error).toMatchObject({ code: "PROTOCOL", applied: "no" });
    survives(h, /cannot be read/);
  });

  it("a refused SetWatches costs the connection", () => {
    const h = up();
    h.call("exists", "/w", { watcher: {} });
    h.refuse(h.request("exists"), "NO_NODE");
    h.disconnect();
    h.comeBack();
    h.refuse(h.request("setWatches"), "MARSHALLING_ERROR");
    expect(h.state).toBe("suspended");
    survives(h, /refused to set the watches/);
  });

  it("what follows the end of a connection in the same bytes is not held against the next attempt", () => {
    const h = up();
    h.call("exists", "/w", { watcher: {} });
    h.refuse(h.request("exists"), "NO_NODE");
    h.disconnect();
    h.comeBack();
    h.advance(1000);
    h.receive(
      headerFrame({ xid: -8, zxid: 1n, err: -5 }),
      new Uint8Array([0, 1, 0, 0]),
      new Uint8Array(3000),
    );
    expect(h.machine.phase).toBe("resolving");
  });

  it("a thousand rounds of garbage leave nothing behind", () => {
    const h = up();
    for (let round = 0; round < 1000; round += 1) {
      h.call("setData", "/a");
      h.receive(int(-1));
      h.requests();
      h.comeBack();
    }
    expect(h.machine.load).toEqual({ queued: 0, inFlight: 0, bytes: 0, watches: 0 });
    expect(h.machine.attemptFailures.length).toBeLessThanOrEqual(1);
  });
});
