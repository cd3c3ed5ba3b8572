import { beforeAll, describe, expect, it, vi } from "vitest";
import {
  describeConnectRequest,
  describeConnectResponse,
  describeReply,
  describeRequest,
  FrameSplitter,
  OPERATIONS,
  type OperationName,
  ProtocolError,
} from "../src/index.js";
import {
  bytesOf,
  GOLDENS,
  type Golden,
  hexOf,
  readShape,
  type Shape,
  shapeOf,
  writeShape,
} from "./support/goldens.js";

/*
 * Real frames, damaged at random. Whatever comes in: a value or a ProtocolError comes out, in time, and no value is
 * larger than the bytes it came from allow.
 *
 * The first half of the frames is the same in every run, the other half follows a seed of its own; ZK_FUZZ_SEED sets it.
 */
// A second or two on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 120_000 });

const FRAMES = 200_000;
const FIXED_SEED = 20_140_220;
const OWN_SEED = Number(process.env["ZK_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** Far above what any frame here takes; a loop without an end is far above this. */
const FRAME_MS_MAX = 20_000;

const EXTREMES = [-1, -2, 0, 1, 0x7fffffff, -0x80000000, 0x7ffffff0, 0x00ffffff, 0x10000000, 65_536];

/** A small generator of whole numbers with a seed (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function mutate(original: Uint8Array, other: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes: Uint8Array = original.slice();
  for (let turns = 1 + random(3); turns > 0; turns--) {
    const at = random(Math.max(1, bytes.length));
    switch (random(7)) {
      case 0:
        if (bytes.length > 0) bytes[at] = bytes[at]! ^ (1 << random(8));
        break;
      case 1:
        if (bytes.length > 0) bytes[at] = random(256);
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        if (bytes.length >= 4) {
          const place = random(bytes.length - 3);
          new DataView(bytes.buffer, bytes.byteOffset).setInt32(place, EXTREMES[random(EXTREMES.length)]!);
        }
        break;
      case 4:
        bytes = joined(
          bytes.subarray(0, at),
          Uint8Array.from({ length: random(9) }, () => random(256)),
          bytes.subarray(at),
        );
        break;
      case 5:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(at + random(9)));
        break;
      default:
        bytes = joined(bytes.subarray(0, at), other.subarray(random(Math.max(1, other.length))));
    }
  }
  return bytes;
}

/** Half of the frames end in an error, and nobody reads where it was thrown. */
beforeAll(() => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  return () => {
    Error.stackTraceLimit = stackTraceLimit;
  };
});

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** How much of a frame a value stands for at least: lengths of texts and buffers, and four bytes for each element. */
function weightOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.reduce((sum: number, element) => sum + 4 + weightOf(element), 0);
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, field) => sum + weightOf(field), 0);
}

function check(shape: Shape, golden: Golden, payload: Uint8Array): "value" | "refused" {
  let value: ReturnType<typeof readShape>;
  try {
    value = readShape(shape, payload);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    if (error.offset > payload.length || error.fieldPath === "")
      throw new Error(`odd place: ${error.message}`);
    return "refused";
  }
  if (weightOf(value) > payload.length) throw new Error("a value larger than its frame");
  // What was understood is written down in one way only, and that way is understood again.
  const again = writeShape(shape, value);
  const twice = writeShape(shape, readShape(shape, again.subarray(4)));
  if (Buffer.compare(again, twice) !== 0) throw new Error(`${golden.operation} is not stable`);
  return "value";
}

function run(seed: number, frames: number): Record<"value" | "refused", number> {
  const random = randomOf(seed);
  const originals = GOLDENS.map((golden) => bytesOf(golden.hex).subarray(4));
  const shapes = GOLDENS.map(shapeOf);
  const counts = { value: 0, refused: 0 };
  for (let turn = 0; turn < frames; turn++) {
    const index = random(GOLDENS.length);
    const payload = mutate(originals[index]!, originals[random(originals.length)]!, random);
    const golden = GOLDENS[index]!;
    const started = performance.now();
    try {
      counts[check(shapes[index]!, golden, payload)]++;
      if (turn % 8 === 0) describeAll(golden, payload);
    } catch (error) {
      const place = `seed ${seed} (ZK_FUZZ_SEED=${seed}), frame ${turn}, ${golden.operation} ${hexOf(payload)}`;
      throw new Error(`${place}: ${String(error)}`, { cause: error });
    }
    if (performance.now() - started > FRAME_MS_MAX)
      throw new Error(`seed ${seed}, frame ${turn} took too long`);
  }
  return counts;
}

function describeAll(golden: Golden, payload: Uint8Array): void {
  const opCode = OPERATIONS[golden.operation as OperationName]?.opCode;
  const lines = [
    describeRequest(payload),
    describeReply(payload, opCode),
    describeReply(payload),
    describeConnectRequest(payload),
    describeConnectResponse(payload),
  ];
  for (const line of lines) {
    if (line.length === 0 || line.length > 20_000 || /\p{Control}/u.test(line))
      throw new Error(`not one line: ${line}`);
  }
}

describe("damaged frames", () => {
  it.each([
    ["a fixed seed", FIXED_SEED],
    ["a seed of its own", OWN_SEED],
  ])(
    "are values or typed errors: %s",
    (_name, seed) => {
      const { value, refused } = run(seed, FRAMES / 2);
      expect(value + refused).toBe(FRAMES / 2);
      // Both outcomes must be common, or the damage is too small or too great to find anything.
      expect(value).toBeGreaterThan(FRAMES / 50);
      expect(refused).toBeGreaterThan(FRAMES / 50);
    },
    60_000,
  );

  it("cut a stream at random places without losing the rest", () => {
    const random = randomOf(FIXED_SEED);
    for (let turn = 0; turn < 3_000; turn++) {
      const frames = Array.from({ length: 4 }, () => bytesOf(GOLDENS[random(GOLDENS.length)]!.hex));
      const stream = turn % 2 === 0 ? joined(...frames) : mutate(joined(...frames), frames[0]!, random);
      const splitter = new FrameSplitter({ frameBytesMax: 4096 });
      let received = 0;
      let given = 0;
      try {
        for (let at = 0; at < stream.length; ) {
          const size = 1 + random(300);
          splitter.push(stream.subarray(at, at + size));
          received += Math.min(size, stream.length - at);
          at += size;
          for (let payload = splitter.next(); payload !== null; payload = splitter.next())
            given += 4 + payload.length;
          expect(given + splitter.partialBytes).toBe(received);
        }
        if (turn % 2 === 0) expect(given).toBe(stream.length);
      } catch (error) {
        if (!(error instanceof ProtocolError) || turn % 2 === 0) throw error;
      }
    }
  });
});

describe("declared lengths", () => {
  const gc = globalThis.gc;
  const memory = () => {
    gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };

  it.each([
    ["a vector of 2147483647 texts", "getChildren", "7fffffff"],
    ["a vector of 2147483647 ACL entries", "getACL", "7fffffff"],
    ["data of 2147483647 bytes", "getData", "7fffffff"],
    ["data of 16 MiB", "getData", "01000000"],
    ["a path of 2147483647 bytes", "create", "7fffffff"],
  ])("%s in 20 bytes is refused at once and costs nothing", (_what, operation, length) => {
    const payload = bytesOf(`0000000100000000000000020000000${"0"}${length}`);
    expect(payload.length).toBe(20);
    const shape = shapeOf({ direction: "reply", operation });
    const before = memory();
    for (let turn = 0; turn < 200; turn++) {
      expect(() => readShape(shape, payload)).toThrow(ProtocolError);
    }
    // 200 times the smallest of these lengths would be three thousand million bytes.
    expect(memory() - before).toBeLessThan(64 * 1024 * 1024);
  });

  it("of a frame reserve nothing before its bytes are there", () => {
    const before = memory();
    const splitters = Array.from({ length: 500 }, () => {
      const splitter = new FrameSplitter();
      splitter.push(bytesOf("00ffffff00000001"));
      expect(splitter.next()).toBeNull();
      return splitter;
    });
    // 500 frames of 16 MiB each would be 8 GiB.
    expect(memory() - before).toBeLessThan(64 * 1024 * 1024);
    expect(splitters.every(({ partialBytes }) => partialBytes === 8)).toBe(true);
  });
});
