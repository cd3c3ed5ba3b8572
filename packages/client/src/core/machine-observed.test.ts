import { describe, expect, it } from "vitest";
import { utf8Bytes } from "../io/utf8.js";
import { type HarnessOptions, MachineHarness } from "../testing/machine-harness.js";
import type { Diagnostic } from "./diagnostics.js";
import { digestOf, type HistoryRecord } from "./history.js";
import { FAILPOINTS, type FailpointName } from "./options.js";
import { Secret } from "./secret.js";

const stat = {
  czxid: 1n,
  mzxid: 77n,
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

const events = (h: MachineHarness): Diagnostic[] =>
  h.log.flatMap((output) => (output.kind === "diagnostic" ? [output.event] : []));

const history = (h: MachineHarness): HistoryRecord[] =>
  h.log.flatMap((output) => (output.kind === "history" ? [output.record] : []));

function observed(options: HarnessOptions = {}): MachineHarness {
  const h = new MachineHarness(options);
  h.machine.diagnosing = true;
  return h;
}

describe("diagnostics", () => {
  it("cost nothing and say nothing when nobody listens", () => {
    const h = new MachineHarness();
    h.up();
    h.call("getData", "/a");
    h.disconnect();
    expect(events(h)).toEqual([]);
  });

  it("tell the life of a session, each with its epoch and its time", () => {
    const h = observed({ credentials: [{ scheme: "digest", auth: new Secret(utf8Bytes("a:b")) }] });
    h.connect();
    h.step({ kind: "unresolved", epoch: h.machine.epoch, reason: "no such name" });
    h.comeBack();
    h.acknowledge(h.request("auth"));
    h.call("exists", "/w", { watcher: {} });
    h.refuse(h.request("exists"), "NO_NODE");
    h.notify({ type: "NodeCreated", path: "/w" });
    h.advance(3000);
    h.stall(5);
    h.acknowledge(h.request("ping"));
    h.call("exists", "/w", { watcher: {} });
    h.refuse(h.request("exists"), "NO_NODE");
    h.call("getData", "/r");
    h.disconnect("reset");
    h.comeBack();
    expect(events(h).map((event) => event.type)).toEqual([
      "state",
      "attemptFailed",
      "attempt",
      "handshake",
      "state",
      "auth",
      "watchArmed",
      "operation",
      "watchFired",
      "pong",
      "watchArmed",
      "operation",
      "connectionLost",
      "state",
      "retry",
      "attempt",
      "handshake",
      "watchesRearmed",
      "state",
    ]);
    for (const event of events(h)) {
      expect(event.atMs).toBeGreaterThanOrEqual(1000);
      expect(event.epoch).toBeGreaterThanOrEqual(0);
    }
    expect(events(h)).toContainEqual(
      expect.objectContaining({
        type: "attemptFailed",
        server: "a:2181",
        reason: expect.stringContaining("no such name"),
      }),
    );
    expect(events(h)).toContainEqual(
      expect.objectContaining({
        type: "handshake",
        sessionId: 0x51n,
        timeoutMs: 9000,
        resumed: false,
        readOnly: false,
      }),
    );
    expect(events(h)).toContainEqual(
      expect.objectContaining({
        type: "operation",
        operation: "exists",
        path: "/w",
        xid: 1,
        durationMs: 0,
        code: undefined,
      }),
    );
    expect(events(h)).toContainEqual(
      expect.objectContaining({ type: "watchFired", event: "NodeCreated", watchers: 1 }),
    );
    expect(events(h)).toContainEqual(
      expect.objectContaining({ type: "watchesRearmed", watches: 1, frames: 1 }),
    );
    expect(events(h)).toContainEqual(expect.objectContaining({ type: "connectionLost", reason: "reset" }));
    expect(events(h)).toContainEqual(expect.objectContaining({ type: "retry", path: "/r", resends: 1 }));
  });

  it("tell how much is under way when the transport is full and when a call is refused for it", () => {
    const h = observed({ limits: { queuedCallsMax: 1 } });
    h.up();
    h.step({ kind: "blocked", epoch: h.machine.epoch });
    h.call("getData", "/a");
    h.call("getData", "/b");
    h.step({ kind: "drained", epoch: h.machine.epoch });
    const queues = events(h).filter((event) => event.type === "queue");
    expect(queues).toMatchObject([
      { queued: 0, inFlight: 0, bytes: 0 },
      { queued: 1, inFlight: 0, bytes: 64 },
      { queued: 1, inFlight: 0, bytes: 64 },
    ]);
  });
});

describe("history", () => {
  it("is not kept unless asked for", () => {
    const h = new MachineHarness();
    h.up();
    h.call("remove", "/a");
    h.acknowledge(h.request("delete"));
    expect(history(h)).toEqual([]);
  });

  it("joins an operation, its attempts, their xids and what came of them", () => {
    const h = new MachineHarness({ recordHistory: true });
    h.up();
    const data = new Uint8Array([1, 2, 3]);
    h.call("setData", "/a", { retry: "always", record: { path: "/a", data, version: 2 } });
    h.requests();
    h.stall(10);
    h.disconnect();
    h.comeBack();
    h.stall(5);
    h.reply(h.request("setData"), { stat });
    const common = { operation: "setData", opCode: 5, path: "/a", version: 2, dataDigest: digestOf(data) };
    expect(history(h)).toMatchObject([
      { ...common, level: "operation", outcome: "invoked", operationId: 1, xid: 0, zxid: 0n },
      { ...common, level: "attempt", outcome: "sent", xid: 1, sessionId: 0x51n, server: "a:2181" },
      { ...common, level: "attempt", outcome: "ambiguous", xid: 1, code: "CONNECTION_LOSS" },
      { ...common, level: "attempt", outcome: "sent", xid: 2 },
      { ...common, level: "attempt", outcome: "ok", xid: 2, zxid: h.zxid },
      {
        ...common,
        level: "operation",
        outcome: "ok",
        operationId: 1,
        zxid: h.zxid,
        resultVersion: 3,
        resultMzxid: 77n,
      },
    ]);
    const epochs = history(h).map(({ epoch }) => epoch);
    expect(epochs[1]).toBeLessThan(epochs[3] ?? 0);
    const [invoked] = history(h);
    const ended = history(h).at(-1);
    expect((ended?.atMs ?? 0) - (invoked?.atMs ?? 0)).toBe((ended?.atMs ?? 0) - (ended?.startedAtMs ?? 0));
  });

  it("tells refusals, doubts and ends", () => {
    const h = new MachineHarness({ recordHistory: true });
    h.up();
    h.call("setData", "/a");
    h.refuse(h.request("setData"), "BAD_VERSION");
    h.call("setData", "/b");
    h.call("getData", "/c");
    h.requests();
    h.close();
    h.acknowledge(h.request("closeSession"));
    const ends = history(h).map(({ level, outcome, path, code }) => [level, outcome, path, code]);
    expect(ends).toEqual([
      ["operation", "invoked", "/a", undefined],
      ["attempt", "sent", "/a", undefined],
      ["attempt", "failed", "/a", "-103"],
      ["operation", "failed", "/a", "BAD_VERSION"],
      ["operation", "invoked", "/b", undefined],
      ["attempt", "sent", "/b", undefined],
      ["operation", "invoked", "/c", undefined],
      ["attempt", "sent", "/c", undefined],
      ["attempt", "ambiguous", "/b", "CLOSED"],
      ["attempt", "ambiguous", "/c", "CLOSED"],
      ["operation", "ambiguous", "/b", "CLOSED"],
      ["operation", "failed", "/c", "CLOSED"],
    ]);
  });
});

describe("digestOf", () => {
  it("is FNV-1a", () => {
    expect(digestOf(new Uint8Array())).toBe("811c9dc5");
    expect(digestOf(utf8Bytes("foobar"))).toBe("bf9cf968");
  });
});

describe("failpoints", () => {
  /** What is done to come by each of them, and what the user sees of the cut. */
  const SCENES: Record<FailpointName, (h: MachineHarness) => void> = {
    beforeWrite: (h) => {
      const call = h.call("setData", "/a", { retry: "none" });
      expect(call.status).toBe("pending");
      expect(h.requests()).toEqual([]);
      h.comeBack();
      expect(h.request("setData").xid).toBe(2);
    },
    afterWrite: (h) => {
      const call = h.call("setData", "/a");
      h.drain();
      expect(h.request("setData").xid).toBe(1);
      expect(call.error).toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe" });
    },
    replyDecoded: (h) => {
      const call = h.call("setData", "/a");
      h.reply(h.request("setData"), { stat });
      expect(call.error).toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe" });
    },
    eventDecoded: (h) => {
      const watcher = {};
      h.call("exists", "/w", { watcher });
      h.refuse(h.request("exists"), "NO_NODE");
      h.notify({ type: "NodeCreated", path: "/w" });
      expect(h.log.filter(({ kind }) => kind === "watch")).toEqual([]);
      h.comeBack();
      expect(h.request("setWatches").body.existWatches).toEqual(["/w"]);
    },
    sessionAdopted: (h) => {
      h.disconnect();
      h.comeBack();
      expect(h.machine.phase).not.toBe("up");
    },
    betweenChunks: (h) => {
      for (const path of ["/a-long-path", "/another-long-path"]) {
        h.call("exists", path, { watcher: {} });
        h.refuse(h.request("exists"), "NO_NODE");
      }
      h.disconnect();
      h.comeBack();
      expect(h.machine.phase).not.toBe("up");
      expect(h.requests()).toEqual([]);
    },
    duringClose: (h) => {
      const closing = h.close();
      expect(closing.status).toBe("pending");
      h.comeBack();
      h.acknowledge(h.request("closeSession"));
      expect(closing.value).toEqual({ confirmed: true });
    },
  };

  it.each(FAILPOINTS)(
    "%s cuts the connection where it says, once, and everything goes on after it",
    (name) => {
      let cuts = 0;
      const h = new MachineHarness({
        limits: { requestBytesMax: 60 },
        failpoint: (asked) => {
          if (asked !== name || !armed || cuts > 0) return "continue";
          cuts += 1;
          return "drop";
        },
      });
      let armed = false;
      h.up();
      armed = true;
      SCENES[name](h);
      expect(cuts).toBe(1);
      if (name === "duringClose") return;
      if (h.machine.phase !== "up") h.comeBack();
      expect(h.state).toBe("connected");
    },
  );

  it("that throw after a write cost the connection, not the process", () => {
    let armed = false;
    const h = observed({
      failpoint: (name) => {
        if (armed && name === "afterWrite") throw new Error("boom");
        return "continue";
      },
    });
    h.up();
    armed = true;
    h.call("getData", "/a");
    armed = false;
    h.drain();
    expect(events(h).some(({ type }) => type === "internalError")).toBe(true);
    h.comeBack();
    expect(h.state).toBe("connected");
  });
});
