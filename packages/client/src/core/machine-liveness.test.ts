import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";
import { headerFrame } from "../testing/server-wire.js";
import type { Output } from "./outputs.js";

/** Session timeout 9 s: pings every 3 s, given up after 6 s of silence. */
function up(timeoutMs = 9000): MachineHarness {
  const h = new MachineHarness();
  h.up({ timeoutMs });
  return h;
}

const operations = (h: MachineHarness) => h.requests().map(({ operation }) => operation);

const told = (outputs: readonly Output[]) =>
  outputs.flatMap((output) => {
    if (output.kind === "state") return [output.state];
    return output.kind === "settled" || output.kind === "failed" ? [output.kind] : [];
  });

describe("pings", () => {
  it("go out after a third of the timeout without sending, whatever is heard meanwhile", () => {
    const h = up();
    for (let events = 0; events < 29; events += 1) {
      h.advance(100);
      h.notify({ type: "NodeCreated", path: "/busy" });
    }
    expect(operations(h)).toEqual([]);
    h.advance(100);
    expect(operations(h)).toEqual(["ping"]);
  });

  it("are put off by anything that is sent", () => {
    const h = up();
    h.advance(2999);
    h.call("getData", "/a");
    h.advance(2999);
    expect(operations(h)).toEqual(["getData"]);
    h.advance(1);
    expect(operations(h)).toEqual(["ping"]);
  });

  it("tell their round trip", () => {
    const h = up();
    h.machine.diagnosing = true;
    h.advance(3000);
    h.stall(40);
    h.acknowledge(h.request("ping"));
    expect(h.log.at(-1)).toMatchObject({ kind: "diagnostic", event: { type: "pong", roundTripMs: 40 } });
  });

  it("that were not sent cannot be answered", () => {
    const h = up();
    h.acknowledge({ xid: -2 });
    expect(h.state).toBe("suspended");
  });

  it("that are never answered end the connection, however much else is heard", () => {
    const h = up();
    let seconds = 0;
    while (h.state === "connected" && seconds < 10_000) {
      h.advance(1000);
      h.notify({ type: "NodeCreated", path: "/busy" });
      seconds += 1;
    }
    expect(h.state).toBe("suspended");
    expect(h.log.find((output) => output.kind === "state" && output.state === "suspended")).toMatchObject({
      reason: "100 pings were not answered",
    });
  });
});

describe("silence", () => {
  it("of two thirds of the timeout ends the connection", () => {
    const h = up();
    h.advance(5999);
    expect(h.state).toBe("connected");
    const outputs = h.advance(1);
    expect(h.state).toBe("suspended");
    expect(outputs.map(({ kind }) => kind)).toEqual(["disconnect", "state", "resolve"]);
  });

  it("is broken by any byte, also of a frame that is not whole yet", () => {
    const h = up();
    h.receive(new Uint8Array([0, 0, 0, 200]));
    for (let bytes = 0; bytes < 4; bytes += 1) {
      h.advance(5999);
      h.receive(new Uint8Array([0]));
    }
    expect(h.state).toBe("connected");
  });

  it("is judged by the timeout that was negotiated", () => {
    const h = up(3000);
    h.advance(1999);
    expect(h.state).toBe("connected");
    h.advance(1);
    expect(h.state).toBe("suspended");
  });

  it("is borne for two minutes at most, whatever timeout the server grants", () => {
    const h = up(2_147_483_647);
    h.advance(119_999);
    expect(h.state).toBe("connected");
    h.advance(1);
    expect(h.state).toBe("suspended");
  });

  it("of an absurdly short timeout does not make us spin", () => {
    const h = up(1);
    const outputs = h.advance(1000);
    expect(outputs.length).toBeLessThan(200);
    h.comeBack({ timeoutMs: 1 });
    h.advance(19);
    expect(h.state).toBe("connected");
  });

  it("in the middle of a frame ends it when the frame takes too long", () => {
    const h = new MachineHarness({ limits: { partialFrameTimeoutMs: 10_000 } });
    h.up();
    h.receive(new Uint8Array([0, 0, 0, 200]));
    for (let second = 1; second < 10; second += 1) {
      h.advance(1000);
      h.receive(new Uint8Array([0]));
    }
    expect(h.state).toBe("connected");
    h.advance(1000);
    expect(h.state).toBe("suspended");
  });

  it("does not count against a frame that comes slowly after others", () => {
    const h = new MachineHarness({ limits: { partialFrameTimeoutMs: 10_000 } });
    h.up();
    const pong = headerFrame({ xid: -2, zxid: 0n, err: 0 });
    h.receive(pong.subarray(0, 0));
    for (let second = 0; second < 60; second += 3) {
      h.advance(3000);
      h.receive(
        second === 0 ? pong.subarray(0, 10) : new Uint8Array([...pong.subarray(10), ...pong.subarray(0, 10)]),
      );
    }
    expect(h.state).toBe("connected");
  });
});

describe("a stall longer than the session timeout", () => {
  it("with bytes first: suspended is told before any answer", () => {
    const h = up();
    const call = h.call("remove", "/a");
    const request = h.request("delete");
    h.stall(9001);
    const outputs = h.acknowledge(request);
    expect(told(outputs)).toEqual(["suspended", "settled"]);
    expect(call.status).toBe("settled");
    expect(operations(h)).toEqual(["ping"]);
    expect(h.state).toBe("suspended");
    h.acknowledge({ xid: -2 });
    expect(h.state).toBe("connected");
  });

  it("with time first: suspended, a ping, and half of the silence more to answer it", () => {
    const h = up();
    h.stall(9001);
    h.step({ kind: "time" });
    expect(h.state).toBe("suspended");
    expect(operations(h)).toEqual(["ping"]);
    h.advance(2999);
    expect(h.log.some(({ kind }) => kind === "disconnect")).toBe(false);
    h.advance(1);
    expect(h.log.some(({ kind }) => kind === "disconnect")).toBe(true);
  });

  it("with a call of the user first: suspended is told before the call can be answered", () => {
    const h = up();
    h.stall(9001);
    const call = h.call("remove", "/a");
    expect(h.state).toBe("suspended");
    expect(operations(h)).toEqual(["ping", "delete"]);
    const outputs = h.acknowledge({ xid: 1 });
    expect(call.status).toBe("settled");
    expect(told(outputs)).toEqual(["connected", "settled"]);
  });

  it("is not over by an answer to something that was sent before it", () => {
    const h = up();
    h.advance(3000);
    h.call("remove", "/a");
    const [ping, remove] = h.requests();
    h.stall(9001);
    h.acknowledge(ping!);
    h.acknowledge(remove!);
    expect(h.state).toBe("suspended");
    h.acknowledge({ xid: -2 });
    expect(h.state).toBe("connected");
  });

  it("of a connection that is dead ends in a new one", () => {
    const h = up();
    h.stall(20_000);
    h.disconnect();
    expect(h.state).toBe("suspended");
    h.comeBack({ sessionId: 0n });
    expect(h.state).toBe("expired");
  });

  it("twice in a row asks again", () => {
    const h = up();
    h.stall(9001);
    h.step({ kind: "time" });
    h.stall(9001);
    h.step({ kind: "time" });
    expect(operations(h)).toEqual(["ping", "ping"]);
    h.acknowledge({ xid: -2 });
    expect(h.state).toBe("suspended");
    h.acknowledge({ xid: -2 });
    expect(h.state).toBe("connected");
  });

  it("while the answer to a handshake lies there asks anew: the session may be gone since", () => {
    const h = up();
    h.disconnect();
    h.advance(200);
    h.reach();
    h.stall(9001);
    h.grant();
    expect(h.state).toBe("suspended");
    h.comeBack({ sessionId: 0n });
    expect(h.state).toBe("expired");
  });

  it("gives a frame that was under way its time again", () => {
    const h = new MachineHarness({ limits: { partialFrameTimeoutMs: 5000 } });
    h.up();
    h.receive(new Uint8Array([0, 0, 0, 20]));
    h.stall(9001);
    h.step({ kind: "time" });
    expect(h.log.some(({ kind }) => kind === "disconnect")).toBe(false);
  });

  it("is told to those who look inside", () => {
    const h = up();
    h.machine.diagnosing = true;
    h.stall(9001);
    h.step({ kind: "time" });
    expect(h.log).toContainEqual(
      expect.objectContaining({ event: expect.objectContaining({ type: "timeGap", gapMs: 9001 }) }),
    );
  });

  it("while closing neither connects again nor loses the close", () => {
    const h = up();
    const closing = h.close();
    const request = h.request("closeSession");
    h.stall(9001);
    h.step({ kind: "time" });
    expect(h.state).toBe("suspended");
    h.acknowledge({ xid: -2 });
    expect(h.state).toBe("suspended");
    h.acknowledge(request);
    expect(closing.value).toEqual({ confirmed: true });
  });
});

describe("a stall shorter than the session timeout", () => {
  it("that made us late for the receive deadline earns the server one more chance, once", () => {
    const h = up();
    h.stall(6500);
    h.step({ kind: "time" });
    expect(h.state).toBe("connected");
    expect(operations(h)).toEqual(["ping"]);
    h.advance(3000);
    expect(h.state).toBe("suspended");
  });

  it("that follows such a chance does not earn another", () => {
    const h = up();
    h.stall(6500);
    h.step({ kind: "time" });
    h.stall(5000);
    h.step({ kind: "time" });
    expect(h.state).toBe("suspended");
    expect(h.machine.phase).not.toBe("up");
  });

  it("does not touch the state when bytes were waiting", () => {
    const h = up();
    h.advance(3000);
    h.stall(5000);
    h.acknowledge(h.request("ping"));
    h.step({ kind: "time" });
    expect(h.state).toBe("connected");
  });
});

describe("trust", () => {
  it("runs two thirds of the timeout from the sending of the last answered packet", () => {
    const h = up();
    const fresh = h.machine.trustedUntilMs;
    expect(fresh.weakMs).toBe(h.nowMs + 6000);
    expect(fresh.strongMs).toBe(Number.NEGATIVE_INFINITY);
    h.advance(3000);
    h.stall(500);
    h.acknowledge(h.request("ping"));
    expect(h.machine.trustedUntilMs).toEqual({
      weakMs: h.nowMs - 500 + 6000,
      strongMs: Number.NEGATIVE_INFINITY,
    });
  });

  it("is strong only after an answer that went through the leader", () => {
    const h = up();
    h.call("getData", "/a");
    h.refuse(h.request("getData"), "NO_NODE");
    expect(h.machine.trustedUntilMs.strongMs).toBe(Number.NEGATIVE_INFINITY);
    h.advance(100);
    h.call("remove", "/a");
    const sentAtMs = h.nowMs;
    h.stall(200);
    h.acknowledge(h.request("delete"));
    expect(h.machine.trustedUntilMs).toEqual({ weakMs: sentAtMs + 6000, strongMs: sentAtMs + 6000 });
  });

  it("does not move with events", () => {
    const h = up();
    const before = h.machine.trustedUntilMs;
    h.advance(1000);
    h.notify({ type: "NodeCreated", path: "/a" });
    expect(h.machine.trustedUntilMs).toEqual(before);
  });

  it("is gone with the session", () => {
    const h = up();
    h.disconnect();
    h.comeBack({ sessionId: 0n });
    h.connect();
    expect(h.machine.trustedUntilMs.weakMs).toBe(Number.NEGATIVE_INFINITY);
  });
});
