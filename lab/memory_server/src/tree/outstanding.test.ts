import { OpCode } from "@zk/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  createBody,
  multiBody,
  type Proposed,
  setDataBody,
  TreeBench,
  versioned,
} from "../../tests/tree-bench.js";

const path = fc.constantFrom("/a", "/b", "/a/x", "/a/y", "/a/x/z", "/b/q");
const version = fc.constantFrom(-1, -1, 0, 1);
const simple = fc.oneof(
  fc.tuple(path, fc.nat(3)).map(([at, flags]) => [OpCode.CREATE, createBody(at, { flags })] as const),
  fc.tuple(path, version).map(([at, wanted]) => [OpCode.DELETE, versioned(at, wanted)] as const),
  fc.tuple(path, version).map(([at, wanted]) => [OpCode.SET_DATA, setDataBody(at, null, wanted)] as const),
);
const sessionId = fc.bigInt({ min: 1n, max: 3n });

it("judges requests so that what passes can be applied, however far the tree is behind", () => {
  const step = fc.record({
    request: fc.oneof(
      { weight: 9, arbitrary: simple },
      fc.constant([OpCode.CLOSE_SESSION, new Uint8Array(0)] as const),
    ),
    sessionId,
    /** How many transactions may be on their way afterwards. */
    lag: fc.nat(6),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const bench = new TreeBench();
      const pending: Proposed[] = [];
      const settle = (left: number) => {
        while (pending.length > left) {
          const proposed = pending.shift()!;
          const { err, txn } = bench.apply(proposed);
          expect(err).toBe(txn.type === "error" ? txn.err : 0);
        }
      };
      for (const { request, sessionId: id, lag } of steps) {
        pending.push(bench.propose(request[0], request[1], { sessionId: id }));
        settle(lag);
      }
      settle(0);
    }),
    { numRuns: 300 },
  );
});

it("changes nothing but lastZxid with a multi that fails", () => {
  fc.assert(
    fc.property(fc.array(simple, { maxLength: 15 }), fc.array(simple, { maxLength: 5 }), (before, parts) => {
      const bench = new TreeBench();
      for (const [opCode, body] of before) bench.do(opCode, body);
      const { tree } = bench;
      const seen = tree.snapshot();
      const fails = [OpCode.CHECK, versioned("/nope", -1)] as const;
      const { events } = bench.do(OpCode.MULTI, multiBody(...parts, fails));
      tree.lastZxid--;
      expect(tree.snapshot()).toEqual(seen);
      expect(events).toEqual([]);
    }),
  );
});
