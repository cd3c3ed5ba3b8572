import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";

describe("a first connect", () => {
  it("resolves, opens, shakes hands and is connected", () => {
    const h = new MachineHarness();
    const connected = h.connect();
    expect(h.state).toBe("connecting");
    expect(h.log.at(-1)).toMatchObject({ kind: "resolve", host: "a" });
    expect(h.resolve("10.0.0.1").at(-1)).toMatchObject({ kind: "open", address: "10.0.0.1", port: 2181 });
    h.open();
    expect(h.question).toMatchObject({ sessionId: 0n, timeOut: 9000, lastZxidSeen: 0n, protocolVersion: 0 });
    expect(h.question?.passwd).toEqual(new Uint8Array(16));
    h.grant({ timeoutMs: 6000 });
    expect(h.state).toBe("connected");
    expect(connected.status).toBe("settled");
    expect(h.machine.session?.id).toBe(0x51n);
    expect(h.machine.sessionTimeoutMs).toBe(6000);
    expect(h.machine.server).toBe("a:2181");
    const read = h.call("getData", "/x");
    const stat = {} as never;
    const seen = h.request("getData");
    expect(seen).toMatchObject({ xid: 1, body: { path: "/x", watch: false } });
    h.refuse(seen, "NO_NODE");
    expect(read.error?.code).toBe("NO_NODE");
    void stat;
    const closed = h.close();
    h.acknowledge(h.request("closeSession"));
    expect(h.state).toBe("closed");
    expect(closed.value).toEqual({ confirmed: true });
    expect(h.machine.pendingDeadlines).toEqual([]);
  });
});
