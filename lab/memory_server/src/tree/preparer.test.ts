import { decode, digestId, MultiResponse, OpCode } from "@zk/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ANYONE,
  acl,
  bytesOf,
  createBody,
  joined,
  multiBody,
  setAclBody,
  setDataBody,
  shown,
  TreeBench,
  versioned,
} from "../../tests/tree-bench.js";

const BOB = { scheme: "digest", id: digestId("bob", "pw") };
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

describe("multi", () => {
  const results = (bench: TreeBench, body: Uint8Array, checkSession?: () => number) => {
    const done = bench.do(OpCode.MULTI, body, checkSession === undefined ? {} : { checkSession });
    return done.reply.body.length === 0 ? done.reply.err : decode(MultiResponse, done.reply.body);
  };

  it("makes each operation see those before it", () => {
    const bench = new TreeBench();
    const body = multiBody(
      [OpCode.CREATE, createBody("/a")],
      [OpCode.CREATE, createBody("/a/n", { flags: 2 })],
      [OpCode.SET_DATA, setDataBody("/a", null, 0)],
      [OpCode.CHECK, versioned("/a", 1)],
      [OpCode.DELETE, versioned("/a/n0000000000", -1)],
    );
    expect(results(bench, body)).toMatchObject([
      { type: 1, path: "/a" },
      { type: 1, path: "/a/n0000000000" },
      { type: 5, stat: { version: 1, numChildren: 1, cversion: 1, czxid: 1n, mzxid: 1n } },
      { type: 13 },
      { type: 2 },
    ]);
    expect(bench.tree.stat("/a")).toMatchObject({ cversion: 2, numChildren: 0, pzxid: 1n });
  });

  it("does nothing at all when one operation fails", () => {
    const bench = new TreeBench();
    const body = multiBody(
      [OpCode.CREATE, createBody("/a")],
      [OpCode.DELETE, versioned("/nope", -1)],
      [OpCode.CREATE, createBody("/b")],
    );
    expect(results(bench, body)).toEqual([
      { type: -1, err: 0 },
      { type: -1, err: -101 },
      { type: -1, err: -2 },
    ]);
    expect(bench.tree.size).toBe(4);
    expect(bench.tree.lastZxid).toBe(1n);
    expect(bench.create("/a/b")).toBe(-101);
    expect(bench.create("/a")).toBe(0);
  });

  it("answers the empty one", () => {
    expect(results(new TreeBench(), multiBody(), () => -112)).toEqual([]);
  });

  it("puts the session's trouble among the results", () => {
    const body = multiBody([OpCode.CREATE, createBody("/a")], [OpCode.CREATE, createBody("/b")]);
    expect(results(new TreeBench(), body, () => -118)).toEqual([
      { type: -1, err: -118 },
      { type: -1, err: -2 },
    ]);
  });

  it("is refused whole for an operation that multi does not know, and for a null ACL", () => {
    expect(results(new TreeBench(), multiBody([OpCode.GET_DATA, versioned("/a", -1)]))).toBe(-5);
    const body = multiBody(
      [OpCode.CREATE, createBody("/a")],
      [OpCode.CREATE, createBody("/b", { acl: null })],
    );
    const bench = new TreeBench();
    expect(results(bench, body)).toBe(-5);
    expect(bench.preparer.lastLacksTxn).toBe("no");
    expect(bench.create("/a")).toBe(0);
  });

  it("says when a real server would come to grief", () => {
    const bench = new TreeBench();
    expect(results(bench, multiBody([OpCode.DELETE, versioned(null, -1)]))).toBe(-5);
    expect(bench.preparer.lastLacksTxn).toBe("with-zxid");
    const negative = joined([multiBody([OpCode.DELETE, new Uint8Array([0x80, 0, 0, 0])])]);
    expect(results(bench, negative)).toBe(-5);
    expect(bench.preparer.lastLacksTxn).toBe("without-zxid");
    bench.create("/a");
    expect(bench.preparer.lastLacksTxn).toBe("no");
  });

  it("takes its changes back from what later requests are judged by", () => {
    const bench = new TreeBench();
    bench.create("/a");
    const pending = bench.propose(OpCode.SET_DATA, setDataBody("/a", null, 0));
    const failing = bench.propose(
      OpCode.MULTI,
      multiBody([OpCode.SET_DATA, setDataBody("/a", null, 1)], [OpCode.CHECK, versioned("/nope", 0)]),
    );
    const next = bench.propose(OpCode.SET_DATA, setDataBody("/a", null, 1));
    expect(next.txn).toMatchObject({ type: "setData", version: 2 });
    for (const one of [pending, failing, next]) bench.apply(one);
    expect(bench.tree.stat("/a")!.version).toBe(2);
  });

  it("leaves records behind that hold the number of children of that moment, as the server does", () => {
    const bench = new TreeBench();
    bench.create("/p");
    bench.create("/p/e", { flags: 1 }, { sessionId: 9n });
    bench.do(OpCode.MULTI, multiBody([OpCode.CHECK, versioned("/p", 99)]));
    bench.closeSession(9n);
    expect(bench.tree.children("/p")).toEqual([]);
    expect(bench.delete("/p")).toBe(-111);
    // Any change of the parent brings it to its senses: one more and one less of what it holds, and then it is gone.
    expect([bench.create("/p/x"), bench.delete("/p/x"), bench.delete("/p")]).toEqual([0, 0, 0]);
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

describe("access control lists", () => {
  const stored = (list: Parameters<typeof setAclBody>[1], auth = [ANYONE]) => {
    const bench = new TreeBench();
    const err = bench.create("/a", { acl: list }, { auth });
    return err === 0 ? shown(bench.tree.acl("/a")) : err;
  };

  it("puts the caller's identities for auth, at the end, and an address is none", () => {
    const auth = [ANYONE, BOB, { scheme: "super", id: "" }];
    expect(stored([acl(3, "auth", "x"), acl(1, "world", "anyone")], auth)).toEqual([
      "world:anyone:1",
      `digest:${BOB.id}:3`,
    ]);
    expect(stored([acl(31, "auth", "")])).toBe(-114);
    expect(stored([acl(31, "auth", null)], [BOB])).toEqual([`digest:${BOB.id}:31`]);
    expect(stored([acl(31, "auth", ""), acl(31, "auth", "y")], [BOB])).toHaveLength(2);
  });

  it("drops duplicates before that", () => {
    expect(stored([acl(1, "world", "anyone"), acl(1, "world", "anyone"), acl(2, "world", "anyone")])).toEqual(
      ["world:anyone:1", "world:anyone:2"],
    );
  });

  it.each([
    ["world", "other", -114],
    ["sasl", "bob", -114],
    ["super", "", -114],
    ["nope", null, -114],
    ["digest", "a", -114],
    ["digest", "a:", -114],
    ["digest", ":", -114],
    ["digest", "a:b:c", -114],
    ["digest", ":b", 0],
    ["digest", "a:b::", 0],
    ["ip", "127.0.0.1", 0],
    ["ip", "+127.0.0.01", 0],
    ["ip", "127.0.0.1/8", -114],
    ["ip", "127.0.0", -114],
    ["ip", "256.0.0.1", -114],
    ["ip", "1.2.3.-4", -114],
    ["ip", "1.2.3.", -114],
    ["ip", "::1", -114],
    [null, "x", -5],
    ["world", null, -5],
    ["digest", null, -5],
    ["ip", null, -5],
  ])("%s:%s gives %i", (scheme, id, err) => {
    const given = stored([acl(31, scheme, id)]);
    expect(typeof given === "number" ? given : 0).toBe(err);
  });

  it("judges entries in order", () => {
    expect(stored([acl(31, "nope", "x"), acl(30, null, null)])).toBe(-114);
    expect(stored([acl(31, "digest", "x:y"), acl(30, null, null)])).toBe(-5);
    // Looking for duplicates comes first, and meets the null when the permissions are the same.
    expect(stored([acl(31, "nope", "x"), acl(31, null, null)])).toBe(-5);
    expect(stored([acl(31, "nope", "x"), acl(31, "nope", null)])).toBe(-5);
    expect(stored([acl(31, "nope", "x"), acl(31, "auth", null)])).toBe(-114);
  });

  it("lets in by world, digest, address and super, and everyone where there is no list", () => {
    const bench = new TreeBench();
    bench.create("/d", { acl: [acl(2, "digest", BOB.id)] });
    bench.create("/i", { acl: [acl(2, "ip", "127.0.0.1")] });
    expect(bench.setData("/d")).toBe(-102);
    expect(bench.setData("/d", -1, null, { auth: [ANYONE, BOB] })).toBe(0);
    expect(bench.setData("/d", -1, null, { auth: [{ scheme: "super", id: "" }] })).toBe(0);
    expect(bench.setData("/i")).toBe(0);
    expect(bench.setData("/i", -1, null, { auth: [{ scheme: "ip", id: "127.0.0.2" }, BOB] })).toBe(-102);
    const open = new TreeBench({ skipAcl: true });
    open.create("/d", { acl: [acl(0, "nope", "x")] });
    expect(open.setData("/d")).toBe(0);
  });
});

describe("hostile input", () => {
  it("never throws, and leaves the preparer fit", () => {
    const opCode = fc.constantFrom(1, 2, 5, 7, 13, 14, -10, -11, 0, 99);
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.nat(200), fc.uint8Array({ minLength: 1, maxLength: 4 })).map(([at, bytes]) => {
        const body = multiBody(
          [OpCode.CREATE, createBody("/a", { flags: 2 })],
          [OpCode.SET_DATA, setDataBody("/zookeeper", new Uint8Array(3), -1)],
        ).slice();
        body.set(bytes, Math.min(at, body.length - bytes.length));
        return body;
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(opCode, hostile), { maxLength: 8 }), (requests) => {
        const bench = new TreeBench();
        for (const [code, body] of requests) bench.do(code, body);
        expect(bench.create("/fit", { flags: 2 })).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("survives counts that the body cannot hold", () => {
    const bench = new TreeBench();
    const body = bytesOf((writer) => {
      writer.ustring("/a");
      writer.buffer(null);
      writer.int(0x7fff_ffff);
    });
    expect(bench.do(OpCode.CREATE, body).err).toBe(-5);
    expect(bench.do(OpCode.MULTI, multiBody([OpCode.CREATE, body])).err).toBe(-5);
  });
});
