/**
 * The smallest schedules of differences that were found between 3.4.6 and its model, each with what 3.4.6 says. Both are
 * held to it: the model because it was wrong once, the real one because it is what the others are measured by.
 */
import { OpCode } from "@zk/protocol";
import { OPEN } from "../../src/differential/arguments.js";
import type {
  Body,
  ConnectOperation,
  Operation,
  Part,
  RequestOperation,
} from "../../src/differential/operations.js";
import { RESUME } from "../../src/differential/own-frames.js";

/** A schedule and the trace that it has to leave. */
export interface Case {
  readonly name: string;
  readonly operations: readonly Operation[];
  /** From the first operation that matters; the lines of connecting and creating before it are left out. */
  readonly says: readonly string[];
}

const connect = (slot: number): ConnectOperation => ({ ...RESUME, slot, session: "new" });
const request = (opCode: number, body: Body, slot = 0): RequestOperation => ({
  kind: "request",
  slot,
  opCode,
  body,
});
const create = (path: string, flags = 0, slot = 0): Operation =>
  request(OpCode.CREATE, { record: "create", path, data: "", acl: OPEN, flags }, slot);
const remove = (path: string): Operation => request(OpCode.DELETE, { record: "version", path, version: -1 });
const sync = (path: (Body & { record: "path" })["path"]): Operation =>
  request(OpCode.SYNC, { record: "path", path });
const auth = (scheme: string | null, password: string | null): Operation =>
  request(OpCode.AUTH, { record: "auth", type: 0, scheme, auth: password });
const setWatches = (lists: Partial<Body & { record: "watches" }>): Operation =>
  request(OpCode.SET_WATCHES, {
    record: "watches",
    relativeZxid: { seen: 0 },
    data: [],
    exists: [],
    children: [],
    ...lists,
  });
const multi = (...parts: readonly Part[]): Operation => request(OpCode.MULTI, { record: "multi", parts });
const checkPart = (path: string, version: number): Part => ({
  type: OpCode.CHECK,
  err: -1,
  body: { record: "version", path, version },
});

export const FOUND: readonly Case[] = [
  {
    name: "a negative count in setWatches is an empty list",
    operations: [connect(0), create("$/a"), setWatches({ exists: { count: -2 }, children: ["$/none"] })],
    says: ["3 s0#1 event type=2 state=3 path=$/none zxid=-1 err=0", "3 s0#1 reply xid=3 zxid=+2 err=0"],
  },
  {
    name: "a missing list in setWatches is -5, and what stood before it has been done",
    operations: [connect(0), setWatches({ data: ["$/none"], exists: null, children: ["$/none"] })],
    says: ["2 s0#1 event type=2 state=3 path=$/none zxid=-1 err=0", "2 s0#1 reply xid=2 zxid=+1 err=-5"],
  },
  {
    name: "a path that is null in setWatches is -5, and what stood before it has been done",
    operations: [connect(0), setWatches({ data: ["$/none", null, "$/none"] })],
    says: ["2 s0#1 event type=2 state=3 path=$/none zxid=-1 err=0", "2 s0#1 reply xid=2 zxid=+1 err=-5"],
  },
  {
    name: "an auth packet without scheme is refused",
    operations: [connect(0), auth(null, "x")],
    says: ["2 s0#1 reply xid=2 zxid=0 err=-115", "2 s0#1 closed"],
  },
  {
    name: "an auth packet without password is refused",
    operations: [connect(0), auth("digest", null)],
    says: ["2 s0#1 reply xid=2 zxid=0 err=-115", "2 s0#1 closed"],
  },
  {
    name: "a notification writes a character outside of the basic plane with six bytes",
    operations: [connect(0), setWatches({ data: ["$/😀"] })],
    says: [
      "2 s0#1 event type=2 state=3 path=$/\\xed\\xa0\\xbd\\xed\\xb8\\x80 zxid=-1 err=0",
      "2 s0#1 reply xid=2 zxid=+1 err=0",
    ],
  },
  {
    name: "sync gives back its path as Java writes it, null too",
    operations: [connect(0), sync("$/😀"), sync(null), sync({ text: "$/", hex: "eda080" })],
    says: [
      "2 s0#1 reply xid=2 zxid=+1 err=0 path=$/\\xed\\xa0\\xbd\\xed\\xb8\\x80",
      "3 s0#1 reply xid=3 zxid=+1 err=0 path=null",
      "4 s0#1 reply xid=4 zxid=+1 err=0 path=$/\\xef\\xbf\\xbd",
    ],
  },
  {
    name: "after a multi that failed, a znode whose ephemeral child went with its session counts as not empty",
    operations: [
      connect(0),
      connect(1),
      create("$/a"),
      create("$/a/e", 1, 1),
      multi(checkPart("$/a", 5)),
      request(OpCode.CLOSE_SESSION, { record: "none" }, 1),
      remove("$/a"),
      create("$/a/b"),
      remove("$/a/b"),
      remove("$/a"),
    ],
    says: [
      "5 s0#1 reply xid=5 zxid=+5 err=0 [0]=type -1 err -103 [0].err=-103 [1]=type -1 done err -1",
      "6 s1#1 reply xid=6 zxid=+6 err=0",
      "6 s1#1 closed",
      "7 s0#1 reply xid=7 zxid=+7 err=-111",
      "8 s0#1 reply xid=8 zxid=+8 err=0 path=$/a/b",
      "9 s0#1 reply xid=9 zxid=+9 err=0",
      "10 s0#1 reply xid=10 zxid=+10 err=0",
    ],
  },
];
