// Every situation a machine can be in, and every kind of input: what it becomes, and what it puts out. One table, so the
// file stays whole.
import type { ConnectRequest } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { MachineHarness, type Outcome } from "../testing/machine-harness.js";
import { connectResponseFrame, eventFrame } from "../testing/server-wire.js";
import type { Output } from "./outputs.js";
import { Secret } from "./secret.js";
import { isLegalMove, SESSION_STATES, type SessionState } from "./session-state.js";

/** How to get there. All have one server with one address, except where the name says otherwise. */
const SITUATIONS = {
  idle: () => new MachineHarness(),
  "connecting, resolving": () => connecting("resolving"),
  "connecting, opening": () => connecting("opening"),
  "connecting, handshaking": () => connecting("handshaking"),
  "connecting, waiting": () => connecting("waiting"),
  connected: () => up(),
  "connected, full": () => {
    const h = up();
    h.step({ kind: "blocked", epoch: h.machine.epoch });
    h.call("getData", "/waiting");
    return h;
  },
  readonly: () => {
    const h = new MachineHarness({ readOnly: true });
    h.up({ readOnly: true });
    return h;
  },
  "suspended, in doubt": () => inDoubt(),
  "suspended, resolving": () => suspended("resolving"),
  "suspended, opening": () => suspended("opening"),
  "suspended, handshaking": () => suspended("handshaking"),
  "suspended, waiting": () => suspended("waiting"),
  "closing, up": () => closing(up()),
  "closing, in doubt": () => closing(inDoubt()),
  "closing, resolving": () => closing(suspended("resolving")),
  "closing, opening": () => closing(suspended("opening")),
  "closing, handshaking": () => closing(suspended("handshaking")),
  "closing, waiting": () => closing(suspended("waiting")),
  expired: () => {
    const h = suspended("handshaking");
    h.grant({ sessionId: 0n });
    return h;
  },
  authFailed: () => {
    const h = up();
    h.addAuth("nonsense", "x");
    h.refuse({ xid: -4 }, "AUTH_FAILED");
    return h;
  },
  closed: () => {
    const h = new MachineHarness();
    h.close();
    return h;
  },
} as const satisfies Record<string, () => MachineHarness>;

/** What happens there. */
const INPUTS = {
  connect: (h: MachineHarness) => fed(h, () => h.connect(60_000)),
  close: (h: MachineHarness) => fed(h, () => h.close(60_000)),
  addAuth: (h: MachineHarness) => fed(h, () => h.addAuth("digest", "a:b", 60_000)),
  "call read": (h: MachineHarness) => fed(h, () => h.call("getData", "/a")),
  "call write": (h: MachineHarness) => fed(h, () => h.call("setData", "/a")),
  "call watch": (h: MachineHarness) => fed(h, () => h.call("exists", "/a", { watcher: {} })),
  "abandon all": (h: MachineHarness) => h.outcomes.flatMap((outcome) => h.abandon(outcome)),
  unwatch: (h: MachineHarness) => h.step({ kind: "unwatch", path: "/a", watcher: {} }),
  resolved: (h: MachineHarness) => h.resolve("10.0.0.9"),
  "resolved, none": (h: MachineHarness) => h.resolve(),
  unresolved: (h: MachineHarness) => h.step({ kind: "unresolved", epoch: h.machine.epoch, reason: "no" }),
  opened: (h: MachineHarness) => h.open(),
  granted: (h: MachineHarness) => grant(h, 0x51n),
  "granted nothing": (h: MachineHarness) => grant(h, 0n),
  event: (h: MachineHarness) => h.receive(eventFrame({ type: "NodeCreated", path: "/a" })),
  "reply to close": (h: MachineHarness) => h.acknowledge({ xid: 1 }),
  pong: (h: MachineHarness) => h.acknowledge({ xid: -2 }),
  garbage: (h: MachineHarness) => h.receive(new Uint8Array([255, 255, 255, 255])),
  "half a length": (h: MachineHarness) => h.receive(new Uint8Array([0, 0])),
  blocked: (h: MachineHarness) => h.step({ kind: "blocked", epoch: h.machine.epoch }),
  drained: (h: MachineHarness) => h.step({ kind: "drained", epoch: h.machine.epoch }),
  disconnected: (h: MachineHarness) => h.disconnect(),
  "probed rw": (h: MachineHarness) => h.step({ kind: "probed", epoch: h.machine.epoch, isReadWrite: true }),
  "probed ro": (h: MachineHarness) => h.step({ kind: "probed", epoch: h.machine.epoch, isReadWrite: false }),
  "time, early": (h: MachineHarness) => h.step({ kind: "time" }),
  "time, next": (h: MachineHarness) =>
    Number.isFinite(h.machine.nextDeadlineMs()) ? h.advance(h.machine.nextDeadlineMs() - h.nowMs) : [],
  "time, stalled": (h: MachineHarness) => {
    h.stall(20_000);
    return h.step({ kind: "time" });
  },
} as const satisfies Record<string, (h: MachineHarness) => Output[]>;

type Situation = keyof typeof SITUATIONS;
type InputName = keyof typeof INPUTS;

function connecting(phase: string): MachineHarness {
  const h = new MachineHarness();
  h.connect();
  return into(h, phase);
}

function suspended(phase: string): MachineHarness {
  const h = up();
  h.advance(1000);
  h.disconnect();
  return into(h, phase);
}

function into(h: MachineHarness, phase: string): MachineHarness {
  if (phase === "waiting") h.step({ kind: "unresolved", epoch: h.machine.epoch, reason: "no" });
  if (phase === "opening") h.resolve("10.0.0.1");
  if (phase === "handshaking") h.reach();
  return h;
}

function up(): MachineHarness {
  const h = new MachineHarness();
  h.up();
  return h;
}

function inDoubt(): MachineHarness {
  const h = up();
  h.stall(9001);
  h.step({ kind: "time" });
  return h;
}

function closing(h: MachineHarness): MachineHarness {
  h.close(60_000);
  return h;
}

function fed(h: MachineHarness, work: () => Outcome): Output[] {
  const before = h.log.length;
  work();
  return h.log.slice(before);
}

function grant(h: MachineHarness, sessionId: bigint): Output[] {
  return h.receive(connectResponseFrame({ sessionId, timeoutMs: 9000 }, {} as ConnectRequest));
}

/** In short: where the machine stands after it, and what it put out; "-" when nothing changed. */
function summary(h: MachineHarness, input: InputName): string {
  const before = `${h.state}/${h.machine.phase}`;
  h.requests();
  const outputs = INPUTS[input](h);
  const after = `${h.state}/${h.machine.phase}`;
  const words = outputs.map((output) => {
    if (output.kind === "state") return output.state;
    if (output.kind === "failed") return output.error.code;
    if (output.kind === "write")
      return `write(${h
        .requests()
        .map(({ operation }) => operation)
        .join(" ")})`;
    return output.kind;
  });
  if (before === after && words.length === 0) return "-";
  return [before === after ? "=" : after, ...words].join(" ");
}

/**
 * What becomes of each pair: "=" when state and phase stay, otherwise both; then what is put out, in order. Pairs that
 * are not listed change nothing and put nothing out. (A call that waits is such a pair: it is told when it ends.)
 */
const TABLE: Readonly<Record<Situation, Partial<Record<InputName, string>>>> = {
  idle: {
    connect: "connecting/resolving connecting resolve",
    close: "closed/down closed settled",
    addAuth: "= settled",
    "call read": "= NOT_CONNECTED",
    "call write": "= NOT_CONNECTED",
    "call watch": "= NOT_CONNECTED",
  },
  "connecting, resolving": {
    close: "closed/down closed CLOSED settled",
    "abandon all": "idle/down ABORTED idle",
    resolved: "connecting/opening open",
    "resolved, none": "connecting/waiting",
    unresolved: "connecting/waiting",
    "time, next": "connecting/waiting",
    "time, stalled": "connecting/waiting",
  },
  "connecting, opening": {
    close: "closed/down disconnect closed CLOSED settled",
    "abandon all": "idle/down ABORTED disconnect idle",
    opened: "connecting/handshaking write()",
    disconnected: "connecting/waiting disconnect",
    "time, next": "connecting/waiting disconnect",
    "time, stalled": "connecting/waiting disconnect",
  },
  "connecting, handshaking": {
    close: "closed/down disconnect closed CLOSED settled",
    "abandon all": "idle/down ABORTED disconnect idle",
    granted: "connected/up connected settled",
    "granted nothing": "connecting/waiting disconnect",
    event: "connecting/waiting disconnect",
    "reply to close": "connecting/waiting disconnect",
    pong: "connecting/waiting disconnect",
    garbage: "connecting/waiting disconnect",
    disconnected: "connecting/waiting disconnect",
    "time, next": "connecting/waiting disconnect",
    "time, stalled": "connecting/waiting disconnect",
  },
  "connecting, waiting": {
    close: "closed/down closed CLOSED settled",
    "abandon all": "idle/down ABORTED idle",
    "time, next": "connecting/resolving resolve",
    "time, stalled": "connecting/resolving resolve",
  },
  connected: {
    connect: "= settled",
    close: "= write(closeSession)",
    addAuth: "= write(auth)",
    "call read": "= write(getData)",
    "call write": "= write(setData)",
    "call watch": "= write(exists)",
    granted: "suspended/waiting disconnect suspended",
    "granted nothing": "suspended/waiting disconnect suspended",
    "reply to close": "suspended/waiting disconnect suspended",
    pong: "suspended/waiting disconnect suspended",
    garbage: "suspended/waiting disconnect suspended",
    disconnected: "suspended/waiting disconnect suspended",
    "time, next": "= write(ping)",
    "time, stalled": "suspended/up suspended write(ping)",
  },
  "connected, full": {
    connect: "= settled",
    close: "= CLOSED room write(closeSession)",
    addAuth: "= write(auth)",
    "abandon all": "= ABORTED room",
    granted: "suspended/waiting disconnect suspended",
    "granted nothing": "suspended/waiting disconnect suspended",
    "reply to close": "suspended/waiting disconnect suspended",
    pong: "suspended/waiting disconnect suspended",
    garbage: "suspended/waiting disconnect suspended",
    drained: "= room write(getData)",
    disconnected: "suspended/waiting disconnect suspended",
    "time, next": "= write(ping)",
    "time, stalled": "suspended/up suspended write(ping)",
  },
  readonly: {
    connect: "= settled",
    close: "= write(closeSession)",
    addAuth: "= write(auth)",
    "call read": "= write(getData)",
    "call write": "= write(setData)",
    "call watch": "= write(exists)",
    granted: "suspended/waiting disconnect suspended",
    "granted nothing": "suspended/waiting disconnect suspended",
    "reply to close": "suspended/waiting disconnect suspended",
    pong: "suspended/waiting disconnect suspended",
    garbage: "suspended/waiting disconnect suspended",
    disconnected: "suspended/waiting disconnect suspended",
    "probed rw": "suspended/waiting disconnect suspended",
    "time, next": "= probe",
    "time, stalled": "suspended/up suspended probe write(ping)",
  },
  "suspended, in doubt": {
    close: "= write(closeSession)",
    addAuth: "= write(auth)",
    "call read": "= write(getData)",
    "call write": "= write(setData)",
    "call watch": "= write(exists)",
    granted: "suspended/resolving disconnect resolve",
    "granted nothing": "suspended/resolving disconnect resolve",
    "reply to close": "suspended/resolving disconnect resolve",
    pong: "connected/up connected",
    garbage: "suspended/resolving disconnect resolve",
    disconnected: "suspended/resolving disconnect resolve",
    "time, next": "suspended/resolving disconnect resolve",
    "time, stalled": "= write(ping)",
  },
  "suspended, resolving": {
    resolved: "suspended/opening open",
    "resolved, none": "suspended/waiting",
    unresolved: "suspended/waiting",
    "time, next": "suspended/waiting",
    "time, stalled": "suspended/waiting",
  },
  "suspended, opening": {
    opened: "suspended/handshaking write()",
    disconnected: "suspended/waiting disconnect",
    "time, next": "suspended/waiting disconnect",
    "time, stalled": "suspended/waiting disconnect",
  },
  "suspended, handshaking": {
    granted: "connected/up connected",
    "granted nothing": "expired/down disconnect expired",
    event: "suspended/waiting disconnect",
    "reply to close": "suspended/waiting disconnect",
    pong: "suspended/waiting disconnect",
    garbage: "suspended/waiting disconnect",
    disconnected: "suspended/waiting disconnect",
    "time, next": "suspended/waiting disconnect",
    "time, stalled": "suspended/waiting disconnect",
  },
  "suspended, waiting": {
    "time, next": "suspended/resolving resolve",
    "time, stalled": "suspended/resolving resolve",
  },
  "closing, up": {
    connect: "= CLOSED",
    addAuth: "= CLOSED",
    "call read": "= CLOSED",
    "call write": "= CLOSED",
    "call watch": "= CLOSED",
    granted: "suspended/waiting disconnect suspended",
    "granted nothing": "suspended/waiting disconnect suspended",
    "reply to close": "closed/down disconnect closed settled",
    pong: "suspended/waiting disconnect suspended",
    garbage: "suspended/waiting disconnect suspended",
    disconnected: "suspended/waiting disconnect suspended",
    "time, next": "= write(ping)",
    "time, stalled": "suspended/up suspended write(ping)",
  },
  "closing, in doubt": {
    connect: "= CLOSED",
    addAuth: "= CLOSED",
    "call read": "= CLOSED",
    "call write": "= CLOSED",
    "call watch": "= CLOSED",
    granted: "suspended/resolving disconnect resolve",
    "granted nothing": "suspended/resolving disconnect resolve",
    "reply to close": "closed/down disconnect closed settled",
    garbage: "suspended/resolving disconnect resolve",
    disconnected: "suspended/resolving disconnect resolve",
    "time, next": "suspended/resolving disconnect resolve",
    "time, stalled": "= write(ping)",
  },
  "closing, resolving": {
    connect: "= CLOSED",
    addAuth: "= CLOSED",
    "call read": "= CLOSED",
    "call write": "= CLOSED",
    "call watch": "= CLOSED",
    resolved: "suspended/opening open",
    "resolved, none": "suspended/waiting",
    unresolved: "suspended/waiting",
    "time, next": "suspended/waiting",
    "time, stalled": "suspended/waiting",
  },
  "closing, opening": {
    connect: "= CLOSED",
    addAuth: "= CLOSED",
    "call read": "= CLOSED",
    "call write": "= CLOSED",
    "call watch": "= CLOSED",
    opened: "suspended/handshaking write()",
    disconnected: "suspended/waiting disconnect",
    "time, next": "suspended/waiting disconnect",
    "time, stalled": "suspended/waiting disconnect",
  },
  "closing, handshaking": {
    connect: "= CLOSED",
    addAuth: "= CLOSED",
    "call read": "= CLOSED",
    "call write": "= CLOSED",
    "call watch": "= CLOSED",
    granted: "suspended/up write(closeSession)",
    "granted nothing": "closed/down disconnect closed settled",
    event: "suspended/waiting disconnect",
    "reply to close": "suspended/waiting disconnect",
    pong: "suspended/waiting disconnect",
    garbage: "suspended/waiting disconnect",
    disconnected: "suspended/waiting disconnect",
    "time, next": "suspended/waiting disconnect",
    "time, stalled": "suspended/waiting disconnect",
  },
  "closing, waiting": {
    connect: "= CLOSED",
    addAuth: "= CLOSED",
    "call read": "= CLOSED",
    "call write": "= CLOSED",
    "call watch": "= CLOSED",
    "time, next": "suspended/resolving resolve",
    "time, stalled": "suspended/resolving resolve",
  },
  expired: {
    connect: "connecting/resolving connecting resolve",
    close: "closed/down closed settled",
    addAuth: "= SESSION_EXPIRED",
    "call read": "= SESSION_EXPIRED",
    "call write": "= SESSION_EXPIRED",
    "call watch": "= SESSION_EXPIRED",
  },
  authFailed: {
    connect: "= AUTH_FAILED",
    close: "closed/down closed settled",
    addAuth: "= AUTH_FAILED",
    "call read": "= AUTH_FAILED",
    "call write": "= AUTH_FAILED",
    "call watch": "= AUTH_FAILED",
  },
  closed: {
    connect: "= CLOSED",
    close: "= settled",
    addAuth: "= CLOSED",
    "call read": "= CLOSED",
    "call write": "= CLOSED",
    "call watch": "= CLOSED",
  },
};

const situations = Object.keys(SITUATIONS) as Situation[];
const inputs = Object.keys(INPUTS) as InputName[];

describe.each(situations)("%s", (situation) => {
  it.each(inputs)("+ %s", (input) => {
    const h = SITUATIONS[situation]();
    const before = h.log.length;
    const from = h.log.findLast((output) => output.kind === "state")?.state ?? "idle";
    expect(summary(h, input)).toBe(TABLE[situation][input] ?? "-");
    expectLegal(from, h.log.slice(before));
    expectSound(h);
    // Whatever happened, close() must be able to end it.
    h.close(1000);
    h.advance(1000);
    expect(h.state).toBe("closed");
    expect(h.outcomes.filter(({ endings }) => endings !== 1)).toEqual([]);
    expect(h.machine.pendingDeadlines).toEqual([]);
    expect(h.machine.load).toEqual({ queued: 0, inFlight: 0, bytes: 0, watches: 0 });
  });

  it("is not moved by news of another connection", () => {
    const h = SITUATIONS[situation]();
    const before = `${h.state}/${h.machine.phase}`;
    for (const epoch of [h.machine.epoch - 1, h.machine.epoch + 1]) {
      h.step({ kind: "resolved", epoch, addresses: ["10.0.0.9"] });
      h.step({ kind: "unresolved", epoch, reason: "no" });
      h.step({ kind: "opened", epoch });
      h.step({ kind: "received", epoch, bytes: new Uint8Array([255, 255, 255, 255]) });
      h.step({ kind: "blocked", epoch });
      h.step({ kind: "disconnected", epoch, reason: "gone" });
      h.step({ kind: "probed", epoch, isReadWrite: true });
    }
    expect(`${h.state}/${h.machine.phase}`).toBe(before);
    expect(h.drain()).toEqual([]);
  });
});

describe("the table of legal moves", () => {
  it("has every state, leads nowhere from closed, and only to closed from authFailed", () => {
    const from = (state: SessionState) => SESSION_STATES.filter((next) => isLegalMove(state, next));
    expect(from("closed")).toEqual([]);
    expect(from("authFailed")).toEqual(["closed"]);
    expect(from("expired")).toEqual(["connecting", "closed"]);
    expect(from("idle")).toEqual(["connecting", "closed"]);
    for (const state of SESSION_STATES) {
      expect(isLegalMove(state, state)).toBe(false);
      if (state !== "closed") expect(isLegalMove(state, "closed")).toBe(true);
    }
  });

  it("is used up by the situations above: each move in it happens in one of them", () => {
    const seen = new Set<string>();
    for (const situation of situations) {
      for (const input of inputs) {
        const h = SITUATIONS[situation]();
        INPUTS[input](h);
        let from: SessionState = "idle";
        for (const output of h.log) {
          if (output.kind !== "state") continue;
          seen.add(`${from} > ${output.state}`);
          from = output.state;
        }
      }
    }
    const listed = SESSION_STATES.flatMap((from) =>
      SESSION_STATES.filter((to) => isLegalMove(from, to)).map((to) => `${from} > ${to}`),
    );
    for (const move of Object.keys(MOVES_OF_MORE_STEPS)) seen.add(move);
    expect(listed.filter((move) => !seen.has(move))).toEqual([]);
    expect([...seen].filter((move) => !listed.includes(move))).toEqual([]);
  });
});

/** Moves that take more than one input from the situations above. */
const MOVES_OF_MORE_STEPS: Readonly<Record<string, () => MachineHarness>> = {
  "connecting > expired": () => {
    const h = new MachineHarness({ session: { id: 9n, password: new Secret(new Uint8Array(16)) } });
    h.up({ sessionId: 0n });
    return h;
  },
  "readonly > authFailed": () => {
    const h = SITUATIONS.readonly();
    h.addAuth("nonsense", "x");
    h.refuse({ xid: -4 }, "AUTH_FAILED");
    return h;
  },
  "readonly > closed": () => {
    const h = SITUATIONS.readonly();
    h.close();
    h.acknowledge({ xid: 1 });
    return h;
  },
  "suspended > readonly": () => {
    const h = SITUATIONS.readonly();
    h.disconnect();
    h.comeBack({ readOnly: true });
    return h;
  },
  "suspended > authFailed": () => {
    const h = inDoubt();
    h.addAuth("nonsense", "x");
    h.refuse({ xid: -4 }, "AUTH_FAILED");
    return h;
  },
};

describe("a move of more steps", () => {
  it.each(Object.keys(MOVES_OF_MORE_STEPS))("%s", (move) => {
    const h = MOVES_OF_MORE_STEPS[move]?.();
    const states = h?.log.flatMap((output) => (output.kind === "state" ? [output.state] : []));
    expect(states?.slice(-2).join(" > ")).toBe(move);
  });
});

function expectLegal(from: SessionState, outputs: readonly Output[]): void {
  let state = from;
  for (const output of outputs) {
    if (output.kind !== "state") continue;
    expect(isLegalMove(state, output.state)).toBe(true);
    state = output.state;
  }
}

/** What must hold after every step. */
function expectSound(h: MachineHarness): void {
  expect(h.outcomes.filter(({ endings }) => endings > 1)).toEqual([]);
  expect(h.machine.phase === "down").toBe(["idle", "expired", "authFailed", "closed"].includes(h.state));
  if (h.machine.phase === "down") expect(h.machine.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
  h.step({ kind: "time" });
  expect(h.machine.nextDeadlineMs()).toBeGreaterThan(h.nowMs);
}
