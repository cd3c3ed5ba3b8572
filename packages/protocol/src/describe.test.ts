import { describe, expect, it } from "vitest";
import {
  describeConnectRequest,
  describeConnectResponse,
  describeReply,
  describeRequest,
} from "./describe.js";
import { ERROR_CODES } from "./error-codes.js";
import { type Codec, encode } from "./jute/codec.js";
import { utf8Bytes } from "./jute/utf8.js";
import { OPERATIONS, type OperationName } from "./operations.js";
import { CreateRequest } from "./records/nodes.js";
import {
  AuthPacket,
  ConnectRequest,
  ConnectResponse,
  GetSASLRequest,
  ReplyHeader,
  RequestHeader,
} from "./records/session.js";

const bytes = (...parts: (readonly [Codec<never>, unknown])[]) =>
  new Uint8Array(Buffer.concat(parts.map(([codec, value]) => encode(codec as Codec<unknown>, value))));
const part = <T>(codec: Codec<T>, value: T) => [codec, value] as unknown as readonly [Codec<never>, unknown];
const request = (operation: OperationName, xid: number) =>
  part(RequestHeader, { xid, type: OPERATIONS[operation].opCode });
const reply = (xid: number, err = 0) => part(ReplyHeader, { xid, zxid: 0x100000006n, err });
const stat = {
  czxid: 1n,
  mzxid: 0x100000002n,
  ctime: 1_400_000_000_000n,
  mtime: 1_400_000_000_001n,
  version: 3,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: -1n,
  dataLength: 2,
  numChildren: 0,
  pzxid: 1n,
};

describe("one line for a frame", () => {
  it.each([
    [
      'getData xid=1 path="/a" watch=true',
      bytes(request("getData", 1), part(OPERATIONS.getData.request, { path: "/a", watch: true })),
    ],
    [
      'create xid=2 path="/a" data=2 bytes acl=["world:anyone:cdrwa", "ip:10.0.0.1:r"] flags=EPHEMERAL',
      bytes(
        request("create", 2),
        part(CreateRequest, {
          path: "/a",
          data: utf8Bytes("hi"),
          acl: [
            { perms: 31, id: { scheme: "world", id: "anyone" } },
            { perms: 1, id: { scheme: "ip", id: "10.0.0.1" } },
          ],
          flags: 1,
        }),
      ),
    ],
    ["ping xid=-2", bytes(request("ping", -2))],
    ["op 999 xid=3", bytes(part(RequestHeader, { xid: 3, type: 999 }))],
    [
      "op 999 xid=3 +4 bytes",
      bytes(part(RequestHeader, { xid: 3, type: 999 }), part(RequestHeader, { xid: 1, type: 1 })).subarray(
        0,
        12,
      ),
    ],
    [
      'multi xid=4 [check path="/a" version=-1, delete path="/a" version=2]',
      bytes(
        request("multi", 4),
        part(OPERATIONS.multi.request, [
          { type: 13, request: { path: "/a", version: -1 } },
          { type: 2, request: { path: "/a", version: 2 } },
        ]),
      ),
    ],
    [
      'addWatch xid=5 path="/a" mode=PERSISTENT_RECURSIVE',
      bytes(request("addWatch", 5), part(OPERATIONS.addWatch.request, { path: "/a", mode: 1 })),
    ],
    [
      "getData xid=6 unreadable: TRUNCATED GetDataRequest.watch: 1 bytes needed, 0 left, at byte 14",
      bytes(request("getData", 6), part(OPERATIONS.getData.request, { path: "/a", watch: true })).subarray(
        0,
        14,
      ),
    ],
    [
      "request of 3 bytes, unreadable: TRUNCATED RequestHeader.xid: 4 bytes needed, 3 left, at byte 0",
      new Uint8Array(3),
    ],
  ])("%s", (line, payload) => {
    expect(describeRequest(payload)).toBe(line);
  });

  it.each([
    ["reply xid=1 zxid=0x100000006 NO_NODE(-101) to getData", bytes(reply(1, -101)), 4],
    ["reply xid=1 zxid=0x100000006 UNKNOWN(-126)", bytes(reply(1, -126)), undefined],
    ["reply xid=-2 zxid=0x100000006 OK to ping", bytes(reply(-2)), undefined],
    [
      'reply xid=1 zxid=0x100000006 OK to create path="/a"',
      bytes(reply(1), part(OPERATIONS.create.response, { path: "/a" })),
      1,
    ],
    [
      "reply xid=1 zxid=0x100000006 OK +6 bytes",
      bytes(reply(1), part(OPERATIONS.create.response, { path: "/a" })),
      undefined,
    ],
    [
      "reply xid=1 zxid=0x100000006 OK to getData data=null stat={czxid=0x1 mzxid=0x100000002 ctime=1400000000000 " +
        "mtime=1400000000001 version=3 cversion=0 aversion=0 ephemeralOwner=-1 dataLength=2 numChildren=0 pzxid=0x1}",
      bytes(reply(1), part(OPERATIONS.getData.response, { data: null, stat })),
      4,
    ],
    [
      "reply xid=1 zxid=0x100000006 OK to multi [BAD_VERSION(-103), RUNTIME_INCONSISTENCY(-2)]",
      bytes(
        reply(1),
        part(OPERATIONS.multi.response, [
          { type: -1, err: -103 },
          { type: -1, err: -2 },
        ]),
      ),
      14,
    ],
    [
      'notification zxid=-1 type=NodeDeleted state=SyncConnected path="/a"',
      bytes(
        part(ReplyHeader, { xid: -1, zxid: -1n, err: 0 }),
        part(OPERATIONS.notification.response, { type: 2, state: 3, path: "/a" }),
      ),
      undefined,
    ],
  ])("%s", (line, payload, opCode) => {
    expect(describeReply(payload, opCode)).toBe(line);
  });

  it("of the handshake", () => {
    const passwd = utf8Bytes("sixteen  letters");
    const asked = {
      protocolVersion: 0,
      lastZxidSeen: 5n,
      timeOut: 10_000,
      sessionId: -2n,
      passwd,
      readOnly: true,
    };
    expect(describeConnectRequest(encode(ConnectRequest, asked))).toBe(
      "connect protocolVersion=0 lastZxidSeen=0x5 timeOut=10000 sessionId=0xfffffffffffffffe passwd=*** readOnly=true",
    );
    const given = { protocolVersion: 0, timeOut: 4_000, sessionId: 1n, passwd };
    expect(describeConnectResponse(encode(ConnectResponse, given))).toBe(
      "connected protocolVersion=0 timeOut=4000 sessionId=0x1 passwd=***",
    );
    expect(describeConnectResponse(bytes(part(ReplyHeader, { xid: 0, zxid: 0n, err: -119 })))).toBe(
      "connect refused: NOT_READONLY(-119)",
    );
  });

  it("names every error there is", () => {
    for (const { code, name } of ERROR_CODES.slice(1)) {
      expect(describeReply(bytes(reply(1, code)))).toBe(`reply xid=1 zxid=0x100000006 ${name}(${code})`);
    }
  });
});

describe("what a trace must not give away", () => {
  const lines = [
    describeRequest(
      bytes(
        request("auth", -4),
        part(AuthPacket, { type: 0, scheme: "digest", auth: utf8Bytes("bob:SECRET") }),
      ),
    ),
    describeRequest(bytes(request("sasl", 1), part(GetSASLRequest, { token: utf8Bytes("SECRET") }))),
    describeRequest(
      bytes(
        request("create", 2),
        part(CreateRequest, {
          path: "/a",
          data: utf8Bytes("SECRET"),
          acl: [
            { perms: 31, id: { scheme: "digest", id: "bob:SECRET=" } },
            { perms: 31, id: { scheme: "digest", id: "SECRET" } },
            { perms: 31, id: { scheme: "auth", id: "bob:SECRET" } },
          ],
          flags: 0,
        }),
      ),
    ),
    describeReply(
      bytes(
        reply(1),
        part(OPERATIONS.getACL.response, {
          acl: [{ perms: 1, id: { scheme: "digest", id: "bob:SECRET" } }],
          stat,
        }),
      ),
      6,
    ),
    describeConnectResponse(
      encode(ConnectResponse, { protocolVersion: 0, timeOut: 1, sessionId: 1n, passwd: utf8Bytes("SECRET") }),
    ),
  ];

  it.each(lines)("%s", (line) => {
    expect(line).not.toContain("SECRET");
    expect(line).not.toContain(Buffer.from("SECRET").toString("hex"));
    expect(line).toMatch(/\*\*\*/);
  });
});

describe("whatever the frame", () => {
  it("a line is one line of bounded length without anything a terminal acts upon", () => {
    const path = `/\n\r\u001b[31m\u009b2J\u2028\u202e${"x".repeat(5_000)}`;
    const names = Array.from({ length: 1_000 }, (_, index) => `n${index}`);
    const asked = describeRequest(
      bytes(request("getData", 1), part(OPERATIONS.getData.request, { path, watch: false })),
    );
    expect(asked).toContain('path="/\\n\\r\\u001b[31m\\u009b2J\\u2028\\u202exxx');
    expect(asked.length).toBeLessThan(300);
    const listed = describeReply(
      bytes(reply(1), part(OPERATIONS.getChildren.response, { children: names })),
      8,
    );
    expect(listed).toContain('"n7", +992 more]');
    expect(listed).not.toMatch(/\p{Control}/u);
  });

  it("it never throws", () => {
    for (const odd of [undefined, null, "text", 5, {}, new Uint16Array(4)]) {
      for (const describeOne of [
        describeRequest,
        describeReply,
        describeConnectRequest,
        describeConnectResponse,
      ]) {
        expect(typeof describeOne(odd as unknown as Uint8Array)).toBe("string");
      }
    }
  });
});
