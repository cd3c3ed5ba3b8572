import { CreateResponse, decode, OpCode, SetACLResponse, SetDataResponse } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { createBody, setAclBody, setDataBody, TreeBench, versioned } from "../../tests/tree-bench.js";
import { writeReply } from "./write-replies.js";

describe("writeReply", () => {
  it("gives each write what it is answered with", () => {
    const bench = new TreeBench();
    const created = bench.do(OpCode.CREATE, createBody("/a")).reply;
    expect(decode(CreateResponse, created.body)).toEqual({ path: "/a" });
    const set = bench.do(OpCode.SET_DATA, setDataBody("/a", null, -1)).reply;
    expect(decode(SetDataResponse, set.body)).toEqual({ stat: bench.tree.stat("/a") });
    const list = [{ perms: 31, id: { scheme: "world", id: "anyone" } }];
    const acl = bench.do(OpCode.SET_ACL, setAclBody("/a", list)).reply;
    expect(decode(SetACLResponse, acl.body)).toEqual({ stat: bench.tree.stat("/a") });
    expect(bench.do(OpCode.DELETE, versioned("/a", -1)).reply).toEqual({ err: 0, body: new Uint8Array(0) });
    expect(bench.closeSession(1n).reply).toEqual({ err: 0, body: new Uint8Array(0) });
  });

  it("gives a refusal its code and nothing else", () => {
    const refused = writeReply(OpCode.MULTI, { type: "error", err: -5 }, { err: -5, events: [] });
    expect(refused).toEqual({ err: -5, body: new Uint8Array(0) });
  });

  it("answers with what another request came to, as well as the server can, when that has the same xid", () => {
    const ended = [{ type: "closeSession" }, { err: 0, events: [] }] as const;
    const nullPath = new Uint8Array([255, 255, 255, 255]);
    expect(writeReply(OpCode.CREATE, ...ended)).toEqual({ err: 0, body: nullPath });
    expect(writeReply(OpCode.MULTI, ...ended)).toEqual({ err: -5, body: new Uint8Array(0) });
    expect(writeReply(OpCode.DELETE, ...ended)).toEqual({ err: 0, body: new Uint8Array(0) });
    expect(writeReply(OpCode.SET_DATA, ...ended)).toMatchObject({ isSilent: true });
  });

  it("has no reply where the server fails to write one", () => {
    const lost = { err: -101, path: "/a", events: [] };
    const txn = { type: "setData", path: "/a", data: null, version: 1 } as const;
    expect(writeReply(OpCode.SET_DATA, txn, lost)).toMatchObject({ err: -101, isSilent: true });
  });
});
