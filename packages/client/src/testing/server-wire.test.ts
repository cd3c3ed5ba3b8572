import { decode, encode, JuteWriter, OPERATIONS, type OperationName, ReplyHeader } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { eventFrame, headerFrame, readRequest, replyFrame } from "./server-wire.js";

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

describe("the server's frames", () => {
  it("are those of a real server", () => {
    const request = { xid: 2, operation: "create" as const, body: {} as never };
    expect(hex(replyFrame(request, 0x100000006n, { path: "/a" }))).toBe(
      "0000001600000002000000010000000600000000000000022f61",
    );
    expect(hex(headerFrame({ xid: 1, zxid: 0x100000006n, err: -101 }))).toBe(
      "00000010000000010000000100000006ffffff9b",
    );
    expect(hex(eventFrame({ type: "NodeDataChanged", path: "/a" }))).toBe(
      "0000001effffffffffffffffffffffff000000000000000300000003000000022f61",
    );
  });

  it("have no body where the operation has none", () => {
    const frame = replyFrame({ xid: 3, operation: "delete" }, 5n, null);
    expect(decode(ReplyHeader, frame.subarray(4))).toEqual({ xid: 3, zxid: 5n, err: 0 });
    expect(frame.length).toBe(20);
  });
});

describe("readRequest", () => {
  it("reads every request that a client can send", () => {
    const names = Object.keys(OPERATIONS) as OperationName[];
    for (const operation of names.filter((name) => OPERATIONS[name].request === null)) {
      const writer = new JuteWriter();
      writer.int(7);
      writer.int(OPERATIONS[operation].opCode);
      expect(readRequest(writer.take())).toEqual({ xid: 7, operation, body: null });
    }
    const body = { path: "/a", watch: true };
    const writer = new JuteWriter();
    writer.int(8);
    writer.int(OPERATIONS.getData.opCode);
    const bytes = new Uint8Array([...writer.take(), ...encode(OPERATIONS.getData.request, body)]);
    expect(readRequest(bytes)).toEqual({ xid: 8, operation: "getData", body });
  });

  it("refuses an op code that no server knows", () => {
    expect(() => readRequest(new Uint8Array([0, 0, 0, 1, 0, 0, 3, 231]))).toThrow(/999/);
  });
});
