import { describe, expect, it } from "vitest";
import type { Codec } from "../src/index.js";
import {
  AuthPacket,
  ConnectRequest,
  CreateMode,
  CreateRequest,
  CreateResponse,
  GetDataRequest,
  MultiRequest,
  MultiResponse,
  OPEN_ACL_UNSAFE,
  OpCode,
  ReplyHeader,
  RequestHeader,
  SetWatches,
  utf8Bytes,
  WatcherEvent,
  Xid,
} from "../src/index.js";
import { bytesOf, hexOf, readShape, type Shape, writeShape } from "./support/goldens.js";

type Part = readonly [Codec<unknown>, unknown];

/** Frames worked out by hand from the description of the protocol, byte by byte. */
interface Example {
  readonly what: string;
  readonly hex: string;
  readonly header: Part | null;
  readonly body: Part | null;
}

const body = <T>(codec: Codec<T>, value: T): Part => [codec, value];
const request = (xid: number, type: number): Part => body(RequestHeader, { xid, type });
const reply = (xid: number, zxid: bigint, err: number): Part => body(ReplyHeader, { xid, zxid, err });
const OPEN_ACL = "000000010000001f00000005776f726c6400000006616e796f6e65";
const newSession = {
  protocolVersion: 0,
  lastZxidSeen: 0n,
  timeOut: 10_000,
  sessionId: 0n,
  passwd: new Uint8Array(16),
  readOnly: false,
};

const EXAMPLES: readonly Example[] = [
  {
    what: "connect request: new session, 10 s, readOnly false",
    hex: `0000002d000000000000000000000000000027100000000000000000${"00000010"}${"00".repeat(16)}00`,
    header: null,
    body: body(ConnectRequest, newSession),
  },
  { what: "ping", hex: "00000008fffffffe0000000b", header: request(Xid.PING, OpCode.PING), body: null },
  {
    what: "reply to ping",
    hex: "00000010fffffffe000000010000000500000000",
    header: reply(Xid.PING, 0x100000005n, 0),
    body: null,
  },
  {
    what: "closeSession",
    hex: "0000000800000007fffffff5",
    header: request(7, OpCode.CLOSE_SESSION),
    body: null,
  },
  {
    what: "getData with a watch",
    hex: "0000000f0000000100000004000000022f6101",
    header: request(1, OpCode.GET_DATA),
    body: body(GetDataRequest, { path: "/a", watch: true }),
  },
  {
    what: "create, ephemeral",
    hex: `000000330000000200000001000000022f61000000026869${OPEN_ACL}00000001`,
    header: request(2, OpCode.CREATE),
    body: body(CreateRequest, {
      path: "/a",
      data: utf8Bytes("hi"),
      acl: OPEN_ACL_UNSAFE,
      flags: CreateMode.EPHEMERAL,
    }),
  },
  {
    what: "create, null data",
    hex: `000000310000000200000001000000022f61ffffffff${OPEN_ACL}00000000`,
    header: request(2, OpCode.CREATE),
    body: body(CreateRequest, { path: "/a", data: null, acl: OPEN_ACL_UNSAFE, flags: CreateMode.PERSISTENT }),
  },
  {
    what: "reply to create",
    hex: "0000001600000002000000010000000600000000000000022f61",
    header: reply(2, 0x100000006n, 0),
    body: body(CreateResponse, { path: "/a" }),
  },
  {
    what: "NO_NODE",
    hex: "00000010000000010000000100000006ffffff9b",
    header: reply(1, 0x100000006n, -101),
    body: null,
  },
  {
    what: "NodeDataChanged",
    hex: "0000001effffffffffffffffffffffff000000000000000300000003000000022f61",
    header: reply(Xid.NOTIFICATION, -1n, 0),
    body: body(WatcherEvent, { type: 3, state: 3, path: "/a" }),
  },
  {
    what: "auth digest",
    hex: "00000027fffffffc0000006400000000000000066469676573740000000d626f623a626f62736563726574",
    header: request(Xid.AUTH, OpCode.AUTH),
    body: body(AuthPacket, { type: 0, scheme: "digest", auth: utf8Bytes("bob:bobsecret") }),
  },
  {
    what: "setWatches",
    hex: "00000022fffffff800000065000000010000000500000001000000022f610000000000000000",
    header: request(Xid.SET_WATCHES, OpCode.SET_WATCHES),
    body: body(SetWatches, {
      relativeZxid: 0x100000005n,
      dataWatches: ["/a"],
      existWatches: [],
      childWatches: [],
    }),
  },
  {
    what: "multi: check and delete",
    hex:
      "00000037000000030000000e0000000d00ffffffff000000022f6100000000" +
      "0000000200ffffffff000000022f61ffffffffffffffff01ffffffff",
    header: request(3, OpCode.MULTI),
    body: body(MultiRequest, [
      { type: 13, request: { path: "/a", version: 0 } },
      { type: 2, request: { path: "/a", version: -1 } },
    ]),
  },
  {
    what: "reply to multi, all done",
    hex: "0000002b000000030000000100000007000000000000000d0000000000000000020000000000ffffffff01ffffffff",
    header: reply(3, 0x100000007n, 0),
    body: body(MultiResponse, [{ type: 13 }, { type: 2 }]),
  },
  {
    what: "reply to multi, the check failed",
    hex:
      "0000003300000003000000010000000700000000ffffffff00ffffff99ffffff99" +
      "ffffffff00fffffffefffffffeffffffff01ffffffff",
    header: reply(3, 0x100000007n, 0),
    body: body(MultiResponse, [
      { type: -1, err: -103 },
      { type: -1, err: -2 },
    ]),
  },
];

describe("examples worked out by hand", () => {
  it.each(EXAMPLES)("$what", ({ hex, header, body: rest }) => {
    const shape: Shape = { header: header?.[0] ?? null, bodyOf: () => rest?.[0] ?? null };
    const given = { header: header?.[1] ?? null, body: rest?.[1] ?? null };
    expect(hexOf(writeShape(shape, given))).toBe(hex);
    expect(readShape(shape, bytesOf(hex).subarray(4))).toEqual({ ...given, remaining: 0 });
  });
});
