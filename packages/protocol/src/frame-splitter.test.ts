import { describe, expect, it, vi } from "vitest";
import { ProtocolError } from "./errors.js";
import { FRAME_BYTES_MAX_DEFAULT, FrameSplitter } from "./frame-splitter.js";

// Far below a second on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 60_000 });

const frame = (payload: readonly number[]) => Uint8Array.of(0, 0, 0, payload.length, ...payload);

function failureOf(action: () => unknown): ProtocolError {
  try {
    action();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
  }
  throw new Error("no ProtocolError");
}

describe("FrameSplitter", () => {
  it("gives frames one by one and then asks for more", () => {
    const splitter = new FrameSplitter();
    splitter.push(Uint8Array.of(...frame([1, 2]), ...frame([]), ...frame([3])));
    expect([...splitter.next()!]).toEqual([1, 2]);
    expect([...splitter.next()!]).toEqual([]);
    expect([...splitter.next()!]).toEqual([3]);
    expect(splitter.next()).toBeNull();
    expect(splitter.partialBytes).toBe(0);
  });

  it("knows when a frame has begun", () => {
    const splitter = new FrameSplitter();
    for (const [index, byte] of frame([7, 8, 9]).entries()) {
      expect(splitter.partialBytes).toBe(index);
      splitter.push(Uint8Array.of(byte));
      if (index < 6) expect(splitter.next()).toBeNull();
    }
    expect([...splitter.next()!]).toEqual([7, 8, 9]);
    expect(splitter.partialBytes).toBe(0);
  });

  it("takes empty chunks, and chunks that were not asked for", () => {
    const splitter = new FrameSplitter();
    splitter.push(new Uint8Array(0));
    expect(splitter.next()).toBeNull();
    for (const byte of [...frame([1]), ...frame([2])]) splitter.push(Uint8Array.of(byte));
    expect(splitter.partialBytes).toBe(10);
    expect([...splitter.next()!]).toEqual([1]);
    expect([...splitter.next()!]).toEqual([2]);
  });

  it("takes a long queue of small chunks in good time", () => {
    const splitter = new FrameSplitter();
    const whole = frame([1, 2, 3]);
    for (let turn = 0; turn < 50_000; turn++) for (const byte of whole) splitter.push(Uint8Array.of(byte));
    let frames = 0;
    for (let payload = splitter.next(); payload !== null; payload = splitter.next()) frames++;
    expect([frames, splitter.partialBytes]).toEqual([50_000, 0]);
  });

  it("gives payloads that stay what they are", () => {
    const splitter = new FrameSplitter();
    const given: Uint8Array[] = [];
    for (let turn = 0; turn < 50; turn++) {
      const whole = frame([turn, turn, turn]);
      splitter.push(whole.slice(0, 5));
      const early = splitter.next();
      if (early !== null) given.push(early);
      splitter.push(Uint8Array.of(...whole.slice(5), ...frame([turn])));
      given.push(splitter.next()!, splitter.next()!);
    }
    for (let turn = 0; turn < 50; turn++) {
      expect([...given[turn * 2]!]).toEqual([turn, turn, turn]);
      expect([...given[turn * 2 + 1]!]).toEqual([turn]);
    }
  });

  it("takes a frame at its limit and refuses one past it", () => {
    const limit = { frameBytesMax: 8 };
    const splitter = new FrameSplitter(limit);
    splitter.push(frame([1, 2, 3, 4, 5, 6, 7, 8]));
    expect(splitter.next()).toHaveLength(8);
    splitter.push(Uint8Array.of(0, 0, 0, 9));
    expect(failureOf(() => splitter.next())).toMatchObject({
      code: "FRAME_TOO_LARGE",
      declaredBytes: 9,
      limitBytes: 8,
    });
  });

  it("has a default limit", () => {
    const splitter = new FrameSplitter();
    splitter.push(Uint8Array.of(0x01, 0, 0, 0));
    expect(splitter.next()).toBeNull();
    const above = new FrameSplitter();
    above.push(Uint8Array.of(0x01, 0, 0, 1));
    expect(failureOf(() => above.next()).limitBytes).toBe(FRAME_BYTES_MAX_DEFAULT);
  });

  it.each([[[0xff, 0xff, 0xff, 0xff]], [[0x80, 0, 0, 0]]])("refuses a negative length: %j", (length) => {
    const splitter = new FrameSplitter();
    splitter.push(Uint8Array.from(length.slice(0, 3)));
    expect(splitter.next()).toBeNull();
    splitter.push(Uint8Array.from(length.slice(3)));
    expect(failureOf(() => splitter.next())).toMatchObject({ code: "FRAME_LENGTH_NEGATIVE", offset: 0 });
  });

  it("gives what came before a bad length, then stays dead", () => {
    const splitter = new FrameSplitter({ frameBytesMax: 100 });
    splitter.push(Uint8Array.of(...frame([1]), 0x7f, 0xff, 0xff, 0xff, ...frame([2])));
    expect([...splitter.next()!]).toEqual([1]);
    const failure = failureOf(() => splitter.next());
    expect(failure).toMatchObject({ code: "FRAME_TOO_LARGE", offset: 5 });
    expect(failureOf(() => splitter.next())).toBe(failure);
    expect(failureOf(() => splitter.push(frame([3])))).toBe(failure);
    expect(splitter.partialBytes).toBe(0);
  });

  it("puts a large frame together from small chunks without much more memory than its bytes", () => {
    const splitter = new FrameSplitter();
    const length = 3_000_000;
    splitter.push(Uint8Array.of(0, 0x2d, 0xc6, 0xc0));
    const chunk = new Uint8Array(1_000).fill(5);
    for (let sent = 0; sent < length; sent += chunk.length) {
      expect(splitter.next()).toBeNull();
      splitter.push(chunk);
    }
    const payload = splitter.next()!;
    expect(payload).toHaveLength(length);
    expect(payload.buffer.byteLength).toBeLessThanOrEqual(length * 2);
  });
});
