import type { Stat } from "@zk/protocol";
import { encode, SetWatches } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";
import { eventFrame, headerFrame, replyFrame } from "../testing/server-wire.js";
import type { Output } from "./outputs.js";
import { SET_WATCHES_BYTES_MAX } from "./watch-table.js";

const stat: Stat = {
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

function up(options: ConstructorParameters<typeof MachineHarness>[0] = {}): MachineHarness {
  const h = new MachineHarness(options);
  h.up();
  return h;
}

function armData(h: MachineHarness, path: string, watcher: object): void {
  h.call("getData", path, { watcher });
  h.reply(h.request("getData"), { data: null, stat });
}

function armExist(h: MachineHarness, path: string, watcher: object): void {
  h.call("exists", path, { watcher });
  h.refuse(h.request("exists"), "NO_NODE");
}

function armChild(h: MachineHarness, path: string, watcher: object): void {
  h.call("getChildren", path, { watcher });
  h.reply(h.request("getChildren2"), { children: [], stat });
}

const heard = (outputs: readonly Output[]) =>
  outputs.flatMap((output) =>
    output.kind === "watch" ? [[output.watcher, output.notice.type] as const] : [],
  );

describe("a watch", () => {
  it("stands from the reply on: data for a node that is there, exist for one that is not", () => {
    const h = up();
    armData(h, "/data", {});
    armExist(h, "/missing", {});
    h.call("exists", "/there", { watcher: {} });
    h.reply(h.request("exists"), { stat });
    armChild(h, "/child", {});
    h.disconnect();
    h.comeBack();
    expect(h.request("setWatches")).toMatchObject({
      xid: -8,
      body: {
        relativeZxid: h.zxid,
        dataWatches: ["/data", "/there"],
        existWatches: ["/missing"],
        childWatches: ["/child"],
      },
    });
  });

  it.each(["getData", "getChildren"] as const)("is not set by %s of a missing node", (name) => {
    const h = up();
    h.call(name, "/a", { watcher: {} });
    h.refuse(h.requests()[0]!, "NO_NODE");
    expect(h.machine.load.watches).toBe(0);
  });

  it("is not set by a read that was refused, lost or abandoned", () => {
    const h = up();
    h.call("exists", "/a", { watcher: {} });
    h.refuse(h.request("exists"), "NO_AUTH");
    const abandoned = h.call("exists", "/a", { watcher: {} });
    h.abandon(abandoned);
    h.refuse(h.request("exists"), "NO_NODE");
    h.call("exists", "/a", { watcher: {}, retry: "none" });
    h.request("exists");
    h.disconnect();
    expect(h.machine.load.watches).toBe(0);
    h.comeBack();
    expect(h.requests()).toEqual([]);
  });

  it("fires once, for each kind of event that concerns it", () => {
    const h = up();
    const data = { is: "data" };
    const exist = { is: "exist" };
    const child = { is: "child" };
    const arm = () => {
      armData(h, "/a", data);
      armExist(h, "/a", exist);
      armChild(h, "/a", child);
    };
    arm();
    expect(heard(h.notify({ type: "NodeDataChanged", path: "/a" }))).toEqual([
      [data, "NodeDataChanged"],
      [exist, "NodeDataChanged"],
    ]);
    expect(heard(h.notify({ type: "NodeDataChanged", path: "/a" }))).toEqual([]);
    expect(heard(h.notify({ type: "NodeChildrenChanged", path: "/a" }))).toEqual([
      [child, "NodeChildrenChanged"],
    ]);
    arm();
    expect(heard(h.notify({ type: "NodeCreated", path: "/a" }))).toEqual([
      [data, "NodeCreated"],
      [exist, "NodeCreated"],
    ]);
    armData(h, "/a", data);
    armExist(h, "/a", exist);
    expect(heard(h.notify({ type: "NodeDeleted", path: "/a" }))).toEqual([
      [data, "NodeDeleted"],
      [exist, "NodeDeleted"],
      [child, "NodeDeleted"],
    ]);
    expect(h.machine.load.watches).toBe(0);
  });

  it("of one watcher set twice at a path, or in two kinds, tells it once", () => {
    const h = up();
    const watcher = {};
    armData(h, "/a", watcher);
    armData(h, "/a", watcher);
    armChild(h, "/a", watcher);
    expect(heard(h.notify({ type: "NodeDeleted", path: "/a" }))).toEqual([[watcher, "NodeDeleted"]]);
    expect(heard(h.notify({ type: "NodeDeleted", path: "/a" }))).toEqual([]);
  });

  it("tells its event before the reply that shows the change", () => {
    const h = up();
    const watcher = {};
    armData(h, "/a", watcher);
    h.call("setData", "/a");
    const request = h.request("setData");
    const outputs = h.receive(
      eventFrame({ type: "NodeDataChanged", path: "/a" }),
      replyFrame(request, 0x100000009n, { stat }),
    );
    expect(outputs.map(({ kind }) => kind)).toEqual(["watch", "settled"]);
  });

  it("set by a reply hears an event in the same bytes", () => {
    const h = up();
    const watcher = {};
    h.call("getData", "/a", { watcher });
    const request = h.request("getData");
    const outputs = h.receive(
      replyFrame(request, 0x100000009n, { data: null, stat }),
      eventFrame({ type: "NodeDataChanged", path: "/a" }),
    );
    expect(outputs.map(({ kind }) => kind)).toEqual(["settled", "watch"]);
  });

  it("taken back is forgotten, in every kind, and its late event finds nobody", () => {
    const h = up();
    const watcher = {};
    const other = {};
    armData(h, "/a", watcher);
    armData(h, "/a", other);
    armChild(h, "/a", watcher);
    h.step({ kind: "unwatch", path: "/a", watcher });
    expect(h.machine.load.watches).toBe(1);
    expect(heard(h.notify({ type: "NodeDeleted", path: "/a" }))).toEqual([[other, "NodeDeleted"]]);
    h.step({ kind: "unwatch", path: "/a", watcher });
    h.disconnect();
    h.comeBack();
    expect(h.requests()).toEqual([]);
  });
});

describe("a watch taken back before its read is answered", () => {
  it.each(["in flight", "queued", "sent again"])("is not set (%s)", (where) => {
    const h = up({ limits: { outstandingMax: where === "queued" ? 1 : 1000 } });
    if (where === "queued") h.call("remove", "/before");
    const watcher = {};
    const other = {};
    const read = h.call("exists", "/a", { watcher });
    h.call("exists", "/a", { watcher: other });
    if (where === "sent again") {
      h.requests();
      h.disconnect();
      h.comeBack();
    }
    h.step({ kind: "unwatch", path: "/a", watcher });
    for (let answered = 0; answered < 4; answered += 1) {
      for (const request of h.requests()) h.refuse(request, "NO_NODE");
    }
    expect(read).toMatchObject({ status: "settled", value: null });
    expect(h.machine.load.watches).toBe(1);
    expect(heard(h.notify({ type: "NodeCreated", path: "/a" }))).toEqual([[other, "NodeCreated"]]);
  });

  it("makes room for another", () => {
    const h = up({ limits: { watchesMax: 1 } });
    const watcher = {};
    h.call("exists", "/a", { watcher });
    expect(h.call("exists", "/b", { watcher: {} }).error?.code).toBe("WATCHES_FULL");
    h.step({ kind: "unwatch", path: "/a", watcher });
    expect(h.call("exists", "/b", { watcher: {} }).status).toBe("pending");
  });

  it("leaves nothing behind, however reads end", () => {
    const h = up({ limits: { watchesMax: 1 } });
    for (const end of ["refused", "abandoned", "lost", "late"] as const) {
      const read = h.call("exists", "/a", { watcher: {}, retry: "none", timeoutMs: 50 });
      expect(read.status).toBe("pending");
      const request = h.request("exists");
      if (end === "refused") h.refuse(request, "NO_AUTH");
      if (end === "abandoned") h.abandon(read);
      if (end === "late") h.advance(50);
      if (end === "lost") {
        h.disconnect();
        h.comeBack();
      }
      expect(read.status).toBe("failed");
    }
  });
});

describe("watches after a reconnect", () => {
  it("are set again once, at the zxid that was seen, and calls wait behind them", () => {
    const h = up();
    const watcher = {};
    armData(h, "/a", watcher);
    h.call("getData", "/b");
    h.requests();
    h.disconnect();
    h.comeBack();
    expect(h.requests().map(({ operation }) => operation)).toEqual(["setWatches", "getData"]);
    const outputs = [...h.notify({ type: "NodeDataChanged", path: "/a" }), ...h.acknowledge({ xid: -8 })];
    expect(heard(outputs)).toEqual([[watcher, "NodeDataChanged"]]);
    h.disconnect();
    h.comeBack();
    expect(h.requests().map(({ operation }) => operation)).toEqual(["getData"]);
  });

  it("that both report one deletion tell it once", () => {
    const h = up();
    const watcher = {};
    armData(h, "/a", watcher);
    armChild(h, "/a", watcher);
    h.disconnect();
    h.comeBack();
    const event = eventFrame({ type: "NodeDeleted", path: "/a" });
    expect(heard(h.receive(event, event))).toEqual([[watcher, "NodeDeleted"]]);
  });

  it("are set again at the read-only server too, and at the new session that follows it", () => {
    const h = new MachineHarness({ readOnly: true });
    h.up({ readOnly: true });
    armExist(h, "/a", {});
    h.disconnect();
    h.comeBack({ sessionId: 0x52n });
    expect(h.question?.sessionId).toBe(0n);
    expect(h.request("setWatches").body.existWatches).toEqual(["/a"]);
  });

  it("are not set again by a client that closes", () => {
    const h = up();
    armExist(h, "/a", {});
    h.disconnect();
    h.close();
    h.comeBack();
    expect(h.requests().map(({ operation }) => operation)).toEqual(["closeSession"]);
  });

  it("come in frames of 128 KiB at most, 100 000 of them, all with one zxid, every path once", () => {
    const h = up();
    const paths = Array.from({ length: 100_000 }, (_, index) => `/some/where/below/a/tree/ünï/node-${index}`);
    for (let first = 0; first < paths.length; first += 1000) {
      for (const path of paths.slice(first, first + 1000)) {
        h.feed({ kind: "call", call: h.newCall("exists", path, { watcher: {} }).target });
      }
      h.drain();
      h.zxid += 1n;
      h.receive(...h.requests().map(({ xid }) => headerFrame({ xid, zxid: h.zxid, err: -101 })));
    }
    h.disconnect();
    h.comeBack();
    const seen: string[] = [];
    const frames = h.requests();
    for (const { operation, body } of frames) {
      expect(operation).toBe("setWatches");
      const record = body as SetWatches;
      expect(8 + encode(SetWatches, record).length).toBeLessThanOrEqual(SET_WATCHES_BYTES_MAX);
      expect(record.relativeZxid).toBe(h.machine.lastZxid);
      seen.push(...record.dataWatches, ...record.existWatches, ...record.childWatches);
    }
    expect(frames.length).toBeLessThan(60);
    expect(seen.length).toBe(paths.length);
    expect(new Set(seen)).toEqual(new Set(paths));
    for (const frame of frames) h.acknowledge(frame);
    expect(h.state).toBe("connected");
  }, 60_000);

  it("fit the server's frame limit when that is below 128 KiB", () => {
    const h = up({ limits: { requestBytesMax: 200 } });
    for (let node = 0; node < 20; node += 1) armExist(h, `/a-path-of-some-length/${node}`, {});
    h.disconnect();
    h.comeBack();
    const frames = h.requests();
    expect(frames.length).toBeGreaterThan(3);
    for (const { body } of frames)
      expect(8 + encode(SetWatches, body as SetWatches).length).toBeLessThanOrEqual(200);
  });

  it("are never asked for with a path that could not be set again", () => {
    const h = up({ limits: { requestBytesMax: 200 } });
    // exists: 8 of header, 4 of length, 1 of flag; SetWatches: 28 and 4 of length.
    const longest = `/${"x".repeat(200 - 32 - 1)}`;
    armExist(h, longest, {});
    expect(h.call("exists", `${longest}x`, { watcher: {} }).error?.code).toBe("REQUEST_TOO_LARGE");
    expect(h.call("exists", `${longest}x`).status).toBe("pending");
    h.requests();
    h.disconnect();
    h.comeBack();
    expect(8 + encode(SetWatches, h.request("setWatches").body).length).toBe(200);
  });

  it("cut off between two frames by a failpoint start over", () => {
    let cuts = 1;
    const h = up({
      limits: { requestBytesMax: 200 },
      failpoint: (name) => (name === "betweenChunks" && cuts-- > 0 ? "drop" : "continue"),
    });
    for (let node = 0; node < 20; node += 1) armExist(h, `/a-path-of-some-length/${node}`, {});
    h.disconnect();
    h.comeBack();
    expect(h.state).toBe("suspended");
    expect(h.requests()).toEqual([]);
    h.comeBack();
    expect(h.state).toBe("connected");
    expect(h.requests().flatMap(({ body }) => (body as SetWatches).existWatches)).toHaveLength(20);
  });
});
