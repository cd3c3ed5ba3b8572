import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";
import type { Output } from "./outputs.js";
import { Secret } from "./secret.js";

const three = ["a", "b", "c"].map((host) => ({ host, port: 2181 }));
const held = { id: 0x77n, password: new Secret(new Uint8Array(16).fill(3)) };

const probes = (outputs: readonly Output[]) =>
  outputs.flatMap((output) => (output.kind === "probe" ? [output] : []));

function readOnly(): MachineHarness {
  const h = new MachineHarness({ servers: three, readOnly: true });
  h.up({ readOnly: true });
  return h;
}

/** Waits for the next probe and answers it. */
function probe(h: MachineHarness, isReadWrite: boolean): { host: string; waitedMs: number } {
  const fromMs = h.nowMs;
  for (let turns = 0; turns < 100; turns += 1) {
    const [asked] = probes(h.advance(h.machine.nextDeadlineMs() - h.nowMs));
    for (const request of h.requests()) h.acknowledge(request);
    if (asked === undefined) continue;
    h.step({ kind: "probed", epoch: asked.epoch, isReadWrite });
    return { host: asked.host, waitedMs: h.nowMs - fromMs };
  }
  throw new Error("no probe");
}

describe("a read-only server", () => {
  it("serves, in a state of its own", () => {
    const h = readOnly();
    expect(h.question?.readOnly).toBe(true);
    expect(h.state).toBe("readonly");
    const write = h.call("setData", "/a");
    h.refuse(h.request("setData"), "NOT_READONLY");
    expect(write.error).toMatchObject({ code: "NOT_READONLY", applied: "no" });
  });

  it("gives a session that no other server knows: until a read-write one was seen, a new one is asked for", () => {
    const h = readOnly();
    expect(h.machine.session?.id).toBe(0x51n);
    h.disconnect();
    h.comeBack({ readOnly: true });
    expect(h.question).toMatchObject({ sessionId: 0n, passwd: new Uint8Array(16) });
    h.disconnect();
    h.comeBack({ sessionId: 0x99n });
    expect(h.question?.sessionId).toBe(0n);
    expect(h.state).toBe("connected");
    expect(h.machine.session?.id).toBe(0x99n);
    h.disconnect();
    h.comeBack({ readOnly: true });
    expect(h.question?.sessionId).toBe(0x99n);
    expect(h.state).toBe("readonly");
  });

  it("is asked for the real session when that was given or granted by a quorum", () => {
    const h = new MachineHarness({ readOnly: true, session: held });
    h.up({ readOnly: true });
    expect(h.question?.sessionId).toBe(0x77n);
    h.disconnect();
    h.comeBack();
    expect(h.question?.sessionId).toBe(0x77n);
  });

  it("can say that a session is over", () => {
    const h = new MachineHarness({ readOnly: true });
    h.up();
    h.disconnect();
    h.comeBack({ sessionId: 0n, readOnly: true });
    expect(h.state).toBe("expired");
  });
});

describe("the search for a better server", () => {
  it("asks the others in turn, never the present one, with doubling pauses up to a minute", () => {
    const h = readOnly();
    const present = h.machine.server?.slice(0, 1);
    const asked = Array.from({ length: 14 }, () => probe(h, false));
    expect(asked.map(({ host }) => host)).not.toContain(present);
    expect(new Set(asked.map(({ host }) => host)).size).toBe(2);
    expect(asked[0]?.waitedMs).toBe(100);
    expect(asked[1]?.waitedMs).toBe(200);
    expect(asked[2]?.waitedMs).toBe(400);
    expect(asked.at(-1)?.waitedMs).toBe(60_000);
    expect(h.state).toBe("readonly");
  });

  it("asks the present one when there is no other", () => {
    const h = new MachineHarness({ readOnly: true });
    h.up({ readOnly: true });
    expect(probe(h, false).host).toBe("a");
  });

  it("moves to the one that says yes", () => {
    const h = readOnly();
    probe(h, false);
    const { host } = probe(h, true);
    expect(h.state).toBe("suspended");
    h.comeBack({ sessionId: 0x52n });
    expect(h.machine.server).toBe(`${host}:2181`);
    expect(h.state).toBe("connected");
    expect(h.machine.pendingDeadlines.map(({ name }) => name)).not.toContain("probe");
  });

  it("blames the server that was left, not the one that was found", () => {
    const h = readOnly();
    const present = h.machine.server;
    h.advance(600);
    h.step({ kind: "probed", epoch: h.machine.epoch, isReadWrite: true });
    expect(h.machine.attemptFailures.map(({ server }) => `${server.host}:${server.port}`)).toEqual([present]);
  });

  it("asks one question at a time, as the answer does not say whom it is from", () => {
    const h = readOnly();
    const asked = probes(h.advance(1500));
    expect(asked).toHaveLength(1);
    h.step({ kind: "probed", epoch: h.machine.epoch, isReadWrite: false });
    expect(probes(h.advance(1600))).toHaveLength(1);
  });

  it("takes no late answer for a present one", () => {
    const h = readOnly();
    const [asked] = probes(h.advance(100));
    h.disconnect();
    h.comeBack({ readOnly: true });
    h.step({ kind: "probed", epoch: asked!.epoch, isReadWrite: true });
    expect(h.state).toBe("readonly");
  });

  it("does not disturb a client that closes", () => {
    const h = readOnly();
    h.advance(100);
    const closing = h.close();
    h.step({ kind: "probed", epoch: h.machine.epoch, isReadWrite: true });
    h.acknowledge(h.request("closeSession"));
    expect(closing.value).toEqual({ confirmed: true });
  });

  it("starts quickly again on the next read-only server", () => {
    const h = readOnly();
    for (let times = 0; times < 6; times += 1) probe(h, false);
    h.disconnect();
    h.comeBack({ readOnly: true });
    expect(probe(h, false).waitedMs).toBe(100);
  });
});
