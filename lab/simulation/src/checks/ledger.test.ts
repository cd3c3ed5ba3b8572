import type { Txn } from "@zk/memory-server";
import { expect, test } from "vitest";
import { type Final, Ledger } from "./ledger.js";
import { type Watch, WatchBook } from "./watch-book.js";

const create = (path: string, ephemeral = false): Txn => ({
  type: "create",
  path,
  data: new Uint8Array([1]),
  acl: [],
  ephemeral,
  parentCVersion: 1,
});
const set = (path: string): Txn => ({ type: "setData", path, data: new Uint8Array([2]), version: 1 });

function history(...txns: Txn[]): Final[] {
  return txns.map((txn, index) => ({
    header: { sessionId: 7n, cxid: index + 1, zxid: BigInt(index + 1), timeMs: 0 },
    txn,
  }));
}

test("knows what every znode was at every moment", () => {
  const ledger = new Ledger();
  ledger.advance(history(create("/a"), set("/a"), create("/a/b", true), { type: "delete", path: "/a/b" }));
  expect(ledger.at("/a", 0n)).toBeNull();
  expect(ledger.at("/a", 1n)).toMatchObject({ czxid: 1n, mzxid: 1n, version: 0 });
  expect(ledger.at("/a", 2n)).toMatchObject({ czxid: 1n, mzxid: 2n, version: 1 });
  expect(ledger.at("/a", 3n)).toMatchObject({ pzxid: 3n, children: ["b"] });
  expect(ledger.at("/a/b", 3n)).toMatchObject({ owner: 7n });
  expect(ledger.now("/a")).toMatchObject({ pzxid: 4n, children: [] });
  expect(ledger.below("/a")).toEqual(["/a"]);
  expect(ledger.changesAfter("/a", 2n).map(({ kind, zxid }) => `${kind} ${zxid}`)).toEqual([
    "children 3",
    "children 4",
  ]);
});

test("knows what came of each request", () => {
  const ledger = new Ledger();
  const refused: Txn = { type: "multi", parts: [create("/b"), { type: "error", err: -101 }] };
  const torn: Txn = { type: "multi", parts: [create("/c"), set("/missing")] };
  ledger.advance(history(create("/a"), { type: "error", err: -110 }, refused, torn, set("/missing")));
  const results = [1, 2, 3, 4, 5].map((xid) => ledger.ofRequest(7n, xid).map(({ result }) => result));
  expect(results).toEqual([["applied"], ["refused"], ["refused"], ["torn"], ["refused"]]);
  expect(ledger.ofRequest(8n, 1)).toEqual([]);
  expect(ledger.now("/b")).toBeNull();
  expect(ledger.now("/c")).not.toBeNull();
});

test("tells of a znode that was deleted although it has children", () => {
  const ledger = new Ledger();
  const orphaned: string[] = [];
  ledger.orphaned = (path, zxid) => orphaned.push(`${path} ${zxid}`);
  const remove = (path: string): Txn => ({ type: "delete", path });
  ledger.advance(history(create("/a"), create("/a/b"), remove("/a/b"), remove("/a")));
  expect(orphaned).toEqual([]);
  ledger.advance([]);
  const other = new Ledger();
  other.orphaned = ledger.orphaned;
  other.advance(history(create("/a"), create("/a/b"), remove("/a")));
  expect(orphaned).toEqual(["/a 3"]);
});

test("the end of a session takes its ephemerals", () => {
  const ledger = new Ledger();
  ledger.advance(history(create("/kept"), create("/gone", true), { type: "closeSession" }));
  expect(ledger.now("/gone")).toBeNull();
  expect(ledger.now("/kept")).not.toBeNull();
  expect(ledger.closedSessions.get(7n)).toBe(3n);
});

function watchAt(path: string): Watch {
  return {
    number: 1,
    owner: "c1",
    path,
    userPath: path,
    kind: "data",
    phase: "asked",
    armedAt: 0n,
    dueAt: undefined,
    calls: 0,
    outlived: false,
    listener: () => {},
  };
}

test("a watch is missed from the first change behind its read on", () => {
  const ledger = new Ledger();
  const book = new WatchBook(ledger);
  const txns = history(create("/a"), set("/a"), create("/a/b"), set("/a"));
  ledger.advance(txns.slice(0, 3));
  const data = watchAt("/a");
  const child = watchAt("/a");
  // The server that answered had not applied all that was final.
  book.arm(data, "data", 2n);
  book.arm(child, "child", 2n);
  expect(book.missing("c1", 2n)).toBeUndefined();
  expect(book.missing("c1", 3n)).toBe(child);
  expect(book.hasCause(child, "NodeChildrenChanged")).toBe(true);
  expect(book.hasCause(child, "NodeDeleted")).toBe(false);
  book.end(child);
  expect(book.missing("c1", 3n)).toBeUndefined();
  ledger.advance(txns);
  expect(book.missing("c1", 4n)).toBe(data);
  expect(book.missing("c2", 4n)).toBeUndefined();
});

test("a watch on a missing znode that came and went while nobody was connected is lost by design", () => {
  const ledger = new Ledger();
  const book = new WatchBook(ledger);
  const watch = watchAt("/a");
  book.arm(watch, "exist", 0n);
  ledger.advance(history(create("/a"), { type: "delete", path: "/a" }));
  expect(book.missing("c1", 2n)).toBe(watch);
  watch.outlived = true;
  expect(book.missing("c1", 2n)).toBeUndefined();
});
