import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";
import { headerFrame } from "../testing/server-wire.js";
import type { Call } from "./call.js";

function up(options: ConstructorParameters<typeof MachineHarness>[0] = {}): MachineHarness {
  const h = new MachineHarness(options);
  h.up();
  return h;
}

describe("an abandoned request", () => {
  it("keeps its place: its late reply is taken in and moves lastZxid", () => {
    const h = up();
    const call = h.call("getData", "/a", { watcher: {} });
    const next = h.call("remove", "/b");
    h.abandon(call);
    const seen = h.request("getData");
    h.reply(seen, { data: null, stat: STAT });
    expect(h.machine.lastZxid).toBe(h.zxid);
    expect(h.machine.load).toMatchObject({ inFlight: 1, watches: 0 });
    h.acknowledge(h.request("delete"));
    expect(next.status).toBe("settled");
    expect(call.endings).toBe(1);
  });

  it("that is never answered costs the connection in the end, so that its place is freed", () => {
    const h = up();
    const call = h.call("getData", "/a");
    h.request("getData");
    h.abandon(call);
    for (let waited = 0; waited < 20_000 && h.state === "connected"; waited += 1000) {
      h.advance(1000);
      for (const request of h.requests()) h.acknowledge(request);
    }
    expect(h.state).toBe("suspended");
    expect(h.machine.load.inFlight).toBe(0);
  });

  it("after it was settled changes nothing", () => {
    const h = up();
    const call = h.call("remove", "/a");
    h.acknowledge(h.request("delete"));
    h.abandon(call);
    expect(call).toMatchObject({ endings: 1, status: "settled" });
  });
});

describe("replies", () => {
  it("may overtake each other", () => {
    const h = up();
    const slow = h.call("remove", "/a");
    const quick = h.call("create", "/b");
    const [first, second] = h.requests();
    h.refuse(second!, "NOT_READONLY");
    expect(quick.error?.code).toBe("NOT_READONLY");
    h.acknowledge(first!);
    expect(slow.status).toBe("settled");
  });

  it("to a request that was not handed over yet are lies: the connection goes and the request stays", () => {
    const h = up();
    const write = h.newCall("remove", "/a");
    h.feed({ kind: "call", call: write.target });
    h.receive(headerFrame({ xid: 1, zxid: 5n, err: 0 }));
    expect(write.status).toBe("pending");
    expect(h.state).toBe("suspended");
    h.comeBack();
    expect(h.request("delete").xid).toBe(2);
  });

  it("that came early do not make sent requests count as unsent", () => {
    const h = up();
    const first = h.call("remove", "/a", { retry: "none" });
    const second = h.call("remove", "/b", { retry: "none" });
    h.feed({ kind: "call", call: h.newCall("remove", "/c").target });
    h.receive(headerFrame({ xid: 3, zxid: 5n, err: 0 }));
    expect([first.error?.applied, second.error?.applied]).toEqual(["maybe", "maybe"]);
  });

  it("of exists without a node is null, and every other NO_NODE is an error", () => {
    const h = up();
    const exists = h.call("exists", "/a");
    const remove = h.call("remove", "/a");
    for (const request of h.requests()) h.refuse(request, "NO_NODE");
    expect(exists).toMatchObject({ status: "settled", value: null });
    expect(remove.error?.code).toBe("NO_NODE");
  });

  it("whose body is cut short fail the call with PROTOCOL and cost the connection", () => {
    const h = up();
    const call = h.call("getData", "/a");
    h.receive(headerFrame({ xid: h.request("getData").xid, zxid: 9n, err: 0 }));
    expect(call.error).toMatchObject({ code: "PROTOCOL", applied: "no" });
    expect(h.state).toBe("suspended");
  });

  it("of a write that cannot be read leave it at maybe", () => {
    const h = up();
    const call = h.call("create", "/a");
    h.receive(headerFrame({ xid: h.request("create").xid, zxid: 9n, err: 0 }));
    expect(call.error).toMatchObject({ code: "PROTOCOL", applied: "maybe" });
  });

  it("that nobody can make sense of do not stop the next", () => {
    const h = up();
    const broken = h.call("getData", "/a", {
      finish: () => {
        throw new Error("no sense");
      },
    });
    h.reply(h.request("getData"), { data: null, stat: STAT });
    expect(broken.error?.code).toBe("PROTOCOL");
    h.comeBack();
    const next = h.call("remove", "/b");
    h.acknowledge(h.request("delete"));
    expect(next.status).toBe("settled");
  });

  it("above replyBytesMax fail the oldest call with REPLY_TOO_LARGE instead of asking for it for ever", () => {
    const h = up({ limits: { replyBytesMax: 1000 } });
    const large = h.call("getChildren", "/large");
    const other = h.call("getData", "/a");
    h.requests();
    h.receive(new Uint8Array([0, 0, 4, 0]));
    expect(large.error).toMatchObject({ code: "REPLY_TOO_LARGE", path: "/large" });
    expect(large.error?.message).toContain("replyBytesMax");
    h.comeBack();
    expect(h.requests().map(({ body }) => (body as { path: string }).path)).toEqual(["/a"]);
    expect(other.status).toBe("pending");
  });
});

describe("lastZxid", () => {
  const at = (zxid: bigint, xid = 1) => headerFrame({ xid, zxid, err: 0 });

  it("follows the replies to ordinary requests and never falls", () => {
    const h = up();
    for (const [sent, zxid] of [50n, 40n, 0n, -1n, 60n].entries()) {
      h.call("remove", "/a");
      h.receive(at(zxid, sent + 1));
    }
    expect(h.machine.lastZxid).toBe(60n);
    h.disconnect();
    h.comeBack();
    expect(h.question?.lastZxidSeen).toBe(60n);
    h.call("remove", "/a");
    h.receive(at(55n, 6));
    expect(h.machine.lastZxid).toBe(60n);
  });

  it("moves with refusals as well", () => {
    const h = up();
    h.call("remove", "/a");
    h.receive(headerFrame({ xid: 1, zxid: 70n, err: -101 }));
    expect(h.machine.lastZxid).toBe(70n);
  });

  it("does not move with pings, credentials, events or re-armed watches", () => {
    const h = up();
    h.advance(3000);
    h.receive(at(99n, h.request("ping").xid));
    h.addAuth("digest", "a:b");
    h.receive(at(99n, h.request("auth").xid));
    h.notify({ type: "NodeCreated", path: "/a" });
    expect(h.machine.lastZxid).toBe(0n);
  });

  it("is kept for the new session after an expiry", () => {
    const h = up();
    h.call("remove", "/a");
    h.receive(at(80n));
    h.disconnect();
    h.comeBack({ sessionId: 0n });
    expect(h.state).toBe("expired");
    h.connect();
    h.reach();
    expect(h.question).toMatchObject({ sessionId: 0n, lastZxidSeen: 80n });
  });
});

describe("misuse and faults of our own", () => {
  it("a call given twice ends once, and step does not throw", () => {
    const h = up();
    const call = h.call("remove", "/a");
    h.step({ kind: "call", call: call.target });
    h.comeBack();
    h.requests();
    expect(call.endings).toBeLessThanOrEqual(1);
  });

  it("a call that breaks the machine fails with INTERNAL and everything else goes on", () => {
    const h = up();
    h.machine.diagnosing = true;
    const broken = h.newCall("remove", "/a");
    const target = Object.create(broken.target, {
      weight: {
        get: () => {
          throw new Error("no weight");
        },
      },
    }) as Call;
    h.step({ kind: "call", call: target });
    const ended = h.outcomes.find((outcome) => outcome.target === target);
    expect(ended?.error).toMatchObject({ code: "INTERNAL", applied: "no" });
    expect(
      h.log.some((output) => output.kind === "diagnostic" && output.event.type === "internalError"),
    ).toBe(true);
    h.comeBack();
    expect(h.state).toBe("connected");
  });

  it("a failpoint that throws while a reply is in hand leaves no call behind", () => {
    let armed = false;
    const h = up({
      failpoint: (name) => {
        if (armed && name === "replyDecoded") throw new Error("boom");
        return "continue";
      },
    });
    const call = h.call("remove", "/a");
    armed = true;
    h.acknowledge(h.request("delete"));
    expect(call.error).toMatchObject({ code: "INTERNAL", applied: "maybe" });
    expect(h.state).toBe("suspended");
  });
});

const STAT = {
  czxid: 1n,
  mzxid: 2n,
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
