import {
  decode,
  ExistsResponse,
  GetACLResponse,
  GetChildren2Response,
  GetChildrenResponse,
  GetDataResponse,
  OpCode,
} from "@zk/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ANYONE, acl, bytesOf, readBody, TreeBench, text } from "../../tests/tree-bench.js";
import { answerRead } from "./reads.js";
import { decodeSetWatches } from "./request-bodies.js";

const READS = [OpCode.EXISTS, OpCode.GET_DATA, OpCode.GET_ACL, OpCode.GET_CHILDREN, OpCode.GET_CHILDREN2];

function bench(): TreeBench {
  const made = new TreeBench();
  made.create("/a", { data: text("x") });
  made.create("/a/b", { data: null });
  made.create("/closed", { acl: [acl(30, "world", "anyone")] });
  return made;
}

function read(
  made: TreeBench,
  opCode: number,
  body: Uint8Array,
  skipAcl = false,
): ReturnType<typeof answerRead> {
  return answerRead(made.tree, { sessionId: 1n, xid: 1, opCode, body, auth: [ANYONE] }, { skipAcl });
}

describe("answerRead", () => {
  it("gives what the tree has", () => {
    const made = bench();
    const stat = made.tree.stat("/a")!;
    const body = readBody("/a");
    expect(decode(ExistsResponse, read(made, OpCode.EXISTS, body).body)).toEqual({ stat });
    expect(decode(GetDataResponse, read(made, OpCode.GET_DATA, body).body)).toEqual({
      data: text("x"),
      stat,
    });
    expect(decode(GetDataResponse, read(made, OpCode.GET_DATA, readBody("/a/b")).body).data).toBeNull();
    expect(decode(GetACLResponse, read(made, OpCode.GET_ACL, body).body)).toEqual({
      acl: [{ perms: 31, id: { scheme: "world", id: "anyone" } }],
      stat,
    });
    expect(decode(GetChildrenResponse, read(made, OpCode.GET_CHILDREN, body).body).children).toEqual(["b"]);
    expect(decode(GetChildren2Response, read(made, OpCode.GET_CHILDREN2, body).body)).toEqual({
      children: ["b"],
      stat,
    });
    expect(read(made, OpCode.GET_DATA, readBody("")).err).toBe(0);
  });

  it("leaves a watch only where the server takes it", () => {
    const made = bench();
    const watchOf = (opCode: number, path: string) => read(made, opCode, readBody(path, true)).watch;
    expect(READS.map((opCode) => watchOf(opCode, "/a")?.kind)).toEqual([
      "data",
      "data",
      undefined,
      "child",
      "child",
    ]);
    expect(READS.map((opCode) => watchOf(opCode, "/none")?.kind)).toEqual(["data", ...Array(4)]);
    expect(READS.map((opCode) => watchOf(opCode, "/closed")?.kind)).toEqual(["data", ...Array(4)]);
    expect(read(made, OpCode.GET_DATA, readBody("/a", false)).watch).toBeUndefined();
  });

  it("refuses as the server does", () => {
    const made = bench();
    const errs = (path: string | null) => READS.map((opCode) => read(made, opCode, readBody(path, true)).err);
    expect(errs("/none")).toEqual([-101, -101, -101, -101, -101]);
    expect(errs("/closed")).toEqual([0, -102, 0, -102, -102]);
    expect(errs(null)).toEqual([-5, -5, -5, -5, -5]);
    expect(errs("/a\0")).toEqual([-8, -101, -101, -101, -101]);
    expect(errs("/a/")).toEqual([-101, -101, -101, -101, -101]);
    expect(read(made, OpCode.EXISTS, readBody("/a\0", true)).watch).toBeUndefined();
    expect(read(made, OpCode.GET_DATA, readBody("/closed"), true).err).toBe(0);
    // getACL has no flag behind the path; the others miss it.
    const bare = readBody("/a").slice(0, -1);
    expect(READS.map((opCode) => read(made, opCode, bare).err)).toEqual([-5, -5, 0, -5, -5]);
  });

  it("writes characters outside of the basic plane in six bytes, as Java does", () => {
    const made = new TreeBench();
    made.create("/a", { acl: [acl(31, "digest", "😀:x")] });
    const { body } = read(made, OpCode.GET_ACL, readBody("/a"));
    const length = new DataView(body.buffer, body.byteOffset).getInt32(4 + 4 + 4 + 6);
    expect(length).toBe(8);
    expect([...body.slice(22, 28)]).toEqual([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]);
  });

  it("never throws", () => {
    const made = bench();
    fc.assert(
      fc.property(fc.nat(110), fc.uint8Array({ maxLength: 30 }), (opCode, body) => {
        expect(read(made, opCode, body).err).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe("the body of setWatches", () => {
  const body = (...lists: readonly (readonly (string | null)[] | number)[]) =>
    bytesOf((writer) => {
      writer.long(7n);
      for (const list of lists) {
        writer.int(typeof list === "number" ? list : list.length);
        for (const path of typeof list === "number" ? [] : list) writer.ustring(path);
      }
    });

  it("is done as far as the first null", () => {
    expect(decodeSetWatches(body(["/a"], ["/b", null, "/c"], ["/d"]))).toEqual({
      watches: { relativeZxid: 7n, dataWatches: ["/a"], existWatches: ["/b"], childWatches: [] },
      err: -5,
    });
    expect(decodeSetWatches(body(["/a"], -1, ["/d"]))).toMatchObject({
      watches: { dataWatches: ["/a"], childWatches: [] },
      err: -5,
    });
    expect(decodeSetWatches(body(["/a"], -9, ["/d"]))).toMatchObject({
      watches: { childWatches: ["/d"] },
      err: 0,
    });
    expect(decodeSetWatches(body(["/a"], [], []))).toMatchObject({
      watches: { dataWatches: ["/a"] },
      err: 0,
    });
  });

  it("is not done at all when it is cut off", () => {
    const whole = body(["/a"], ["/b"], ["/c"]);
    for (let end = 0; end < whole.length; end++) {
      expect(decodeSetWatches(whole.slice(0, end))).toEqual({
        watches: { relativeZxid: 0n, dataWatches: [], existWatches: [], childWatches: [] },
        err: -5,
      });
    }
  });
});
