import { OpCode } from "@zk/protocol";
import { expect, it } from "vitest";
import { CommitQueue } from "./commit-queue.js";
import type { Entry, Request } from "./request.js";

const request = (xid: number, opCode: number = OpCode.CREATE): Request => ({
  connection: undefined,
  sessionId: 1n,
  xid,
  opCode,
  body: new Uint8Array(0),
  auth: [],
  owner: 1,
});
const entryOf = ({ sessionId, xid }: Request): Entry =>
  ({
    header: { sessionId, cxid: xid, zxid: BigInt(xid), timeMs: 0 },
    txn: { type: "error", err: 0 },
  }) as Entry;
const waits = ({ opCode }: Request): boolean => opCode === OpCode.CREATE;

it("holds everything up behind what is not committed, and lets others' transactions pass", () => {
  const finished: number[] = [];
  const queue = new CommitQueue(({ xid }) => finished.push(xid), waits);
  const [first, read] = [request(1), request(2, OpCode.GET_DATA)];
  queue.add(first);
  queue.add(read);
  const foreign = { ...request(9), sessionId: 2n };
  queue.commit(entryOf(foreign), foreign);
  expect(finished).toEqual([9]);
  queue.commit(entryOf(first), first);
  expect(finished).toEqual([9, 1, 2]);
});

it("what is committed while another request is being finished is finished in its turn, and once", () => {
  const finished: number[] = [];
  const [first, second, third] = [request(1), request(2), request(3, OpCode.GET_DATA)];
  const queue: CommitQueue = new CommitQueue(({ xid }) => {
    finished.push(xid);
    if (xid !== 1) return;
    queue.add(second);
    queue.commit(entryOf(second), second);
    queue.add(third);
  }, waits);
  queue.add(first);
  queue.commit(entryOf(first), first);
  expect(finished).toEqual([1, 2, 3]);
});
