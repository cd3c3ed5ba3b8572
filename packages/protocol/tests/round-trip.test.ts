import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { decode, encode, encodeFrame, FrameSplitter, ProtocolError, record } from "../src/index.js";
import { anyOf, CODECS, isRecord } from "./support/codecs.js";

// A second or two on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 120_000 });

const codecs = [...CODECS.entries()].map(([name, codec]) => ({ name, codec }));
/** What a lone surrogate is written as; everything else comes back as it went. */
const wellFormed = (value: unknown): unknown => {
  if (typeof value === "string") return value.replace(/\p{Surrogate}/gu, "\ufffd");
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, wellFormed(field)]));
};

describe.each(codecs)("$name", ({ codec }) => {
  it("reads back what it wrote", () => {
    fc.assert(
      fc.property(anyOf(codec), (value) => {
        const bytes = encode(codec, value);
        expect(bytes.length).toBeGreaterThanOrEqual(codec.bytesMin);
        expect(decode(codec, bytes)).toEqual(wellFormed(value));
        expect(encode(codec, decode(codec, bytes))).toEqual(bytes);
      }),
      { numRuns: 60 },
    );
  });

  it("is what its fields say, with its shortcut or without", () => {
    // The multi records are no lists of fields and have no shortcuts.
    if (!isRecord(codec)) return expect(codec.name).toMatch(/^Multi/);
    const fields = Object.fromEntries(codec.fields.map((field) => [field.name, field.codec]));
    const plain = record<Record<string, unknown>>(codec.name, fields);
    fc.assert(
      fc.property(anyOf(codec), (value) => {
        const bytes = encode(codec, value);
        expect(encode(plain, value as Record<string, unknown>)).toEqual(bytes);
        expect(Object.entries(decode(codec, bytes) as object)).toEqual(Object.entries(decode(plain, bytes)));
      }),
      { numRuns: 30 },
    );
  });

  it("accepts bytes after it, and refuses to end early with the place in the record", () => {
    fc.assert(
      fc.property(anyOf(codec), fc.uint8Array({ minLength: 1, maxLength: 9 }), (value, extra) => {
        const bytes = encode(codec, value);
        // A missing last boolean would be read from the extra bytes.
        fc.pre(
          !(codec.name.startsWith("Connect") && (value as { readOnly?: boolean }).readOnly === undefined),
        );
        expect(decode(codec, new Uint8Array([...bytes, ...extra]))).toEqual(wellFormed(value));
        for (let length = 0; length < bytes.length; length++) {
          if (codec.name.startsWith("Connect") && length === bytes.length - 1) continue;
          const error = errorOf(() => decode(codec, bytes.subarray(0, length)));
          if (!isPlaced(error, codec.name, length)) expect.fail(`cut at ${length}: ${String(error)}`);
        }
      }),
      { numRuns: 8 },
    );
  });

  it("never gives anything but a value or a ProtocolError, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const error = errorOf(() => decode(codec, bytes));
        expect(error === undefined || error instanceof ProtocolError).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe("frames", () => {
  const anyFrames = fc.array(
    fc.constantFrom(...codecs).chain(({ codec }) => anyOf(codec).map((value) => encodeFrame(codec, value))),
    { maxLength: 12 },
  );

  it("come out the same however the stream is cut", () => {
    fc.assert(
      fc.property(anyFrames, fc.array(fc.integer({ min: 0, max: 60 })), (frames, sizes) => {
        const stream = new Uint8Array(Buffer.concat(frames));
        const splitter = new FrameSplitter();
        const seen: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = turn < sizes.length ? sizes[turn]! : 100;
          // A copy, so that a frame that leaned on a later chunk would show.
          splitter.push(stream.slice(at, at + size));
          at += size;
          if (turn % 3 === 2) continue;
          for (let payload = splitter.next(); payload !== null; payload = splitter.next()) seen.push(payload);
        }
        for (let payload = splitter.next(); payload !== null; payload = splitter.next()) seen.push(payload);
        expect(seen).toEqual(frames.map((frame) => frame.subarray(4)));
        expect(splitter.partialBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("any bytes are frames, a wait for more, or a typed end", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
        const splitter = new FrameSplitter({ frameBytesMax: 1000 });
        let given = 0;
        const error = errorOf(() => {
          for (const chunk of chunks) {
            splitter.push(chunk);
            for (let payload = splitter.next(); payload !== null; payload = splitter.next()) {
              given += payload.length + 4;
            }
          }
        });
        if (error === undefined) {
          expect(given + splitter.partialBytes).toBe(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
        } else {
          expect(error).toBeInstanceOf(ProtocolError);
          expect(errorOf(() => splitter.next())).toBe(error);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Whether an error says that the bytes ended too early, and where in which record. */
function isPlaced(error: unknown, name: string, length: number): boolean {
  if (!(error instanceof ProtocolError)) return false;
  const { code, fieldPath, offset, message } = error;
  const isEnd = code === "TRUNCATED" || code === "COUNT_TOO_LARGE";
  return isEnd && fieldPath.startsWith(name) && message.includes(fieldPath) && offset <= length;
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}
