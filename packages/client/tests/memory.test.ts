import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Call, DEFAULT_LIMITS, DEFAULT_RECONNECT, SessionMachine, type Ticket } from "../src/core/index.js";
import { SPECS } from "../src/operations.js";
import { connectResponseFrame, eventFrame, headerFrame } from "../src/testing/server-wire.js";

// What is over is forgotten: no call, ticket or watcher outlives its end inside the machine.

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** A machine that is driven without remembering anything of it. */
class Amnesiac {
  readonly machine = new SessionMachine({
    servers: [{ host: "a", port: 2181 }],
    seed: 1,
    sessionTimeoutMs: 9000,
    readOnly: false,
    credentials: [],
    limits: { ...DEFAULT_LIMITS, outstandingMax: 50 },
    reconnect: DEFAULT_RECONNECT,
    recordHistory: true,
  });
  nowMs = 1000;
  xid = 0;
  readonly refs: WeakRef<object>[] = [];

  step(input: object): void {
    this.machine.step({ nowMs: this.nowMs, ...input } as never);
    this.machine.drain();
  }

  connect(): void {
    this.ticket("connect");
    this.reconnect();
  }

  reconnect(): void {
    while (this.machine.phase !== "resolving") {
      this.nowMs = Math.max(this.nowMs, this.machine.nextDeadlineMs());
      this.step({ kind: "time" });
    }
    this.step({ kind: "resolved", epoch: this.machine.epoch, addresses: ["10.0.0.1"] });
    this.step({ kind: "opened", epoch: this.machine.epoch });
    this.receive(connectResponseFrame({ sessionId: 5n, timeoutMs: 9000 }, {} as never));
  }

  receive(bytes: Uint8Array): void {
    this.step({ kind: "received", epoch: this.machine.epoch, bytes });
  }

  ticket(kind: Ticket["ticket"], more: object = {}): WeakRef<Ticket> {
    const ticket: Ticket = { ticket: kind, deadlineMs: this.nowMs + 1e9 };
    const ref = new WeakRef(ticket);
    this.refs.push(ref);
    this.step({ kind, ticket, ...more });
    return ref;
  }

  /** @returns the call's number on the wire, if it is sent at once */
  call(watcher?: object, timeoutMs = 1e9): { readonly xid: number; readonly ref: WeakRef<Call> } {
    const path = "/a";
    const call = new Call({
      spec: SPECS.exists,
      path,
      serverPath: path,
      record: { path, watch: watcher !== undefined },
      watch: watcher && { watcher, kind: "data" },
      retry: "none",
      timeoutMs,
      weight: 10,
      finish: (reply) => reply,
    });
    const ref = new WeakRef(call);
    this.refs.push(ref);
    this.step({ kind: "call", call });
    this.xid += 1;
    return { xid: this.xid, ref };
  }

  answer(xid: number): void {
    this.receive(headerFrame({ xid, zxid: 1n, err: -101 }));
  }
}

/** Everything that ended must be gone after the turn in which it ended. */
async function left(amnesiac: Amnesiac): Promise<number> {
  // A WeakRef holds on to its object until the running job is over.
  await new Promise<void>((resolve) => queueMicrotask(resolve));
  await new Promise<void>((resolve) => process.nextTick(resolve));
  await new Promise<void>((resolve) => {
    new MessageChannel().port1.once("close", resolve).close();
  });
  collectGarbage();
  return amnesiac.refs.filter((ref) => ref.deref() !== undefined).length;
}

const ENDINGS: Readonly<Record<string, (a: Amnesiac) => void>> = {
  "calls that were answered": (a) => a.answer(a.call().xid),
  "calls that were abandoned, after their late answer": (a) => {
    const { xid, ref } = a.call();
    a.step({ kind: "abandon", target: ref.deref(), reason: "why" });
    a.answer(xid);
  },
  "calls that were abandoned while they waited": (a) => {
    a.step({ kind: "blocked", epoch: a.machine.epoch });
    const { ref } = a.call();
    a.xid -= 1;
    a.step({ kind: "abandon", target: ref.deref(), reason: "why" });
    a.step({ kind: "drained", epoch: a.machine.epoch });
  },
  "calls whose time ran out while they waited": (a) => {
    a.step({ kind: "blocked", epoch: a.machine.epoch });
    a.call(undefined, 5);
    a.xid -= 1;
    a.nowMs += 5;
    a.step({ kind: "time" });
    a.step({ kind: "drained", epoch: a.machine.epoch });
  },
  "calls that were lost with their connection": (a) => {
    a.call();
    a.step({ kind: "disconnected", epoch: a.machine.epoch, reason: "gone" });
    a.reconnect();
  },
  "watchers that were told": (a) => {
    const watcher = {};
    a.refs.push(new WeakRef(watcher));
    a.answer(a.call(watcher).xid);
    a.receive(eventFrame({ type: "NodeCreated", path: "/a" }));
  },
  "watchers that were taken back, before and after they stood": (a) => {
    const watcher = {};
    a.refs.push(new WeakRef(watcher));
    const { xid } = a.call(watcher);
    a.step({ kind: "unwatch", path: "/a", watcher });
    a.answer(xid);
    a.answer(a.call(watcher).xid);
    a.step({ kind: "unwatch", path: "/a", watcher });
  },
  "credentials that were accepted or given up": (a) => {
    const auth = { reveal: () => new Uint8Array(1), equals: () => true, size: 1 };
    a.ticket("addAuth", { scheme: "digest", auth });
    const ref = a.ticket("addAuth", { scheme: "digest", auth });
    a.step({ kind: "abandon", target: ref.deref(), reason: "why" });
    for (let reply = 0; reply < 2; reply += 1) a.receive(headerFrame({ xid: -4, zxid: 0n, err: 0 }));
  },
};

describe("the machine keeps nothing of", () => {
  it.each(Object.keys(ENDINGS))("%s", async (name) => {
    const amnesiac = new Amnesiac();
    amnesiac.connect();
    const end = ENDINGS[name] as (a: Amnesiac) => void;
    for (let times = 0; times < 200; times += 1) end(amnesiac);
    expect(await left(amnesiac)).toBe(0);
    expect(amnesiac.machine.load).toEqual({ queued: 0, inFlight: 0, bytes: 0, watches: 0 });
    expect(amnesiac.refs.length).toBeGreaterThanOrEqual(201);
  });

  it("anything, once it is closed", async () => {
    const amnesiac = new Amnesiac();
    amnesiac.connect();
    for (let call = 0; call < 200; call += 1) amnesiac.call({});
    amnesiac.ticket("close");
    amnesiac.receive(headerFrame({ xid: 51, zxid: 1n, err: 0 }));
    expect(amnesiac.machine.state).toBe("closed");
    expect(await left(amnesiac)).toBe(0);
  });
});
