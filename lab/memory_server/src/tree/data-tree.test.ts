import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TreeBench, text } from "../../tests/tree-bench.js";
import { DataTree } from "./data-tree.js";
import { SnapshotError } from "./tree-snapshot.js";
import type { Txn } from "./txn.js";

const EPHEMERAL = 1;

describe("a fresh tree", () => {
  it("has the root twice, /zookeeper and its quota", () => {
    const tree = new DataTree();
    expect(tree.size).toBe(4);
    expect(tree.dataBytes).toBe(27);
    expect(tree.children("/")).toEqual(["zookeeper"]);
    expect(tree.children("")).toEqual(["zookeeper"]);
    expect(tree.children("/zookeeper/quota")).toEqual([]);
    expect(tree.data("/")).toEqual(new Uint8Array(0));
    expect(tree.data("/nope")).toBeUndefined();
  });

  it("counts one child more than it ever created, so its cversion is -1", () => {
    const tree = new DataTree();
    expect(tree.stat("/")).toMatchObject({ cversion: -1, numChildren: 1, czxid: 0n, pzxid: 0n });
    expect(tree.stat("/zookeeper")).toMatchObject({ cversion: -1, numChildren: 1 });
    expect(tree.stat("/zookeeper/quota")).toMatchObject({ cversion: 0, numChildren: 0 });
  });
});

describe("stats", () => {
  it("counts what each change changes", () => {
    const bench = new TreeBench();
    bench.create("/a", { data: text("one") });
    const created = bench.tree.stat("/a")!;
    expect(created).toEqual({
      czxid: 1n,
      mzxid: 1n,
      ctime: 1001n,
      mtime: 1001n,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: 0n,
      dataLength: 3,
      numChildren: 0,
      pzxid: 1n,
    });
    bench.setData("/a", 0, text("longer"));
    expect(bench.tree.stat("/a")).toEqual({ ...created, mzxid: 2n, mtime: 1002n, version: 1, dataLength: 6 });
    bench.create("/a/b");
    bench.create("/a/c");
    bench.delete("/a/b");
    expect(bench.tree.stat("/a")).toMatchObject({
      cversion: 3,
      numChildren: 1,
      pzxid: 5n,
      mzxid: 2n,
      version: 1,
    });
    bench.setData("/a/c");
    expect(bench.tree.stat("/a")).toMatchObject({ cversion: 3, pzxid: 5n });
  });

  it("keeps null and empty data apart", () => {
    const bench = new TreeBench();
    bench.create("/null", { data: null });
    bench.create("/empty", { data: new Uint8Array(0) });
    expect(bench.tree.data("/null")).toBeNull();
    expect(bench.tree.data("/empty")).toEqual(new Uint8Array(0));
    expect(bench.tree.stat("/null")!.dataLength).toBe(0);
  });

  it("shows creations and deletions as cversion, whatever the order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 5 })), { maxLength: 60 }),
        (steps) => {
          const bench = new TreeBench();
          bench.create("/p");
          let changes = 0;
          for (const [isCreate, name] of steps) {
            const err = isCreate ? bench.create(`/p/${name}`) : bench.delete(`/p/${name}`);
            if (err === 0) changes++;
          }
          expect(bench.tree.stat("/p")!.cversion).toBe(changes);
        },
      ),
    );
  });

  it("counts children in 32 bits", () => {
    const bench = new TreeBench();
    bench.create("/p");
    bench.tree.node("/p")!.stat.cversion = 2_147_483_647;
    bench.create("/p/n-", { flags: 2 });
    expect(bench.tree.children("/p")).toEqual(["n-2147483647"]);
    expect(bench.tree.stat("/p")!.cversion).toBe(-1);
    bench.create("/p/n-", { flags: 2 });
    expect(bench.tree.stat("/p/n--2147483648")).toBeDefined();
    bench.tree.node("/p")!.stat.cversion = -5;
    bench.create("/p/m", { flags: 2 });
    expect(bench.tree.stat("/p/m-000000005")).toBeDefined();
  });
});

describe("events", () => {
  it("tells of the znode first, then of its parent", () => {
    const bench = new TreeBench();
    bench.create("/a");
    bench.create("/a/b");
    bench.setData("/a");
    bench.delete("/a/b");
    expect(bench.events).toEqual([
      { type: 1, path: "/a" },
      { type: 4, path: "/" },
      { type: 1, path: "/a/b" },
      { type: 4, path: "/a" },
      { type: 3, path: "/a" },
      { type: 2, path: "/a/b" },
      { type: 4, path: "/a" },
    ]);
  });

  it("tells of every ephemeral of a session that closes, and of nothing for a refused request", () => {
    const bench = new TreeBench();
    bench.create("/x", { flags: EPHEMERAL }, { sessionId: 7n });
    bench.create("/y", { flags: EPHEMERAL }, { sessionId: 7n });
    bench.create("/z", { flags: EPHEMERAL }, { sessionId: 8n });
    bench.events.length = 0;
    expect(bench.create("/x")).toBe(-110);
    expect(bench.events).toEqual([]);
    expect(bench.tree.ephemeralsOf(7n)).toEqual(["/x", "/y"]);
    bench.closeSession(7n);
    expect(bench.events).toEqual([
      { type: 2, path: "/x" },
      { type: 4, path: "/" },
      { type: 2, path: "/y" },
      { type: 4, path: "/" },
    ]);
    expect(bench.tree.ephemeralCount).toBe(1);
    expect(bench.tree.stat("/")).toMatchObject({ pzxid: bench.zxid, numChildren: 2 });
  });
});

describe("transactions", () => {
  it("moves lastZxid on errors too", () => {
    const tree = new DataTree();
    expect(tree.apply({ sessionId: 1n, cxid: 1, zxid: 9n, timeMs: 0 }, { type: "error", err: -101 })).toEqual(
      {
        err: -101,
        events: [],
      },
    );
    expect(tree.lastZxid).toBe(9n);
  });

  it("keeps the sessions", () => {
    const tree = new DataTree();
    const header = { sessionId: 5n, cxid: 0, zxid: 1n, timeMs: 0 };
    tree.apply(header, { type: "createSession", timeoutMs: 4000 });
    expect([...tree.sessions]).toEqual([[5n, 4000]]);
    tree.apply({ ...header, zxid: 2n }, { type: "closeSession" });
    expect(tree.sessions.size).toBe(0);
  });

  it("catches the parent's counter up when a snapshot was ahead of the log", () => {
    const tree = new DataTree();
    const create: Txn = {
      type: "create",
      path: "/a",
      data: null,
      acl: [],
      ephemeral: false,
      parentCVersion: 1,
    };
    tree.apply({ sessionId: 1n, cxid: 1, zxid: 1n, timeMs: 0 }, create);
    const again = tree.apply(
      { sessionId: 1n, cxid: 1, zxid: 2n, timeMs: 0 },
      { ...create, parentCVersion: 4 },
    );
    expect(again.err).toBe(-110);
    expect(tree.node("/")!.stat).toMatchObject({ cversion: 4, pzxid: 2n });
  });

  it("says what is missing instead of throwing", () => {
    const tree = new DataTree();
    const header = { sessionId: 1n, cxid: 1, zxid: 1n, timeMs: 0 };
    const missing: Txn[] = [
      { type: "create", path: "/a/b", data: null, acl: [], ephemeral: false, parentCVersion: 1 },
      { type: "delete", path: "/a" },
      { type: "setData", path: "/a", data: null, version: 1 },
      { type: "setACL", path: "/a", acl: [], version: 1 },
      { type: "create", path: "nonsense", data: null, acl: [], ephemeral: false, parentCVersion: 1 },
    ];
    expect(missing.map((txn) => tree.apply(header, txn).err)).toEqual([-101, -101, -101, -101, 0]);
  });
});

describe("snapshots", () => {
  const step = fc.record({
    kind: fc.constantFrom("create", "create", "create", "delete", "setData", "close"),
    path: fc.constantFrom("/a", "/b", "/a/x", "/a/y", "/a/x/z", "/b/é"),
    flags: fc.integer({ min: 0, max: 3 }),
    data: fc.option(fc.uint8Array({ maxLength: 5 })),
    sessionId: fc.bigInt({ min: -3n, max: 3n }).filter((id) => id !== 0n),
  });

  it("gives the same tree again", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const bench = new TreeBench();
        for (const { kind, path, flags, data, sessionId } of steps) {
          if (kind === "create") bench.create(path, { flags, data }, { sessionId });
          else if (kind === "delete") bench.delete(path);
          else if (kind === "setData") bench.setData(path, -1, data);
          else bench.closeSession(sessionId);
        }
        const { tree } = bench;
        const restored = DataTree.restore(tree.snapshot());
        expect(everythingOf(restored)).toEqual(everythingOf(tree));
        // What happens next is the same on both.
        const header = { sessionId: 1n, cxid: 1, zxid: bench.zxid + 1n, timeMs: 5 };
        expect(sorted(restored.apply(header, { type: "closeSession" }).events)).toEqual(
          sorted(tree.apply(header, { type: "closeSession" }).events),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("refuses what is none", () => {
    const good = new TreeBench();
    good.create("/a", { data: text("x") });
    const bytes = good.tree.snapshot();
    expect(() => DataTree.restore(new Uint8Array(0))).toThrow(SnapshotError);
    expect(() => DataTree.restore(bytes.slice(0, -1))).toThrow(SnapshotError);
    const later = bytes.slice();
    later[7] = 2;
    expect(() => DataTree.restore(later)).toThrow(/version 2/);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const broken = bytes.slice();
        broken[at] = value;
        try {
          DataTree.restore(broken);
        } catch (error) {
          expect(error).toBeInstanceOf(SnapshotError);
        }
      }),
    );
  });
});

function everythingOf(tree: DataTree): unknown {
  const nodes: unknown[] = [];
  const paths = [""];
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    nodes.push([path, tree.stat(path), tree.data(path), tree.acl(path)]);
    for (const name of [...tree.children(path)!].sort()) paths.push(`${path}/${name}`);
  }
  const ephemerals = [-3n, -2n, -1n, 1n, 2n, 3n].map((id) => [...tree.ephemeralsOf(id)].sort());
  return {
    nodes,
    ephemerals,
    sessions: [...tree.sessions],
    lastZxid: tree.lastZxid,
    size: tree.size,
    bytes: tree.dataBytes,
  };
}

function sorted(events: readonly { type: number; path: string }[]): string[] {
  return events.map(({ type, path }) => `${type} ${path}`).sort();
}
