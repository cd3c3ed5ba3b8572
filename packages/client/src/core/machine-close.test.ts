import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";
import { Secret } from "./secret.js";

const held = { id: 0x77n, password: new Secret(new Uint8Array(16).fill(3)) };

function closed(h: MachineHarness, confirmed: boolean, ...outcomes: { value: unknown }[]): void {
  expect(h.state).toBe("closed");
  for (const outcome of outcomes) expect(outcome.value).toEqual({ confirmed });
  expect(h.machine.pendingDeadlines).toEqual([]);
  expect(h.machine.load).toEqual({ queued: 0, inFlight: 0, bytes: 0, watches: 0 });
  expect(h.outcomes.filter(({ endings }) => endings !== 1)).toEqual([]);
}

describe("close", () => {
  it("asks the server and is confirmed by its answer", () => {
    const h = new MachineHarness();
    h.up();
    const first = h.close();
    const second = h.close();
    expect(h.requests().map(({ operation }) => operation)).toEqual(["closeSession"]);
    expect(first.status).toBe("pending");
    h.acknowledge({ xid: 1 });
    closed(h, true, first, second, h.close());
  });

  it("is not confirmed when the server refuses, and says so again when asked again", () => {
    const h = new MachineHarness();
    h.up();
    const first = h.close();
    h.refuse(h.request("closeSession"), "NOT_READONLY");
    closed(h, false, first, h.close());
  });

  it("of an idle client ends at once", () => {
    const h = new MachineHarness();
    closed(h, true, h.close());
  });

  it("of an idle client with a session to take over is not confirmed: nobody ended that session", () => {
    const h = new MachineHarness({ session: held });
    closed(h, false, h.close());
  });

  it("while a name is resolved ends at once", () => {
    const h = new MachineHarness();
    const connecting = h.connect();
    closed(h, true, h.close());
    expect(connecting.error?.code).toBe("CLOSED");
  });

  it("while a first handshake is under way ends at once, unconfirmed: the server may have made a session", () => {
    const h = new MachineHarness();
    h.connect();
    h.reach();
    const outcome = h.close();
    closed(h, false, outcome);
    expect(h.log).toContainEqual({ kind: "disconnect", epoch: h.machine.epoch });
  });

  it("while the session is to be taken over goes on until a server takes us in", () => {
    const h = new MachineHarness({ session: held });
    const connecting = h.connect(100);
    h.reach();
    const outcome = h.close(5000);
    h.advance(200);
    expect(connecting.error?.code).toBe("CONNECT_TIMEOUT");
    expect(outcome.status).toBe("pending");
    h.grant();
    h.acknowledge(h.request("closeSession"));
    closed(h, true, outcome);
  });

  it.each(["waiting", "resolving", "opening", "handshaking"])(
    "while the connection is lost and %s",
    (phase) => {
      const h = new MachineHarness();
      h.up();
      h.disconnect();
      h.advance(1000);
      if (phase === "waiting") h.step({ kind: "unresolved", epoch: h.machine.epoch, reason: "no such name" });
      if (phase === "opening") h.resolve("10.0.0.1");
      if (phase === "handshaking") h.reach();
      const queued = h.call("getData", "/a");
      const outcome = h.close(60_000);
      expect(queued.error?.code).toBe("CLOSED");
      expect(h.connect().error?.code).toBe("CLOSED");
      expect(h.addAuth("digest", "a:b").error?.code).toBe("CLOSED");
      if (phase === "waiting") h.advance(1000);
      if (phase === "waiting" || phase === "resolving") h.resolve("10.0.0.1");
      if (phase !== "handshaking") h.open();
      h.grant();
      expect(h.requests().map(({ operation }) => operation)).toEqual(["closeSession"]);
      h.acknowledge({ xid: 1 });
      closed(h, true, outcome);
    },
  );

  it("is confirmed by a server that does not know the session any more", () => {
    const h = new MachineHarness();
    h.up();
    h.disconnect();
    const outcome = h.close();
    h.comeBack({ sessionId: 0n });
    closed(h, true, outcome);
  });

  it("asks again when the connection breaks before the answer", () => {
    const h = new MachineHarness();
    h.up();
    const outcome = h.close();
    h.request("closeSession");
    h.disconnect();
    h.comeBack();
    h.acknowledge(h.request("closeSession"));
    closed(h, true, outcome);
  });

  it("gives up at its deadline, unconfirmed", () => {
    const h = new MachineHarness();
    h.up();
    const late = h.close(9000);
    const early = h.close(500);
    h.advance(499);
    expect(early.status).toBe("pending");
    h.advance(1);
    closed(h, false, late, early);
    expect(h.log).toContainEqual({ kind: "disconnect", epoch: h.machine.epoch });
  });

  it("lets what was sent before it be answered, and fails what was not sent", () => {
    const h = new MachineHarness({ limits: { outstandingMax: 1 } });
    h.up();
    const sent = h.call("setData", "/a");
    const waiting = h.call("setData", "/b");
    const outcome = h.close();
    expect(waiting.error).toMatchObject({ code: "CLOSED", applied: "no" });
    const [write, close] = h.requests();
    expect([write?.operation, close?.operation]).toEqual(["setData", "closeSession"]);
    h.refuse(write!, "BAD_VERSION");
    expect(sent.error?.code).toBe("BAD_VERSION");
    h.acknowledge(close!);
    closed(h, true, outcome);
  });

  it("tells maybe of a write that was sent and not answered, and no of a read", () => {
    const h = new MachineHarness();
    h.up();
    const write = h.call("setData", "/a");
    const read = h.call("getData", "/a");
    h.close();
    h.acknowledge({ xid: 3 });
    expect(write.error).toMatchObject({ code: "CLOSED", applied: "maybe" });
    expect(read.error).toMatchObject({ code: "CLOSED", applied: "no" });
  });

  it("after expiry is confirmed, after refused credentials it is not", () => {
    const expired = new MachineHarness();
    expired.up();
    expired.disconnect();
    expired.comeBack({ sessionId: 0n });
    expect(expired.state).toBe("expired");
    closed(expired, true, expired.close());

    const refused = new MachineHarness();
    refused.up();
    refused.addAuth("nonsense", "x");
    refused.refuse(refused.request("auth"), "AUTH_FAILED");
    expect(refused.state).toBe("authFailed");
    closed(refused, false, refused.close());
  });

  it("ends as closed even when the server refuses credentials meanwhile", () => {
    const h = new MachineHarness();
    h.up();
    const auth = h.addAuth("nonsense", "x");
    const outcome = h.close();
    h.refuse({ xid: -4 }, "AUTH_FAILED");
    closed(h, false, outcome);
    expect(auth.error?.code).toBe("CLOSED");
  });

  it("tells every watcher, once", () => {
    const h = new MachineHarness();
    h.up();
    const watcher = {};
    h.call("exists", "/a", { watcher });
    h.refuse(h.request("exists"), "NO_NODE");
    expect(h.machine.load.watches).toBe(1);
    h.close();
    h.acknowledge(h.request("closeSession"));
    expect(h.log.filter(({ kind }) => kind === "watch")).toEqual([
      { kind: "watch", watcher, notice: { type: "None", serverPath: "/a", state: "closed" } },
    ]);
  });

  it("leaves a client that answers everything with CLOSED", () => {
    const h = new MachineHarness();
    h.close();
    expect(h.connect().error?.code).toBe("CLOSED");
    expect(h.call("getData", "/a").error?.code).toBe("CLOSED");
    expect(h.addAuth("digest", "a:b").error?.code).toBe("CLOSED");
    expect(h.machine.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
  });
});
