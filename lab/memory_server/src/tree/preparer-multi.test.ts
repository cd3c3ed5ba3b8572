import { decode, MultiResponse, OpCode } from "@zk/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bytesOf,
  createBody,
  joined,
  multiBody,
  setDataBody,
  TreeBench,
  versioned,
} from "../../tests/tree-bench.js";

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

  it("forgets what is on its way below a parent whose own path it did not name, as the server does", () => {
    const bench = new TreeBench();
    bench.create("/q");
    const first = bench.propose(OpCode.CREATE, createBody("/q/n", { flags: 2 }));
    const failing = bench.propose(
      OpCode.MULTI,
      multiBody([OpCode.CREATE, createBody("/q/m")], [OpCode.CHECK, versioned("/nope", -1)]),
    );
    // A real server refuses a sequential create so when the three are sent in one go.
    const next = bench.propose(OpCode.CREATE, createBody("/q/n", { flags: 2 }));
    expect(next.txn).toEqual({ type: "error", err: -110 });
    for (const one of [first, failing, next]) bench.apply(one);
    expect(bench.tree.children("/q")).toEqual(["n0000000000"]);
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
