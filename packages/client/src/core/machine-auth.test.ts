import { describe, expect, it } from "vitest";
import { utf8Bytes } from "../io/utf8.js";
import { MachineHarness } from "../testing/machine-harness.js";
import { isZkError } from "./errors.js";
import { Secret } from "./secret.js";

const digest = (text: string) => ({ scheme: "digest", auth: new Secret(utf8Bytes(text)) });
const schemes = (h: MachineHarness) => h.requests().map(({ operation, body }) => [operation, body]);

describe("credentials", () => {
  it("go out first on every connection, before watches and calls, in the order in which they were given", () => {
    const h = new MachineHarness({ credentials: [digest("a:1"), digest("b:2")] });
    h.up();
    expect(schemes(h)).toEqual([
      ["auth", { type: 0, scheme: "digest", auth: utf8Bytes("a:1") }],
      ["auth", { type: 0, scheme: "digest", auth: utf8Bytes("b:2") }],
    ]);
    h.acknowledge({ xid: -4 });
    h.acknowledge({ xid: -4 });
    h.call("exists", "/w", { watcher: {} });
    h.refuse(h.request("exists"), "NO_NODE");
    h.call("getData", "/a");
    h.requests();
    h.disconnect();
    h.call("getData", "/b");
    h.comeBack();
    expect(h.requests().map(({ operation, xid }) => [operation, xid])).toEqual([
      ["auth", -4],
      ["auth", -4],
      ["setWatches", -8],
      ["getData", 3],
      ["getData", 4],
    ]);
  });

  it("added while connected are sent at once and confirmed by their reply", () => {
    const h = new MachineHarness();
    h.up();
    const first = h.addAuth("digest", "a:1");
    const second = h.addAuth("digest", "b:2");
    h.acknowledge({ xid: -4 });
    expect([first.status, second.status]).toEqual(["settled", "pending"]);
    h.acknowledge({ xid: -4 });
    expect(second.status).toBe("settled");
  });

  it("added before connect() are taken in at once", () => {
    const h = new MachineHarness();
    expect(h.addAuth("digest", "a:1").status).toBe("settled");
    h.up();
    expect(h.request("auth").body.auth).toEqual(utf8Bytes("a:1"));
  });

  it.each(["resolving", "opening", "handshaking", "waiting"])(
    "added while %s are confirmed by the next server",
    (phase) => {
      const h = new MachineHarness();
      h.connect();
      if (phase === "waiting") h.step({ kind: "unresolved", epoch: h.machine.epoch, reason: "no such name" });
      if (phase === "opening") h.resolve("10.0.0.1");
      if (phase === "handshaking") h.reach();
      const added = h.addAuth("digest", "a:1");
      expect(added.status).toBe("pending");
      if (phase === "waiting") h.advance(1000);
      if (phase === "waiting" || phase === "resolving") h.resolve("10.0.0.1");
      if (phase !== "handshaking") h.open();
      h.grant();
      expect(added.status).toBe("pending");
      h.acknowledge(h.request("auth"));
      expect(added.status).toBe("settled");
    },
  );

  it("added on a connection that is lost before the reply are confirmed by the next", () => {
    const h = new MachineHarness();
    h.up();
    const added = h.addAuth("digest", "a:1");
    h.requests();
    h.disconnect();
    h.comeBack();
    h.acknowledge(h.request("auth"));
    expect(added.status).toBe("settled");
  });

  it("answer everybody who waits, although the last of them gave up meanwhile", () => {
    const h = new MachineHarness();
    h.connect();
    const first = h.addAuth("digest", "a:1");
    const second = h.addAuth("digest", "b:2");
    const third = h.addAuth("digest", "c:3", 100);
    h.reach();
    h.grant();
    h.abandon(second, "why");
    h.advance(100);
    expect(second.error).toMatchObject({ code: "ABORTED", cause: "why" });
    expect(third.error?.code).toBe("OPERATION_TIMEOUT");
    for (const request of h.requests()) h.acknowledge(request);
    expect(first.status).toBe("settled");
    expect(h.outcomes.map(({ endings }) => endings)).toEqual([1, 1, 1, 1]);
  });

  it("given twice are kept once and sent again", () => {
    const h = new MachineHarness();
    h.up();
    h.addAuth("digest", "a:1");
    const again = h.addAuth("digest", "a:1");
    for (const request of h.requests()) h.acknowledge(request);
    expect(again.status).toBe("settled");
    h.disconnect();
    h.comeBack();
    expect(h.requests()).toHaveLength(1);
  });

  it("beyond credentialsMax are refused", () => {
    const h = new MachineHarness({ limits: { credentialsMax: 1 } });
    expect(h.addAuth("digest", "a:1").status).toBe("settled");
    expect(h.addAuth("digest", "b:2").error?.code).toBe("INVALID_ARGUMENT");
    expect(h.addAuth("digest", "a:1").status).toBe("settled");
  });

  it("that no server would take in one frame are refused, also at the start", () => {
    const limits = { requestBytesMax: 100 };
    const h = new MachineHarness({ limits });
    expect(h.addAuth("digest", "x".repeat(100)).error?.code).toBe("REQUEST_TOO_LARGE");
    expect(() => new MachineHarness({ limits, credentials: [digest("x".repeat(100))] })).toThrow(
      /^REQUEST_TOO_LARGE: the credential has/,
    );
  });

  it("wait in bounded number", () => {
    const h = new MachineHarness({ limits: { queuedCallsMax: 2 } });
    h.connect();
    for (let given = 0; given < 2; given += 1) h.addAuth("digest", "a:1");
    expect(h.addAuth("digest", "a:1").error?.code).toBe("QUEUE_FULL");
  });

  it("do not show in diagnostics, outputs or errors", () => {
    const h = new MachineHarness({ credentials: [digest("user:hunter2")] });
    h.machine.diagnosing = true;
    h.up();
    h.addAuth("digest", "user:hunter2");
    h.refuse({ xid: -4 }, "AUTH_FAILED");
    const shown = JSON.stringify(
      h.log.filter(({ kind }) => kind !== "write"),
      (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value),
    );
    expect(shown).toContain("digest");
    expect(shown).not.toContain("hunter2");
  });
});

describe("refused credentials", () => {
  it("end the session for good, and say of each call what became of it", () => {
    const h = new MachineHarness({ limits: { outstandingMax: 2 } });
    h.up();
    const watcher = {};
    h.call("exists", "/w", { watcher });
    h.refuse(h.request("exists"), "NO_NODE");
    const added = h.addAuth("nonsense", "x");
    const write = h.call("setData", "/a");
    const read = h.call("getData", "/a");
    const queued = h.call("setData", "/b");
    h.refuse({ xid: -4 }, "AUTH_FAILED");
    expect(h.state).toBe("authFailed");
    expect(added.error?.code).toBe("AUTH_FAILED");
    expect(write.error).toMatchObject({ code: "AUTH_FAILED", applied: "maybe" });
    expect(read.error).toMatchObject({ code: "AUTH_FAILED", applied: "no" });
    expect(queued.error).toMatchObject({ code: "AUTH_FAILED", applied: "no" });
    expect(h.log).toContainEqual({
      kind: "watch",
      watcher,
      notice: { type: "None", serverPath: "/w", state: "authFailed" },
    });
    expect(h.log).toContainEqual({ kind: "disconnect", epoch: h.machine.epoch });
    expect(h.machine.pendingDeadlines).toEqual([]);
    expect(h.connect().error?.code).toBe("AUTH_FAILED");
    expect(h.call("getData", "/a").error?.code).toBe("AUTH_FAILED");
    expect(h.addAuth("digest", "a:b").error?.code).toBe("AUTH_FAILED");
  });

  it("end a first connect whose credentials are replayed", () => {
    const h = new MachineHarness({ credentials: [{ scheme: "nonsense", auth: new Secret(utf8Bytes("x")) }] });
    h.up();
    h.refuse(h.request("auth"), "AUTH_FAILED");
    expect(h.state).toBe("authFailed");
  });

  it.each(["a call", "a ping", "re-armed watches"])(
    "a server that demands authentication in answer to %s ends it, instead of being asked again for ever",
    (what) => {
      const h = new MachineHarness();
      h.up();
      if (what === "re-armed watches") {
        h.call("exists", "/w", { watcher: {} });
        h.refuse(h.request("exists"), "NO_NODE");
        h.disconnect();
        h.comeBack();
      } else if (what === "a ping") h.advance(3000);
      const call = h.call("getData", "/a");
      const [first] = h.requests();
      h.refuse(first!, "SESSION_CLOSED_REQUIRE_SASL_AUTH");
      expect(h.state).toBe("authFailed");
      expect(isZkError(call.error)).toBe(true);
    },
  );
});

describe("replies to credentials that were never sent", () => {
  it("cost the connection and nothing else", () => {
    const h = new MachineHarness();
    h.up();
    h.acknowledge({ xid: -4 });
    expect(h.state).toBe("suspended");
    h.comeBack();
    h.addAuth("digest", "a:1");
    h.acknowledge({ xid: -4 });
    h.acknowledge({ xid: -4 });
    expect(h.state).toBe("suspended");
  });
});
