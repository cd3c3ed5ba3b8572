import { encode, SetWatches, WatchEventType } from "@zk/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SET_WATCHES_BYTES_MAX, type WatchKind, WatchTable } from "./watch-table.js";

const watcher = (name: string) => ({ name });

describe("WatchTable", () => {
  it.each<[number, WatchKind[], WatchKind[]]>([
    [WatchEventType.NodeCreated, ["data", "exist"], ["child"]],
    [WatchEventType.NodeDataChanged, ["data", "exist"], ["child"]],
    [WatchEventType.NodeChildrenChanged, ["child"], ["data", "exist"]],
    [WatchEventType.NodeDeleted, ["data", "exist", "child"], []],
    [WatchEventType.None, [], ["data", "exist", "child"]],
    [99, [], ["data", "exist", "child"]],
  ])("event %i uses up %j and leaves %j", (type, taken, left) => {
    const table = new WatchTable();
    const watchers = { data: watcher("data"), exist: watcher("exist"), child: watcher("child") };
    for (const kind of ["data", "exist", "child"] as const) table.add(kind, "/a", watchers[kind]);
    expect(table.take(type, "/a")).toEqual(taken.map((kind) => watchers[kind]));
    expect(table.size).toBe(left.length);
    expect(table.take(WatchEventType.NodeDeleted, "/a")).toEqual(left.map((kind) => watchers[kind]));
    expect(table.size).toBe(0);
  });

  it("tells watchers in the order in which they were set, few or many, each once", () => {
    const table = new WatchTable();
    const many = Array.from({ length: 100 }, (_, index) => watcher(String(index)));
    for (const each of [...many, ...many]) table.add("data", "/a", each);
    table.add("exist", "/a", many[3]!);
    expect(table.size).toBe(101);
    const taken = table.take(WatchEventType.NodeDataChanged, "/a");
    expect(taken.length).toBe(100);
    expect(taken.every((each, index) => each === many[index])).toBe(true);
    expect(table.size).toBe(0);
  });

  it("forgets one watcher, few or many, and the path with the last", () => {
    for (const count of [1, 3, 40]) {
      const table = new WatchTable();
      const all = Array.from({ length: count }, (_, index) => watcher(String(index)));
      for (const each of all) table.add("child", "/a", each);
      table.remove("/a", watcher("a stranger"));
      table.remove("/b", all[0]!);
      expect(table.size).toBe(count);
      for (const each of all) table.remove("/a", each);
      expect(table.size).toBe(0);
      expect([...table.rearm(1n)]).toEqual([]);
    }
  });

  it("gives everything at the end, a watcher of two kinds at one path once", () => {
    const table = new WatchTable();
    const both = watcher("both");
    const other = watcher("other");
    table.add("data", "/a", both);
    table.add("child", "/a", both);
    table.add("child", "/b", both);
    table.add("exist", "/a", other);
    expect(table.clear()).toEqual([
      { path: "/a", watcher: both },
      { path: "/a", watcher: other },
      { path: "/b", watcher: both },
    ]);
    expect(table.size).toBe(0);
    expect(table.clear()).toEqual([]);
  });

  it("is quick with very many watchers at one path", () => {
    const table = new WatchTable();
    const many = Array.from({ length: 200_000 }, (_, index) => watcher(String(index)));
    const started = process.cpuUsage();
    for (const kind of ["data", "child"] as const) for (const each of many) table.add(kind, "/a", each);
    for (const each of many.slice(0, 100_000)) table.remove("/a", each);
    expect(table.clear()).toHaveLength(100_000);
    // Looking at each of them each time would take minutes. Processor time, as the machine may be busy otherwise.
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(10_000);
  });
});

describe("rearming", () => {
  const paths = fc.uniqueArray(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).map((name) => `/${name}`),
    { maxLength: 200 },
  );

  it("covers every path of every kind once, in frames below the bound, whatever the paths", () => {
    fc.assert(
      fc.property(paths, paths, paths, fc.integer({ min: 60, max: 2000 }), (data, exist, child, bytesMax) => {
        const table = new WatchTable();
        for (const path of data) table.add("data", path, {});
        for (const path of exist) table.add("exist", path, {});
        for (const path of child) table.add("child", path, {});
        const parts = [...table.rearm(77n, bytesMax)];
        for (const part of parts) {
          expect(part.relativeZxid).toBe(77n);
          const count = part.dataWatches.length + part.existWatches.length + part.childWatches.length;
          expect(count).toBeGreaterThan(0);
          // A single path longer than the bound has a part of its own.
          if (count > 1) expect(8 + encode(SetWatches, part).length).toBeLessThanOrEqual(bytesMax);
        }
        expect(parts.flatMap((part) => part.dataWatches)).toEqual(data);
        expect(parts.flatMap((part) => part.existWatches)).toEqual(exist);
        expect(parts.flatMap((part) => part.childWatches)).toEqual(child);
      }),
      { numRuns: 100 },
    );
  });

  it("fills its frames: 100 000 watches need no more than their bytes do", () => {
    const table = new WatchTable();
    let bytes = 0;
    for (let node = 0; node < 100_000; node += 1) {
      const path = `/a/tree/with/many/nodes/${String(node).padStart(9, "0")}`;
      table.add((["data", "exist", "child"] as const)[node % 3]!, path, {});
      bytes += 4 + path.length;
    }
    const parts = [...table.rearm(1n)];
    expect(parts.length).toBe(Math.ceil(bytes / (SET_WATCHES_BYTES_MAX - 28 - 4 - 33)));
    for (const part of parts) expect(8 + encode(SetWatches, part).length).toBeLessThanOrEqual(131_072);
  });
});
