import { OpCode } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";
import { headerFrame } from "../testing/server-wire.js";
import { Call } from "./call.js";
import { ZkError } from "./errors.js";

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

describe("what became of a write", () => {
  it("no: it waited for a connection and its time ran out", () => {
    const h = new MachineHarness();
    h.connect();
    const call = h.call("setData", "/a", { timeoutMs: 50 });
    h.advance(49);
    expect(call.status).toBe("pending");
    h.advance(1);
    expect(call.error).toMatchObject({ code: "OPERATION_TIMEOUT", applied: "no", path: "/a" });
    expect(h.machine.load).toMatchObject({ queued: 0, bytes: 0 });
  });

  it("no: its bytes were still here when the connection was lost; it goes out on the next", () => {
    const h = up();
    const write = h.newCall("setData", "/a", { retry: "none" });
    h.feed({ kind: "call", call: write.target });
    h.feed({ kind: "disconnected", epoch: h.machine.epoch, reason: "reset" });
    expect(h.drain().some(({ kind }) => kind === "write")).toBe(false);
    expect(write.status).toBe("pending");
    h.comeBack();
    expect(h.request("setData")).toMatchObject({ xid: 2, body: { path: "/a" } });
    h.disconnect();
    expect(write.error).toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe" });
  });

  it.each(["none", "safe"] as const)(
    "maybe: it was handed over and the connection was lost (%s)",
    (retry) => {
      const h = up();
      const write = h.call("setData", "/a", { retry });
      h.disconnect("reset");
      expect(write.error).toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe", server: "a:2181" });
      expect(write.error?.message).toContain("reset");
    },
  );

  it("maybe: its time ran out after it was sent", () => {
    const h = up();
    const write = h.call("setData", "/a", { timeoutMs: 50 });
    h.advance(50);
    expect(write.error).toMatchObject({ code: "OPERATION_TIMEOUT", applied: "maybe" });
  });

  it("maybe: the caller gave up after it was sent; no: before", () => {
    const h = up({ limits: { outstandingMax: 1 } });
    const sent = h.call("setData", "/a");
    const queued = h.call("setData", "/b");
    h.abandon(sent, "why");
    h.abandon(queued);
    expect(sent.error).toMatchObject({ code: "ABORTED", applied: "maybe", cause: "why", name: "AbortError" });
    expect(queued.error).toMatchObject({ code: "ABORTED", applied: "no" });
    expect(h.machine.load).toMatchObject({ queued: 0, inFlight: 1 });
  });

  it("maybe: sent again on demand, and again lost", () => {
    const h = up({ limits: { resendsMax: 2 } });
    const write = h.call("setData", "/a", { retry: "always" });
    for (let losses = 0; losses < 2; losses += 1) {
      h.request("setData");
      h.disconnect();
      expect(write.status).toBe("pending");
      h.comeBack();
    }
    h.request("setData");
    h.disconnect();
    expect(write.error).toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe" });
  });

  it("maybe: the second try is refused, and the first was never answered", () => {
    const h = up();
    const write = h.call("create", "/a", { retry: "always" });
    h.request("create");
    h.disconnect();
    h.comeBack();
    h.refuse(h.request("create"), "NODE_EXISTS");
    expect(write.error).toMatchObject({ code: "NODE_EXISTS", applied: "maybe" });
  });

  it("maybe: the second try of a transaction is refused", () => {
    const h = up();
    const finish = () =>
      new ZkError({ code: "BAD_VERSION", message: "operation 0 failed", operationIndex: 0 });
    const write = h.call("transaction", "/a", { retry: "always", finish });
    h.request("multi");
    h.disconnect();
    h.comeBack();
    h.reply(h.request("multi"), [{ type: -1, err: -103 }] as never);
    expect(write.error).toMatchObject({ code: "BAD_VERSION", applied: "maybe", operationIndex: 0 });
    expect(write.error?.message).toBe("BAD_VERSION: operation 0 failed (the write may have been applied)");
  });

  it.each([
    ["NO_NODE", "no"],
    ["THROTTLED_OP", "no"],
    ["QUOTA_EXCEEDED", "no"],
    ["MARSHALLING_ERROR", "no"],
    ["SYSTEM_ERROR", "maybe"],
    ["RUNTIME_INCONSISTENCY", "maybe"],
    ["CONNECTION_LOSS", "maybe"],
    ["REQUEST_TIMEOUT", "maybe"],
    [-9999, "maybe"],
    [77, "maybe"],
  ] as const)("%s of a write says %s, of a read no", (error, applied) => {
    const h = up();
    const write = h.call("setData", "/a");
    const read = h.call("getData", "/a");
    h.refuse(h.request("setData"), error);
    h.refuse(h.request("getData"), error);
    const code = typeof error === "number" ? "UNKNOWN_SERVER_ERROR" : error;
    expect(write.error).toMatchObject({ code, applied, server: "a:2181", operation: "setData" });
    expect(read.error).toMatchObject({ code, applied: "no" });
    if (typeof error === "number") expect(write.error?.serverCode).toBe(error);
    expect(h.state).toBe("connected");
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

describe("an abandoned request", () => {
  it("keeps its place: its late reply is taken in and moves lastZxid", () => {
    const h = up();
    const call = h.call("getData", "/a", { watcher: {} });
    const next = h.call("remove", "/b");
    h.abandon(call);
    const seen = h.request("getData");
    h.reply(seen, { data: null, stat: STAT });
    expect(h.machine.lastZxid).toBe(h.zxid);
    expect(h.machine.load).toMatchObject({ inFlight: 1, watches: 0 });
    h.acknowledge(h.request("delete"));
    expect(next.status).toBe("settled");
    expect(call.endings).toBe(1);
  });

  it("that is never answered costs the connection in the end, so that its place is freed", () => {
    const h = up();
    const call = h.call("getData", "/a");
    h.request("getData");
    h.abandon(call);
    for (let waited = 0; waited < 20_000 && h.state === "connected"; waited += 1000) {
      h.advance(1000);
      for (const request of h.requests()) h.acknowledge(request);
    }
    expect(h.state).toBe("suspended");
    expect(h.machine.load.inFlight).toBe(0);
  });

  it("after it was settled changes nothing", () => {
    const h = up();
    const call = h.call("remove", "/a");
    h.acknowledge(h.request("delete"));
    h.abandon(call);
    expect(call).toMatchObject({ endings: 1, status: "settled" });
  });
});

describe("replies", () => {
  it("may overtake each other", () => {
    const h = up();
    const slow = h.call("remove", "/a");
    const quick = h.call("create", "/b");
    const [first, second] = h.requests();
    h.refuse(second!, "NOT_READONLY");
    expect(quick.error?.code).toBe("NOT_READONLY");
    h.acknowledge(first!);
    expect(slow.status).toBe("settled");
  });

  it("to a request that was not handed over yet are lies: the connection goes and the request stays", () => {
    const h = up();
    const write = h.newCall("remove", "/a");
    h.feed({ kind: "call", call: write.target });
    h.receive(headerFrame({ xid: 1, zxid: 5n, err: 0 }));
    expect(write.status).toBe("pending");
    expect(h.state).toBe("suspended");
    h.comeBack();
    expect(h.request("delete").xid).toBe(2);
  });

  it("that came early do not make sent requests count as unsent", () => {
    const h = up();
    const first = h.call("remove", "/a", { retry: "none" });
    const second = h.call("remove", "/b", { retry: "none" });
    h.feed({ kind: "call", call: h.newCall("remove", "/c").target });
    h.receive(headerFrame({ xid: 3, zxid: 5n, err: 0 }));
    expect([first.error?.applied, second.error?.applied]).toEqual(["maybe", "maybe"]);
  });

  it("of exists without a node is null, and every other NO_NODE is an error", () => {
    const h = up();
    const exists = h.call("exists", "/a");
    const remove = h.call("remove", "/a");
    for (const request of h.requests()) h.refuse(request, "NO_NODE");
    expect(exists).toMatchObject({ status: "settled", value: null });
    expect(remove.error?.code).toBe("NO_NODE");
  });

  it("whose body is cut short fail the call with PROTOCOL and cost the connection", () => {
    const h = up();
    const call = h.call("getData", "/a");
    h.receive(headerFrame({ xid: h.request("getData").xid, zxid: 9n, err: 0 }));
    expect(call.error).toMatchObject({ code: "PROTOCOL", applied: "no" });
    expect(h.state).toBe("suspended");
  });

  it("of a write that cannot be read leave it at maybe", () => {
    const h = up();
    const call = h.call("create", "/a");
    h.receive(headerFrame({ xid: h.request("create").xid, zxid: 9n, err: 0 }));
    expect(call.error).toMatchObject({ code: "PROTOCOL", applied: "maybe" });
  });

  it("that nobody can make sense of do not stop the next", () => {
    const h = up();
    const broken = h.call("getData", "/a", {
      finish: () => {
        throw new Error("no sense");
      },
    });
    h.reply(h.request("getData"), { data: null, stat: STAT });
    expect(broken.error?.code).toBe("PROTOCOL");
    h.comeBack();
    const next = h.call("remove", "/b");
    h.acknowledge(h.request("delete"));
    expect(next.status).toBe("settled");
  });

  it("above replyBytesMax fail the oldest call with REPLY_TOO_LARGE instead of asking for it for ever", () => {
    const h = up({ limits: { replyBytesMax: 1000 } });
    const large = h.call("getChildren", "/large");
    const other = h.call("getData", "/a");
    h.requests();
    h.receive(new Uint8Array([0, 0, 4, 0]));
    expect(large.error).toMatchObject({ code: "REPLY_TOO_LARGE", path: "/large" });
    expect(large.error?.message).toContain("replyBytesMax");
    h.comeBack();
    expect(h.requests().map(({ body }) => (body as { path: string }).path)).toEqual(["/a"]);
    expect(other.status).toBe("pending");
  });
});

describe("lastZxid", () => {
  const at = (zxid: bigint, xid = 1) => headerFrame({ xid, zxid, err: 0 });

  it("follows the replies to ordinary requests and never falls", () => {
    const h = up();
    for (const [sent, zxid] of [50n, 40n, 0n, -1n, 60n].entries()) {
      h.call("remove", "/a");
      h.receive(at(zxid, sent + 1));
    }
    expect(h.machine.lastZxid).toBe(60n);
    h.disconnect();
    h.comeBack();
    expect(h.question?.lastZxidSeen).toBe(60n);
    h.call("remove", "/a");
    h.receive(at(55n, 6));
    expect(h.machine.lastZxid).toBe(60n);
  });

  it("moves with refusals as well", () => {
    const h = up();
    h.call("remove", "/a");
    h.receive(headerFrame({ xid: 1, zxid: 70n, err: -101 }));
    expect(h.machine.lastZxid).toBe(70n);
  });

  it("does not move with pings, credentials, events or re-armed watches", () => {
    const h = up();
    h.advance(3000);
    h.receive(at(99n, h.request("ping").xid));
    h.addAuth("digest", "a:b");
    h.receive(at(99n, h.request("auth").xid));
    h.notify({ type: "NodeCreated", path: "/a" });
    expect(h.machine.lastZxid).toBe(0n);
  });

  it("is kept for the new session after an expiry", () => {
    const h = up();
    h.call("remove", "/a");
    h.receive(at(80n));
    h.disconnect();
    h.comeBack({ sessionId: 0n });
    expect(h.state).toBe("expired");
    h.connect();
    h.reach();
    expect(h.question).toMatchObject({ sessionId: 0n, lastZxidSeen: 80n });
  });
});

describe("misuse and faults of our own", () => {
  it("a call given twice ends once, and step does not throw", () => {
    const h = up();
    const call = h.call("remove", "/a");
    h.step({ kind: "call", call: call.target });
    h.comeBack();
    h.requests();
    expect(call.endings).toBeLessThanOrEqual(1);
  });

  it("a call that breaks the machine fails with INTERNAL and everything else goes on", () => {
    const h = up();
    h.machine.diagnosing = true;
    const broken = h.newCall("remove", "/a");
    const target = Object.create(broken.target, {
      weight: {
        get: () => {
          throw new Error("no weight");
        },
      },
    }) as Call;
    h.step({ kind: "call", call: target });
    const ended = h.outcomes.find((outcome) => outcome.target === target);
    expect(ended?.error).toMatchObject({ code: "INTERNAL", applied: "no" });
    expect(
      h.log.some((output) => output.kind === "diagnostic" && output.event.type === "internalError"),
    ).toBe(true);
    h.comeBack();
    expect(h.state).toBe("connected");
  });

  it("a failpoint that throws while a reply is in hand leaves no call behind", () => {
    let armed = false;
    const h = up({
      failpoint: (name) => {
        if (armed && name === "replyDecoded") throw new Error("boom");
        return "continue";
      },
    });
    const call = h.call("remove", "/a");
    armed = true;
    h.acknowledge(h.request("delete"));
    expect(call.error).toMatchObject({ code: "INTERNAL", applied: "maybe" });
    expect(h.state).toBe("suspended");
  });
});

describe("a refusal that is about the session", () => {
  it.each(["SESSION_EXPIRED", "SESSION_MOVED"] as const)(
    "%s sends us to the next handshake, which decides",
    (code) => {
      const h = up();
      const call = h.call("setData", "/a");
      h.refuse(h.request("setData"), code);
      expect(call.error).toMatchObject({ code, applied: "no" });
      expect(h.state).toBe("suspended");
      h.comeBack({ sessionId: code === "SESSION_EXPIRED" ? 0n : 0x51n });
      expect(h.state).toBe(code === "SESSION_EXPIRED" ? "expired" : "connected");
    },
  );
});

describe("an op code that the server does not know", () => {
  it("fails the call with UNIMPLEMENTED; what was sent beside it is asked again", () => {
    const h = up();
    const odd = new Call({
      ...h.newCall("getData", "/a").target,
      spec: {
        ...h.newCall("getData", "/a").target.spec,
        name: "whoAmI",
        opCode: OpCode.WHO_AM_I,
        request: null,
      },
    });
    h.step({ kind: "call", call: odd });
    const read = h.call("getData", "/b");
    const [unknown] = h.requests();
    h.receive(headerFrame({ xid: unknown!.xid, zxid: -1n, err: -6 }));
    h.disconnect();
    expect(h.outcomes.find(({ target }) => target === odd)?.error?.code).toBe("UNIMPLEMENTED");
    h.comeBack();
    expect(h.requests().map(({ operation }) => operation)).toEqual(["getData"]);
    expect(read.status).toBe("pending");
  });
});

const STAT = {
  czxid: 1n,
  mzxid: 2n,
  ctime: 0n,
  mtime: 0n,
  version: 3,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1n,
};
