import { describe, expect, it } from "vitest";
import { TreeBench } from "../../tests/tree-bench.js";
import { WatchTables } from "./watch-tables.js";

const CREATED = 1;
const DELETED = 2;
const DATA_CHANGED = 3;
const CHILDREN_CHANGED = 4;

describe("firing", () => {
  it("tells each watcher of its kind once, in the order in which they came", () => {
    const tables = new WatchTables();
    for (const connection of [3, 1, 3]) tables.add("data", "/a", connection);
    tables.add("child", "/a", 2);
    expect(tables.fire({ type: DATA_CHANGED, path: "/a" })).toEqual([3, 1]);
    expect(tables.fire({ type: DATA_CHANGED, path: "/a" })).toEqual([]);
    expect(tables.fire({ type: CREATED, path: "/a" })).toEqual([]);
    expect(tables.fire({ type: CHILDREN_CHANGED, path: "/a" })).toEqual([2]);
  });

  it("tells of a deletion once, whichever watches there are, and uses up both", () => {
    const tables = new WatchTables();
    tables.add("data", "/a", 1);
    tables.add("child", "/a", 2);
    tables.add("child", "/a", 1);
    expect(tables.fire({ type: DELETED, path: "/a" })).toEqual([1, 2]);
    expect(tables.total).toBe(0);
    tables.add("child", "/a", 2);
    expect(tables.fire({ type: DELETED, path: "/a" })).toEqual([2]);
  });

  it("does not take the root's two names for one", () => {
    const tables = new WatchTables();
    tables.add("data", "", 1);
    expect(tables.fire({ type: DATA_CHANGED, path: "/" })).toEqual([]);
    expect(tables.fire({ type: 99, path: "" })).toEqual([]);
  });
});

describe("counts", () => {
  it("shows data watches, and keeps a connection whose watches are used up until it goes", () => {
    const tables = new WatchTables();
    tables.add("data", "/a", 1);
    tables.add("data", "/b", 1);
    tables.add("data", "/a", 2);
    tables.add("child", "/c", 3);
    expect([tables.total, tables.dataTotal, tables.pathCount, tables.connectionCount]).toEqual([4, 3, 2, 2]);
    tables.fire({ type: DATA_CHANGED, path: "/a" });
    expect([tables.total, tables.dataTotal, tables.pathCount, tables.connectionCount]).toEqual([2, 1, 1, 2]);
    expect([...tables.byConnection()]).toEqual([
      [1, ["/b"]],
      [2, []],
    ]);
    expect([...tables.byPath()]).toEqual([["/b", [1]]]);
    tables.remove(1);
    tables.remove(2);
    tables.remove(3);
    tables.remove(4);
    expect([tables.total, tables.dataTotal, tables.pathCount, tables.connectionCount]).toEqual([0, 0, 0, 0]);
    expect(tables.fire({ type: DATA_CHANGED, path: "/b" })).toEqual([]);
  });
});

describe("setWatches", () => {
  it("tells at once of what has changed and waits for the rest", () => {
    const bench = new TreeBench();
    for (const path of ["/old", "/new", "/p", "/q"]) bench.create(path);
    const seen = bench.zxid;
    bench.setData("/new");
    bench.create("/q/child");
    const tables = new WatchTables();
    const events = tables.rearm(1, bench.tree, {
      relativeZxid: seen,
      dataWatches: ["/gone", "/new", "/old", "/q"],
      existWatches: ["/old", "/none"],
      childWatches: ["/gone", "/q", "/p", "/new"],
    });
    expect(events).toEqual([
      { type: DELETED, path: "/gone" },
      { type: DATA_CHANGED, path: "/new" },
      { type: CREATED, path: "/old" },
      { type: DELETED, path: "/gone" },
      { type: CHILDREN_CHANGED, path: "/q" },
    ]);
    expect([...tables.byPath().keys()].sort()).toEqual(["/none", "/old", "/q"]);
    expect(tables.total).toBe(5);
    expect(tables.fire({ type: CREATED, path: "/none" })).toEqual([1]);
    expect(tables.fire({ type: CHILDREN_CHANGED, path: "/p" })).toEqual([1]);
  });
});
