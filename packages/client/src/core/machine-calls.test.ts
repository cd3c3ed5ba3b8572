import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";

function up(options: ConstructorParameters<typeof MachineHarness>[0] = {}): MachineHarness {
  const h = new MachineHarness(options);
  h.up();
  return h;
}

describe("sending", () => {
  it("numbers requests from 1 and goes on counting over reconnects", () => {
    const h = up();
    h.call("getData", "/a");
    h.call("getData", "/b", { retry: "none" });
    expect(h.requests().map(({ xid }) => xid)).toEqual([1, 2]);
    h.disconnect();
    h.comeBack();
    expect(h.requests().map(({ xid, body }) => [xid, (body as { path: string }).path])).toEqual([[3, "/a"]]);
  });

  it("puts the requests of several steps into one write", () => {
    const h = up();
    for (const path of ["/a", "/b", "/c"]) h.feed({ kind: "call", call: h.newCall("getData", path).target });
    expect(h.drain().filter(({ kind }) => kind === "write")).toHaveLength(1);
    expect(h.requests()).toHaveLength(3);
  });

  it("keeps at most outstandingMax requests unanswered, and sends on in order as replies come", () => {
    const h = up({ limits: { outstandingMax: 2 } });
    for (const path of ["/a", "/b", "/c", "/d"]) h.call("remove", path);
    expect(h.machine.load).toMatchObject({ inFlight: 2, queued: 2 });
    const [first] = h.requests();
    h.acknowledge(first!);
    expect(h.machine.load).toMatchObject({ inFlight: 2, queued: 1 });
    expect(h.request("delete").body.path).toBe("/c");
  });

  it("holds back while the transport is full, and goes on when it has room", () => {
    const h = up();
    h.step({ kind: "blocked", epoch: h.machine.epoch });
    h.call("getData", "/a");
    expect(h.requests()).toEqual([]);
    h.step({ kind: "drained", epoch: h.machine.epoch - 1 });
    expect(h.requests()).toEqual([]);
    h.step({ kind: "drained", epoch: h.machine.epoch });
    expect(h.request("getData").body.path).toBe("/a");
  });

  it("wraps the xid before it becomes negative, and never uses 0", () => {
    const h = up({ firstXid: 2_147_483_646 });
    for (let sent = 0; sent < 4; sent += 1) h.call("remove", "/a");
    const requests = h.requests();
    expect(requests.map(({ xid }) => xid)).toEqual([2_147_483_646, 2_147_483_647, 1, 2]);
    for (const request of requests) h.acknowledge(request);
    expect(h.machine.load.inFlight).toBe(0);
  });
});

describe("bounds", () => {
  it("refuses a call beyond queuedCallsMax, and tells of room when the queue is empty", () => {
    const h = new MachineHarness({ limits: { queuedCallsMax: 2 } });
    h.connect();
    h.call("getData", "/a");
    h.call("getData", "/b");
    expect(h.call("getData", "/c").error).toMatchObject({ code: "QUEUE_FULL", applied: "no" });
    h.reach();
    const outputs = h.grant();
    expect(outputs.filter(({ kind }) => kind === "room")).toHaveLength(1);
    expect(h.call("getData", "/c").status).toBe("pending");
  });

  it("refuses a call beyond queuedBytesMax, but never a lone one", () => {
    const h = new MachineHarness({ limits: { queuedBytesMax: 100 } });
    h.connect();
    expect(h.call("setData", "/a", { weight: 1000 }).status).toBe("pending");
    expect(h.call("setData", "/a", { weight: 1 }).error?.code).toBe("QUEUE_FULL");
    expect(h.machine.load.bytes).toBe(1000);
  });

  it("tells of room when the queue empties by time, by abort, and by giving up", () => {
    const byTime = new MachineHarness();
    byTime.connect();
    byTime.call("getData", "/a", { timeoutMs: 10 });
    expect(byTime.advance(10).at(-1)).toEqual({ kind: "room" });

    const byAbort = new MachineHarness();
    byAbort.connect();
    expect(byAbort.abandon(byAbort.call("getData", "/a")).at(-1)).toEqual({ kind: "room" });

    const byGivingUp = new MachineHarness();
    byGivingUp.connect(10);
    const call = byGivingUp.call("getData", "/a");
    expect(byGivingUp.advance(10).at(-1)).toEqual({ kind: "room" });
    expect(call.error?.code).toBe("NOT_CONNECTED");
  });

  it("does not tell of room for calls that never waited", () => {
    const h = up();
    h.call("getData", "/a");
    expect(h.log.filter(({ kind }) => kind === "room")).toEqual([]);
  });

  it("refuses a watch beyond watchesMax", () => {
    const h = up({ limits: { watchesMax: 1 } });
    h.call("exists", "/a", { watcher: {} });
    h.refuse(h.request("exists"), "NO_NODE");
    expect(h.call("exists", "/b", { watcher: {} }).error?.code).toBe("WATCHES_FULL");
    expect(h.call("exists", "/b").status).toBe("pending");
  });

  it("refuses a request above requestBytesMax before a byte of it is written", () => {
    const h = up({ limits: { requestBytesMax: 100 } });
    const record = (bytes: number) => ({ path: "/a", data: new Uint8Array(bytes), version: -1 });
    // 8 of header, 4 + 2 of path, 4 of data, 4 of version.
    const fits = h.call("setData", "/a", { record: record(78) });
    const tooLarge = h.call("setData", "/a", { record: record(79) });
    expect(tooLarge.error).toMatchObject({ code: "REQUEST_TOO_LARGE", applied: "no" });
    expect(tooLarge.error?.message).toContain("101 bytes");
    expect(h.requests()).toHaveLength(1);
    expect(fits.status).toBe("pending");
    expect(h.machine.load.bytes).toBe(64);
  });

  it("refuses a record that has no encoding, and keeps the connection", () => {
    const h = up();
    const call = h.call("setData", "/a", { record: { path: "/a", data: null, version: 1.5 } });
    expect(call.error).toMatchObject({ code: "INVALID_ARGUMENT", applied: "no" });
    expect(call.error?.message).toContain("version");
    expect(h.state).toBe("connected");
    expect(h.machine.load).toMatchObject({ queued: 0, inFlight: 0, bytes: 0 });
    h.call("getData", "/b");
    expect(h.request("getData").body.path).toBe("/b");
  });
});

describe("a lost connection", () => {
  it("puts the unsent and the safe ones back before what waits, in their order, and fails the others", () => {
    const h = up({ limits: { outstandingMax: 5 } });
    const calls = (["getData", "setData", "exists", "sync", "getData", "getData", "setData"] as const).map(
      (name, index) => h.call(name, `/${index}`, index === 4 ? { retry: "none" } : {}),
    );
    h.requests();
    h.disconnect();
    expect(calls.map(({ status }) => status)).toEqual([
      "pending",
      "failed",
      "pending",
      "pending",
      "failed",
      "pending",
      "pending",
    ]);
    expect(calls[4]?.error).toMatchObject({ code: "CONNECTION_LOSS", applied: "no" });
    h.comeBack();
    expect(h.requests().map(({ body }) => (body as { path: string }).path)).toEqual([
      "/0",
      "/2",
      "/3",
      "/5",
      "/6",
    ]);
  });

  it("tells suspended before it tells of any call", () => {
    const h = up();
    h.call("setData", "/a");
    const kinds = h.disconnect().map(({ kind }) => kind);
    expect(kinds.indexOf("state")).toBeLessThan(kinds.indexOf("failed"));
  });
});
