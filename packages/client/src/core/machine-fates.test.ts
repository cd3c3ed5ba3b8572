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

  it("no: a transaction is refused because the session has moved, and the connection is given up", () => {
    const h = up();
    const finish = () =>
      new ZkError({ code: "SESSION_MOVED", message: "operation 0 failed", operationIndex: 0 });
    const write = h.call("transaction", "/a", { finish });
    h.reply(h.request("multi"), [{ type: -1, err: -118 }] as never);
    expect(write.error).toMatchObject({ code: "SESSION_MOVED", applied: "no" });
    expect(h.machine.state).toBe("suspended");
    h.comeBack();
    expect(h.machine.state).toBe("connected");
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
