/** Operations as bytes: what is said about a request is what a server gets. */
import { ConnectRequest, decode, OpCode, SetDataRequest } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { connectFrame, pathOf, rawFrame, requestFrame, zxidOf } from "../../src/differential/encode.js";
import type { RequestOperation } from "../../src/differential/operations.js";
import { RESUME } from "../../src/differential/own-frames.js";

const meaning = { root: "/d-0000001", seenZxid: 50n };
const setData: RequestOperation = {
  kind: "request",
  slot: 0,
  opCode: OpCode.SET_DATA,
  body: { record: "data", path: "$/a", data: "v", version: 3 },
};
const frameOf = (changes: Partial<RequestOperation>): Uint8Array =>
  requestFrame({ ...setData, ...changes }, 7, meaning);
const lengthOf = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getInt32(0);

describe("a request's frame", () => {
  it("holds what the operation says, with the root in the place of $", () => {
    const request = decode(SetDataRequest, frameOf({}).subarray(12));
    expect(request).toEqual({ path: "/d-0000001/a", data: Uint8Array.of(0x76), version: 3 });
  });

  it("says its length truly, also when it is cut, made longer, or filled up to a limit", () => {
    const whole = frameOf({}).length;
    expect(frameOf({ cut: 3 })).toHaveLength(whole - 3);
    expect(frameOf({ cut: 999 })).toHaveLength(12);
    expect(frameOf({ extra: 5 })).toHaveLength(whole + 5);
    const filled = frameOf({
      body: { record: "data", path: "$", data: { frameBytes: 1_048_575 }, version: 0 },
    });
    expect(filled).toHaveLength(4 + 1_048_575);
    for (const frame of [frameOf({}), frameOf({ cut: 3 }), frameOf({ extra: 5 }), filled]) {
      expect(lengthOf(frame)).toBe(frame.length - 4);
    }
  });

  it("is about the path that the server will read", () => {
    expect(pathOf(frameOf({}))).toBe("/d-0000001/a");
    expect(pathOf(frameOf({ body: { record: "path", path: null } }))).toBeUndefined();
    expect(pathOf(frameOf({ body: { record: "none" } }))).toBeUndefined();
    // The tail reaches into the length of the path, which becomes 0.
    const tail = "00000005";
    expect(pathOf(frameOf({ body: { record: "watch", path: "//", watch: true }, tail }))).toBe("");
  });
});

describe("other frames", () => {
  it("say whatever length they are told", () => {
    const frame = rawFrame({ kind: "frame", slot: 0, length: -1, hex: "ff00" });
    expect([...frame]).toEqual([255, 255, 255, 255, 255, 0]);
  });

  it("connect as the operation says", () => {
    const claim = { id: 5n, password: new Uint8Array(16).fill(1) };
    const connect = { ...RESUME, lastZxid: { seen: -3 }, timeoutMs: 9, password: "wrong" } as const;
    const request = decode(ConnectRequest, connectFrame(connect, claim, meaning).subarray(4));
    expect(request).toMatchObject({ lastZxidSeen: 47n, timeOut: 9, sessionId: 5n, readOnly: false });
    expect(request.passwd).toEqual(new Uint8Array(16).fill(0x54));
    const cut = connectFrame({ ...RESUME, readOnly: null, cut: 4 }, claim, meaning);
    expect(cut).toHaveLength(4 + 44 - 4);
    expect(lengthOf(cut)).toBe(40);
  });

  it("take zxids from what was seen, and never one that does not fit", () => {
    expect(zxidOf({ seen: 2 }, meaning)).toBe(52n);
    expect(zxidOf({ seen: 1 }, { ...meaning, seenZxid: 2n ** 63n - 1n })).toBe(-(2n ** 63n));
    expect([zxidOf("zero", meaning), zxidOf("max", meaning), zxidOf("min", meaning)]).toEqual([
      0n,
      2n ** 63n - 1n,
      -(2n ** 63n),
    ]);
  });
});
