import { OpCode } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import {
  acl,
  bytesOf,
  createBody,
  setAclBody,
  setDataBody,
  TreeBench,
  versioned,
} from "../../tests/tree-bench.js";

const READ_ONLY = [acl(1, "world", "anyone")];

describe("create", () => {
  it("looks at the conditions in the server's order", () => {
    const bench = new TreeBench();
    bench.create("/closed", { acl: READ_ONLY });
    bench.create("/eph", { flags: 1 });
    const cases: readonly (readonly [number, string | null, Parameters<TreeBench["create"]>[1]])[] = [
      [-5, null, { acl: [] }],
      [-8, "noslash", { acl: null }],
      [-8, "/a\0b", { acl: [] }],
      [-5, "/no/parent", { acl: null }],
      [-114, "/no/parent", { acl: [] }],
      [-101, "/no/parent", { flags: 9 }],
      [-102, "/closed/x", { flags: 9 }],
      [-8, "/eph", { flags: 9 }],
      [-8, "/eph", { flags: -1 }],
      [-101, "/a/", {}],
      [-8, "/zookeeper/", {}],
      [-101, "/a//b", {}],
      [-8, "//", {}],
      [-110, "/eph", {}],
      [-110, "/", {}],
      [-110, "/zookeeper", {}],
      [-108, "/eph/x", {}],
      [-8, "/eph/..", {}],
    ];
    for (const [err, path, options] of cases)
      expect([path, bench.create(path, options)]).toEqual([path, err]);
  });

  it("asks for the session before it reads the body", () => {
    const bench = new TreeBench();
    const done = bench.do(OpCode.CREATE, new Uint8Array(0), { checkSession: () => -112 });
    expect(done.reply).toEqual({ err: -112, body: new Uint8Array(0) });
    expect(bench.do(OpCode.CREATE, new Uint8Array(0)).err).toBe(-5);
  });

  it("numbers sequential znodes by all creations so far", () => {
    const bench = new TreeBench();
    bench.create("/q");
    bench.create("/q/other");
    bench.create("/q/n-", { flags: 2 });
    bench.delete("/q/n-0000000001");
    bench.create("/q/n-", { flags: 3 });
    bench.create("/q/", { flags: 2 });
    expect([...bench.tree.children("/q")!].sort()).toEqual(["0000000003", "n-0000000002", "other"]);
    bench.create("/", { flags: 2 });
    expect(bench.tree.stat("/0000000001")).toBeDefined();
  });

  it("counts creations that are only proposed", () => {
    const bench = new TreeBench();
    bench.create("/q");
    const first = bench.propose(OpCode.CREATE, createBody("/q/n", { flags: 2 }));
    const second = bench.propose(OpCode.CREATE, createBody("/q/n", { flags: 2 }));
    expect([first.txn, second.txn]).toMatchObject([
      { path: "/q/n0000000000", parentCVersion: 1 },
      { path: "/q/n0000000001", parentCVersion: 2 },
    ]);
    expect([bench.apply(first).err, bench.apply(second).err]).toEqual([0, 0]);
    expect(bench.tree.stat("/q")!.cversion).toBe(2);
  });

  it("takes a list with a count below -1 as empty", () => {
    const body = bytesOf((writer) => {
      writer.ustring("/a");
      writer.buffer(null);
      writer.int(-7);
      writer.int(0);
    });
    expect(new TreeBench().do(OpCode.CREATE, body).err).toBe(-114);
    const open = new TreeBench({ skipAcl: true });
    expect(open.do(OpCode.CREATE, body).err).toBe(0);
    expect(open.tree.acl("/a")).toEqual([]);
  });
});

describe("delete", () => {
  it("looks at the conditions in the server's order", () => {
    const bench = new TreeBench();
    bench.create("/closed", { acl: [acl(7, "world", "anyone")] });
    bench.create("/closed/x");
    bench.create("/full");
    bench.create("/full/x");
    const cases: readonly (readonly [number, string | null, number])[] = [
      [-5, null, -1],
      [-8, "noslash", -1],
      [-8, "", -1],
      [-8, "/", -1],
      [-8, "/zookeeper", -1],
      [-8, "/zookeeper/quota", -1],
      [-101, "/no/parent", -1],
      [-101, "/closed/none", -1],
      [-102, "/closed/x", 9],
      [-103, "/full", 9],
      [-111, "/full", 0],
      [0, "/full/x", 0],
      [0, "/full", -1],
    ];
    for (const [err, path, version] of cases)
      expect([path, bench.delete(path, version)]).toEqual([path, err]);
  });

  it("sees children that are only proposed, and deletions too", () => {
    const bench = new TreeBench();
    bench.create("/p");
    const child = bench.propose(OpCode.CREATE, createBody("/p/c"));
    expect(bench.propose(OpCode.DELETE, versioned("/p", -1)).txn).toEqual({ type: "error", err: -111 });
    const gone = bench.propose(OpCode.DELETE, versioned("/p/c", 0));
    expect(bench.propose(OpCode.SET_DATA, setDataBody("/p/c", null, -1)).txn).toEqual({
      type: "error",
      err: -101,
    });
    const parent = bench.propose(OpCode.DELETE, versioned("/p", -1));
    expect([child, gone, parent].map((one) => bench.apply(one).err)).toEqual([0, 0, 0]);
    expect(bench.tree.size).toBe(4);
  });
});

describe("setData, setACL and check", () => {
  it("takes any path and says that it is not there", () => {
    const bench = new TreeBench();
    expect(bench.setData("noslash")).toBe(-101);
    expect(bench.setData(null)).toBe(-5);
    expect(bench.do(OpCode.SET_ACL, setAclBody("/nope", [])).err).toBe(-114);
    expect(bench.do(OpCode.SET_ACL, setAclBody("/nope", READ_ONLY)).err).toBe(-101);
    expect(bench.do(OpCode.SET_ACL, setAclBody(null, READ_ONLY)).err).toBe(-5);
    expect(bench.do(OpCode.CHECK, versioned("/nope", -1)).reply.err).toBe(-101);
  });

  it("counts versions over what is proposed", () => {
    const bench = new TreeBench();
    bench.create("/a");
    const first = bench.propose(OpCode.SET_DATA, setDataBody("/a", null, 0));
    expect(bench.propose(OpCode.SET_DATA, setDataBody("/a", null, 0)).txn).toEqual({
      type: "error",
      err: -103,
    });
    const second = bench.propose(OpCode.SET_DATA, setDataBody("/a", null, 1));
    expect([bench.apply(first), bench.apply(second)].map((done) => done.stat!.version)).toEqual([1, 2]);
  });

  it("compares setACL with aversion, and changes nothing else", () => {
    const bench = new TreeBench();
    bench.create("/a");
    bench.setData("/a");
    const before = bench.tree.stat("/a")!;
    expect(bench.do(OpCode.SET_ACL, setAclBody("/a", READ_ONLY, 1)).err).toBe(-103);
    const done = bench.do(OpCode.SET_ACL, setAclBody("/a", READ_ONLY, 0));
    expect(done.stat).toEqual({ ...before, aversion: 1 });
    expect(done.events).toEqual([]);
    expect(bench.do(OpCode.SET_ACL, setAclBody("/a", READ_ONLY, -1)).err).toBe(-102);
  });

  it("judges by the old list as long as a new one is only proposed", () => {
    const bench = new TreeBench();
    bench.create("/a");
    const closing = bench.propose(OpCode.SET_ACL, setAclBody("/a", READ_ONLY));
    expect(bench.propose(OpCode.SET_DATA, setDataBody("/a", null, -1)).txn.type).toBe("setData");
    bench.apply(closing);
    expect(bench.create("/a/b")).toBe(0);
  });

  it("answers nothing to a check that succeeds outside of a multi", () => {
    const bench = new TreeBench();
    bench.create("/a");
    expect(bench.do(OpCode.CHECK, versioned("/a", 1)).reply.err).toBe(-103);
    expect(bench.do(OpCode.CHECK, versioned("/a", 0)).reply).toMatchObject({ err: 0, isSilent: true });
  });
});

describe("closeSession", () => {
  it("takes ephemerals along that are only proposed, and leaves those that are about to go", () => {
    const bench = new TreeBench();
    bench.create("/old", { flags: 1 }, { sessionId: 5n });
    const going = bench.propose(OpCode.DELETE, versioned("/old", -1));
    const coming = bench.propose(OpCode.CREATE, createBody("/new", { flags: 1 }), { sessionId: 5n });
    const closing = bench.propose(OpCode.CLOSE_SESSION, new Uint8Array(0), { sessionId: 5n });
    expect(bench.propose(OpCode.DELETE, versioned("/new", -1)).txn).toEqual({ type: "error", err: -101 });
    const again = bench.propose(OpCode.CREATE, createBody("/new", { flags: 1 }), { sessionId: 6n });
    for (const one of [going, coming, closing, again]) expect(bench.apply(one).err).toBe(0);
    expect(bench.tree.stat("/new")!.ephemeralOwner).toBe(6n);
    expect(bench.tree.ephemeralsOf(5n)).toEqual([]);
  });

  it("does not tell the parent's record before it is applied", () => {
    const bench = new TreeBench();
    bench.create("/p");
    bench.create("/p/e", { flags: 1 }, { sessionId: 5n });
    const other = bench.propose(OpCode.CREATE, createBody("/p/x"));
    const closing = bench.propose(OpCode.CLOSE_SESSION, new Uint8Array(0), { sessionId: 5n });
    bench.apply(other);
    bench.propose(OpCode.DELETE, versioned("/p/x", -1));
    expect(bench.propose(OpCode.DELETE, versioned("/p", -1)).txn).toEqual({ type: "error", err: -111 });
    bench.apply(closing);
  });
});
