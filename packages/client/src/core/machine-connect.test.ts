import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";
import type { Output } from "./outputs.js";
import { Secret } from "./secret.js";

const three = ["a", "b", "c"].map((host) => ({ host, port: 2181 }));
const held = { id: -0x77n, password: new Secret(new Uint8Array(16).fill(3)) };

const opens = (outputs: readonly Output[]) => outputs.filter((output) => output.kind === "open");
const resolves = (outputs: readonly Output[]) => outputs.filter((output) => output.kind === "resolve");

describe("a first connect", () => {
  it("resolves, opens, shakes hands and is connected", () => {
    const h = new MachineHarness();
    const connected = h.connect();
    expect(h.state).toBe("connecting");
    expect(h.log.at(-1)).toMatchObject({ kind: "resolve", host: "a" });
    expect(h.resolve("10.0.0.1").at(-1)).toMatchObject({ kind: "open", address: "10.0.0.1", port: 2181 });
    h.open();
    expect(h.question).toEqual({
      protocolVersion: 0,
      lastZxidSeen: 0n,
      timeOut: 9000,
      sessionId: 0n,
      passwd: new Uint8Array(16),
      readOnly: false,
    });
    h.grant({ sessionId: -5n, timeoutMs: 6000 });
    expect(h.state).toBe("connected");
    expect(connected.status).toBe("settled");
    expect(h.machine.session?.id).toBe(-5n);
    expect(h.machine.session?.password.reveal()).toEqual(new Uint8Array(16).fill(7));
    expect(h.machine.sessionTimeoutMs).toBe(6000);
    expect(h.machine.server).toBe("a:2181");
  });

  it("writes nothing between the connect request and its answer", () => {
    const h = new MachineHarness();
    h.connect();
    h.call("getData", "/a");
    h.reach();
    expect(h.requests()).toEqual([]);
    h.grant();
    expect(h.request("getData").xid).toBe(1);
  });

  it("tells the state before it settles connect()", () => {
    const h = new MachineHarness();
    h.connect();
    h.reach();
    const kinds = h.grant().map(({ kind }) => kind);
    expect(kinds).toEqual(["state", "settled"]);
  });

  it("is shared by all who ask for it, and by those who ask later", () => {
    const h = new MachineHarness();
    const both = [h.connect(), h.connect()];
    expect(resolves(h.log)).toHaveLength(1);
    h.reach();
    h.grant();
    both.push(h.connect());
    expect(both.map(({ status }) => status)).toEqual(["settled", "settled", "settled"]);
    h.disconnect();
    const later = h.connect();
    expect(later.status).toBe("pending");
    h.comeBack();
    expect(later.status).toBe("settled");
  });

  it("fails at its deadline, says why of each server, and leaves the client idle and usable", () => {
    const h = new MachineHarness({ servers: three });
    const early = h.connect(1000);
    const late = h.connect(2000);
    const waiting = h.call("getData", "/a");
    const auth = h.addAuth("digest", "a:b");
    h.step({ kind: "unresolved", epoch: h.machine.epoch, reason: "ENOTFOUND" });
    h.resolve("10.0.0.2");
    h.disconnect("ECONNREFUSED");
    h.advance(1000);
    expect(early.error?.code).toBe("CONNECT_TIMEOUT");
    expect(early.error?.message).toContain("ENOTFOUND");
    expect(early.error?.message).toContain("ECONNREFUSED");
    expect(late.status).toBe("pending");
    h.advance(1000);
    expect(late.error?.code).toBe("CONNECT_TIMEOUT");
    expect(waiting.error).toMatchObject({ code: "NOT_CONNECTED", applied: "no" });
    expect(auth.status).toBe("settled");
    expect(h.state).toBe("idle");
    expect(h.machine.pendingDeadlines).toEqual([]);
    expect(h.call("getData", "/a").error?.code).toBe("NOT_CONNECTED");
    h.up();
    expect(h.state).toBe("connected");
    expect(h.request("auth").body.scheme).toBe("digest");
  });

  it("that everybody gave up stops, and closes its socket", () => {
    const h = new MachineHarness();
    const first = h.connect();
    const second = h.connect();
    h.reach();
    h.abandon(first, "bored");
    expect(first.error).toMatchObject({ code: "ABORTED", cause: "bored" });
    expect(h.state).toBe("connecting");
    const { epoch } = h.machine;
    const outputs = h.abandon(second);
    expect(h.state).toBe("idle");
    expect(outputs).toContainEqual({ kind: "disconnect", epoch });
    expect(h.machine.pendingDeadlines).toEqual([]);
    h.abandon(second);
    expect(second.endings).toBe(1);
  });

  it("says which server it was still waiting for", () => {
    const h = new MachineHarness();
    const connecting = h.connect(100);
    h.reach();
    h.advance(100);
    expect(connecting.error?.message).toContain("a:2181: still handshaking");
  });

  it("needs a server to connect to", () => {
    expect(() => new MachineHarness({ servers: [] })).toThrow(/^INVALID_ARGUMENT/);
  });
});

describe("servers and addresses", () => {
  it("are tried at once, each, and then after a pause that grows to its bound", () => {
    const h = new MachineHarness({ servers: three, reconnect: { roundDelayMs: 200, roundDelayMaxMs: 1000 } });
    h.connect();
    const pauses: number[] = [];
    for (let round = 0; round < 30; round += 1) {
      const hosts = new Set<string>();
      for (let server = 0; server < 3; server += 1) {
        const asked = resolves(h.log).at(-1);
        if (asked?.kind === "resolve") hosts.add(asked.host);
        h.step({ kind: "unresolved", epoch: h.machine.epoch, reason: "no" });
        if (server < 2) expect(h.log.at(-1)).toMatchObject({ kind: "resolve" });
      }
      expect(hosts.size).toBe(3);
      const before = h.nowMs;
      h.advance(h.machine.nextDeadlineMs() - before);
      pauses.push(h.nowMs - before);
    }
    expect(pauses[0]).toBeLessThanOrEqual(200);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1000);
    expect(Math.max(...pauses.slice(3))).toBeGreaterThan(500);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(1);
    expect(new Set(pauses).size).toBeGreaterThan(25);
  });

  it("all addresses of a name are tried before the turn passes on, at once", () => {
    const h = new MachineHarness({ servers: [{ host: "localhost", port: 2181 }] });
    h.connect();
    h.resolve("::1", "127.0.0.1");
    const [first] = opens(h.log);
    const second = opens(h.disconnect("ECONNREFUSED"));
    expect(new Set([first, ...second].map((open) => open?.kind === "open" && open.address))).toEqual(
      new Set(["::1", "127.0.0.1"]),
    );
    h.open();
    h.grant();
    expect(h.state).toBe("connected");
    expect(h.machine.server).toBe("localhost:2181");
  });

  it("share the time of their name: a name with many dead addresses does not cost the session", () => {
    const h = new MachineHarness({ sessionTimeoutMs: 30_000 });
    h.up();
    h.advance(1000);
    h.disconnect();
    h.resolve("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4");
    const before = h.nowMs;
    for (let address = 0; address < 4; address += 1) h.advance(h.machine.nextDeadlineMs() - h.nowMs);
    expect(opens(h.log)).toHaveLength(5);
    expect(h.nowMs - before).toBeLessThanOrEqual(10_000);
  });

  it("a name without addresses counts as a failure", () => {
    const h = new MachineHarness();
    const connecting = h.connect(5000);
    h.resolve();
    h.advance(5000);
    expect(connecting.error?.message).toContain("no address");
  });

  it.each(["resolving", "opening", "handshaking"])(
    "one that hangs while %s gives up its turn in time",
    (phase) => {
      const h = new MachineHarness({ servers: three.slice(0, 2), sessionTimeoutMs: 4000 });
      h.connect();
      if (phase !== "resolving") h.resolve("10.0.0.1");
      if (phase === "handshaking") h.open();
      const { epoch } = h.machine;
      const outputs = h.advance(2000);
      expect(resolves(outputs)).toHaveLength(1);
      expect(outputs.some(({ kind }) => kind === "disconnect")).toBe(phase !== "resolving");
      expect(h.machine.epoch).toBeGreaterThan(epoch);
    },
  );

  it("news of an old connection changes nothing", () => {
    const h = new MachineHarness({ servers: three });
    h.connect();
    const old = h.machine.epoch;
    h.step({ kind: "unresolved", epoch: old, reason: "no" });
    const { epoch } = h.machine;
    h.step({ kind: "resolved", epoch: old, addresses: ["10.9.9.9"] });
    h.step({ kind: "unresolved", epoch: old, reason: "no" });
    h.step({ kind: "opened", epoch: old });
    h.step({ kind: "received", epoch: old, bytes: new Uint8Array(100) });
    h.step({ kind: "disconnected", epoch: old, reason: "late" });
    h.step({ kind: "probed", epoch: old, isReadWrite: true });
    expect(h.machine.epoch).toBe(epoch);
    h.reach();
    h.grant();
    expect(h.state).toBe("connected");
  });

  it("the next after a loss is another one, at once", () => {
    const h = new MachineHarness({ servers: three });
    h.up();
    const before = h.machine.server;
    h.advance(1000);
    const outputs = h.disconnect();
    expect(resolves(outputs)).toHaveLength(1);
    h.reach();
    h.grant();
    expect(h.machine.server).not.toBe(before);
  });
});

describe("a server that takes us in and then drops us", () => {
  it.each([1, 3])("at once does not make us spin (%i servers)", (servers) => {
    const h = new MachineHarness({ servers: three.slice(0, servers) });
    h.connect();
    let connects = 0;
    const untilMs = h.nowMs + 60_000;
    h.call("getData", "/a");
    while (h.nowMs < untilMs) {
      h.comeBack();
      connects += 1;
      h.disconnect();
    }
    // Pauses end at one second at most, half a second on average, a round of servers each.
    expect(connects).toBeLessThan(200 * servers);
    expect(connects).toBeGreaterThan(60);
  });

  it("after one answer does not make us spin either", () => {
    const h = new MachineHarness();
    h.connect();
    let connects = 0;
    const untilMs = h.nowMs + 60_000;
    while (h.nowMs < untilMs) {
      h.comeBack();
      connects += 1;
      h.call("remove", "/a");
      h.acknowledge(h.request("delete"));
      h.disconnect();
    }
    expect(connects).toBeLessThan(200);
  });

  it("after a useful while is asked again at once", () => {
    const h = new MachineHarness();
    h.up();
    h.advance(600);
    expect(resolves(h.disconnect())).toHaveLength(1);
  });

  it("fails reads that were sent too often, rather than sending them for ever", () => {
    const h = new MachineHarness({ limits: { resendsMax: 3 } });
    h.connect();
    const read = h.call("getData", "/a");
    let connects = 0;
    while (read.status === "pending") {
      h.comeBack();
      connects += 1;
      h.disconnect();
    }
    expect(connects).toBe(4);
    expect(read.error).toMatchObject({ code: "CONNECTION_LOSS", applied: "no" });
  });
});

describe("a session", () => {
  it("is resumed with its id, its password and the last zxid, asking for the first timeout again", () => {
    const h = new MachineHarness();
    h.up({ sessionId: 0x99n, timeoutMs: 4000, password: new Uint8Array(16).fill(9) });
    h.call("remove", "/a");
    h.acknowledge(h.request("delete"));
    h.disconnect();
    h.comeBack();
    expect(h.question).toMatchObject({
      sessionId: 0x99n,
      passwd: new Uint8Array(16).fill(9),
      timeOut: 9000,
      lastZxidSeen: h.zxid,
    });
    expect(h.machine.session?.id).toBe(0x99n);
  });

  it("is taken over with the id and password given, from the first connect", () => {
    const h = new MachineHarness({ session: held });
    h.up();
    expect(h.question).toMatchObject({ sessionId: -0x77n, passwd: new Uint8Array(16).fill(3) });
    expect(h.machine.session?.id).toBe(-0x77n);
  });

  it("that is to be taken over and is gone fails connect() with SESSION_EXPIRED; the next makes a new one", () => {
    const h = new MachineHarness({ session: held });
    const connecting = h.up({ sessionId: 0n });
    expect(connecting.error?.code).toBe("SESSION_EXPIRED");
    expect(h.state).toBe("expired");
    h.up();
    expect(h.question?.sessionId).toBe(0n);
    expect(h.state).toBe("connected");
  });

  it("expires when a server says so, and tells everybody", () => {
    const h = new MachineHarness();
    h.up();
    const watcher = {};
    h.call("exists", "/w", { watcher });
    h.refuse(h.request("exists"), "NO_NODE");
    const write = h.call("setData", "/a");
    h.requests();
    h.disconnect();
    const queued = h.call("setData", "/b");
    const waiting = h.connect();
    const auth = h.addAuth("digest", "a:b");
    h.comeBack({ sessionId: 0n });
    expect(h.state).toBe("expired");
    expect(write.error).toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe" });
    expect(queued.error).toMatchObject({ code: "SESSION_EXPIRED", applied: "no" });
    expect(waiting.error?.code).toBe("SESSION_EXPIRED");
    expect(auth.error?.code).toBe("SESSION_EXPIRED");
    expect(h.log).toContainEqual({
      kind: "watch",
      watcher,
      notice: { type: "None", serverPath: "/w", state: "expired" },
    });
    expect(h.machine.pendingDeadlines).toEqual([]);
    expect(h.call("getData", "/a").error?.code).toBe("SESSION_EXPIRED");
    expect(h.addAuth("digest", "a:b").error?.code).toBe("SESSION_EXPIRED");
  });

  it("never expires by silence alone, but is presumed to", () => {
    const h = new MachineHarness();
    h.machine.diagnosing = true;
    h.up();
    h.disconnect();
    h.advance(3_600_000);
    expect(h.state).toBe("suspended");
    expect(h.machine.silentMs(h.nowMs)).toBe(3_600_000);
    expect(
      h.log.some((output) => output.kind === "diagnostic" && output.event.type === "sessionPresumedExpired"),
    ).toBe(true);
    h.comeBack();
    expect(h.state).toBe("connected");
  });

  it("is over when the server answers with another one, whose id is not taken", () => {
    const h = new MachineHarness();
    h.machine.diagnosing = true;
    h.up();
    h.disconnect();
    h.comeBack({ sessionId: 0x1234n });
    expect(h.state).toBe("expired");
    expect(h.machine.session?.id).toBe(0x51n);
    expect(
      h.log.some((output) => output.kind === "diagnostic" && output.event.type === "sessionIgnored"),
    ).toBe(true);
  });
});
