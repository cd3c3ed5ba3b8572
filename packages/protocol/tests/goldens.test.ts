import { describe, expect, it, vi } from "vitest";
import {
  ERROR_CODES,
  errorName,
  FrameSplitter,
  OPERATIONS,
  ProtocolError,
  type ReplyHeader,
} from "../src/index.js";
import { bytesOf, GOLDENS, type Golden, hexOf, readShape, shapeOf, writeShape } from "./support/goldens.js";

// A second or two on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 120_000 });

const readable = GOLDENS.filter((golden) => golden.malformed !== true);
const malformed = GOLDENS.filter((golden) => golden.malformed === true);
const of = (file: string) => GOLDENS.filter((golden) => golden.file === `golden-${file}.json`);

/** Everything between two cuts, as a peer could have sent it. */
function payloadsOf(pieces: readonly Uint8Array[]): Uint8Array[] {
  const splitter = new FrameSplitter();
  const payloads: Uint8Array[] = [];
  for (const piece of pieces) {
    splitter.push(piece);
    for (let payload = splitter.next(); payload !== null; payload = splitter.next()) payloads.push(payload);
  }
  if (splitter.partialBytes > 0) throw new Error(`${splitter.partialBytes} bytes left after the last frame`);
  return payloads;
}

function decodeAndEncode(golden: Golden, payload: Uint8Array): Uint8Array {
  const shape = shapeOf(golden);
  const value = readShape(shape, payload);
  if (value.remaining > 0) throw new Error(`${value.remaining} bytes left after the body`);
  return writeShape(shape, value);
}

describe("goldens of real servers", () => {
  it("decode at every split point and encode to the same bytes", () => {
    for (const golden of readable) {
      const frame = bytesOf(golden.hex);
      for (let cut = 0; cut <= frame.length; cut++) {
        const [payload, ...more] = payloadsOf([frame.subarray(0, cut), frame.subarray(cut)]);
        const again = decodeAndEncode(golden, payload!);
        if (more.length === 0 && Buffer.compare(again, frame) === 0) continue;
        expect.fail(
          `${golden.file} ${golden.operation} (${golden.note}) cut at ${cut} became ${hexOf(again)}`,
        );
      }
    }
  });

  it("decode byte by byte, and all of a server's in one piece", () => {
    for (const file of new Set(readable.map((golden) => golden.file))) {
      const frames = readable.filter((golden) => golden.file === file).map((golden) => bytesOf(golden.hex));
      const stream = new Uint8Array(Buffer.concat(frames));
      const expected = frames.map((frame) => hexOf(frame.subarray(4)));
      expect(payloadsOf([stream]).map(hexOf)).toEqual(expected);
      expect(payloadsOf(Array.from(stream, (byte) => Uint8Array.of(byte))).map(hexOf)).toEqual(expected);
    }
  });

  it.each(malformed)(
    "what the server could not read is a ProtocolError here: $file $operation, $note",
    (golden) => {
      expect(() => readShape(shapeOf(golden), bytesOf(golden.hex).subarray(4))).toThrow(ProtocolError);
    },
  );

  it("hold every operation of 3.4.6 in both directions, with the errors it can give", () => {
    const goldens = of("3.4.6");
    for (const [name, { since, scope }] of Object.entries(OPERATIONS)) {
      if (since !== "3.4.0" || scope !== "request") continue;
      expect(
        goldens.some(({ direction, operation }) => direction === "request" && operation === name),
        name,
      ).toBe(true);
      expect(
        goldens.some(
          ({ direction, operation, err }) => direction === "reply" && operation === name && err === 0,
        ),
        name,
      ).toBe(true);
    }
    const errors = new Set(GOLDENS.map(({ err }) => errorName(err ?? 0)));
    for (const name of ["NO_NODE", "NODE_EXISTS", "BAD_VERSION", "NOT_EMPTY", "NO_AUTH", "INVALID_ACL"]) {
      expect(errors).toContain(name);
    }
    for (const name of [
      "BAD_ARGUMENTS",
      "NO_CHILDREN_FOR_EPHEMERALS",
      "AUTH_FAILED",
      "UNIMPLEMENTED",
      "MARSHALLING_ERROR",
    ]) {
      expect(errors).toContain(name);
    }
    for (const name of ["NOT_READONLY", "NO_WATCHER", "RECONFIG_DISABLED", "QUOTA_EXCEEDED"])
      expect(errors).toContain(name);
  });

  it("hold every operation that came after 3.4.6", () => {
    const goldens = of("3.9.3");
    for (const [name, { since, scope }] of Object.entries(OPERATIONS)) {
      if (since === "3.4.0" || scope !== "request") continue;
      expect(
        goldens.some(({ direction, operation }) => direction === "request" && operation === name),
        name,
      ).toBe(true);
      expect(
        goldens.some(({ direction, operation }) => direction === "reply" && operation === name),
        name,
      ).toBe(true);
    }
  });

  it("say in their header what was written down beside them", () => {
    for (const golden of readable.filter(({ direction }) => direction === "reply")) {
      const { header } = readShape(shapeOf(golden), bytesOf(golden.hex).subarray(4));
      if (golden.err !== undefined) expect((header as ReplyHeader).err).toBe(golden.err);
      expect(ERROR_CODES.some(({ code }) => code === (header as ReplyHeader).err)).toBe(true);
    }
  });
});

describe("what the goldens show", () => {
  const body = (golden: Golden) => readShape(shapeOf(golden), bytesOf(golden.hex).subarray(4)).body;
  const find = (file: string, direction: string, operation: string, note: string) =>
    body(of(file).find((g) => g.direction === direction && g.operation === operation && g.note === note)!);

  it("null and empty data are kept apart", () => {
    for (const file of ["3.4.6", "3.9.3"]) {
      expect(find(file, "reply", "getData", "null data")).toMatchObject({
        data: null,
        stat: { dataLength: 0 },
      });
      expect(find(file, "reply", "getData", "empty data")).toMatchObject({
        data: new Uint8Array(0),
        stat: { dataLength: 0 },
      });
    }
  });

  it("an expired session is answered with zeros", () => {
    const zeros = {
      protocolVersion: 0,
      timeOut: 0,
      sessionId: 0n,
      passwd: new Uint8Array(16),
      readOnly: false,
    };
    expect(find("3.4.6", "connect-response", "connect", "session that is over")).toEqual(zeros);
    expect(find("3.9.3", "connect-response", "connect", "unknown session")).toEqual(zeros);
  });

  it("a server leaves out the readOnly byte when the client did", () => {
    const old = find("3.4.6", "connect-response", "connect", "readOnly left out") as { readOnly?: boolean };
    expect(old.readOnly).toBeUndefined();
    expect(find("3.4.6", "connect-request", "connect", "readOnly left out")).toMatchObject({
      timeOut: 10_000,
    });
    expect(find("3.4.6-read-only", "connect-response", "connect", "read-only server")).toMatchObject({
      readOnly: true,
    });
  });

  it("the results of a multi that failed", () => {
    const results = find("3.4.6", "reply", "multi", "the second of three fails");
    expect(results).toEqual([
      { type: -1, err: 0 },
      { type: -1, err: -103 },
      { type: -1, err: -2 },
    ]);
    const all = find("3.4.6", "reply", "multi", "create, setData, check, delete: all happen") as {
      type: number;
    }[];
    expect(all.map(({ type }) => type)).toEqual([1, 1, 5, 13, 1, 2]);
    const later = find("3.9.3", "reply", "multi", "every kind of operation") as { type: number }[];
    expect(later.map(({ type }) => type)).toEqual([15, 15, 15, 1, 5, 13, 2]);
  });

  it("a 3.9 server refuses SASL with an error and a null token, a 3.4.6 one with silence", () => {
    const refusals = ["3.4.6", "3.9.3"].map((version) =>
      of(`${version}-sasl`).find(({ direction, note }) => direction === "reply" && note === "wrong answer"),
    );
    expect(refusals[0]).toBeUndefined();
    expect(refusals[1]?.err).toBe(-115);
    expect(body(refusals[1]!)).toEqual({ token: null });
  });

  it("the SASL challenge and the server's proof", () => {
    const token = (note: string) => {
      const { token: bytes } = find("3.4.6-sasl", "reply", "sasl", note) as { token: Uint8Array };
      return Buffer.from(bytes).toString();
    };
    expect(token("empty first token, challenge")).toMatch(
      /^realm="zk-sasl-md5",nonce="[^"]+",charset=utf-8,algorithm=md5-sess$/,
    );
    expect(token("answer, proof of the server")).toMatch(/^rspauth=[0-9a-f]{32}$/);
  });

  it("a 3.4.6 notification has the zxid -1, a 3.9 one that of its transaction", () => {
    const zxids = (file: string) =>
      of(file)
        .filter(({ direction }) => direction === "notification")
        .map(
          (golden) =>
            (readShape(shapeOf(golden), bytesOf(golden.hex).subarray(4)).header as ReplyHeader).zxid,
        );
    expect(new Set(zxids("3.4.6"))).toEqual(new Set([-1n]));
    expect(zxids("3.9.3").some((zxid) => zxid > 0n)).toBe(true);
  });
});
