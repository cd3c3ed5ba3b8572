/** A check that finds nothing has to be one that finds what is there. */
import { JuteReader, OpCode, ReplyHeader } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { type CheckResult, Comparison } from "../../src/differential/check.js";
import { describeFinding } from "../../src/differential/describe.js";
import { type Falsify, modelTarget } from "../../src/differential/model-target.js";

const BAD_VERSION = -103;
const EVENT_BYTES_MIN = 28;

async function checkWith(falsify: Falsify, operations = 2000): Promise<CheckResult> {
  await using expected = modelTarget();
  await using actual = modelTarget({ falsify });
  return await new Comparison({ expected, actual }).check({ seed: 4, operations });
}

const headerOf = (frame: Uint8Array): ReplyHeader | undefined =>
  frame.length < 16 ? undefined : ReplyHeader.read(new JuteReader(frame));

/** The same frame with other bytes from `at` on. */
function patched(frame: Uint8Array, at: number, value: number): Uint8Array {
  const copy = frame.slice();
  new DataView(copy.buffer).setInt32(at, value);
  return copy;
}

describe("a planted difference", () => {
  it("is not there: the model and itself say the same about 3000 operations", async () => {
    const progress: number[] = [];
    await using expected = modelTarget();
    await using actual = modelTarget();
    const comparison = new Comparison({ expected, actual });
    const result = await comparison.check({
      seed: 12,
      operations: 3000,
      onProgress: (told) => told.phase === "running" && progress.push(told.operations),
    });
    expect(result.found).toBeUndefined();
    expect(result.operations).toBeGreaterThanOrEqual(3000);
    expect(result.episodes).toBe(12);
    // Nearly every operation is answered, and the answers are what is compared.
    expect(result.entries).toBeGreaterThan(3000);
    expect(progress).toHaveLength(12);
    expect(progress.at(-1)).toBe(result.operations);
  });

  it("in an error number is found and shrunk to the operations that it takes", async () => {
    const { found } = await checkWith((frame) =>
      headerOf(frame)?.err === BAD_VERSION ? patched(frame, 12, -102) : frame,
    );
    expect(found?.isFleeting).toBe(false);
    expect(found?.original.operations.length).toBeGreaterThan(200);
    // A connection, perhaps a znode with another version, and a request that demands one.
    const operations = found?.schedule.operations ?? [];
    expect(operations.length).toBeLessThanOrEqual(4);
    expect(operations[0]?.kind).toBe("connect");
    expect(operations.at(-1)).toMatchObject({ kind: "request", body: { version: expect.any(Number) } });
    const text = describeFinding(found as NonNullable<typeof found>);
    expect(text).toContain("err: -103 (BAD_VERSION), not -102 (NO_AUTH)");
    expect(text).toMatch(/^> +\d+ {2}s\d \w+ .*version \d+$/m);
  });

  it("in a notification is found", async () => {
    const { found } = await checkWith((frame) => {
      const isEvent = headerOf(frame)?.xid === -1 && frame.length >= EVENT_BYTES_MIN;
      return isEvent && new DataView(frame.buffer, frame.byteOffset).getInt32(16) === 4
        ? patched(frame, 16, 3)
        : frame;
    });
    expect(found?.difference.expected?.fields[0]).toEqual(["type", "4"]);
    expect(found?.difference.actual?.fields[0]).toEqual(["type", "3"]);
    expect(found?.schedule.operations.length).toBeLessThanOrEqual(4);
  });

  it("in a zxid is found, though zxids are only compared with each other", async () => {
    const { found } = await checkWith((frame) => {
      const header = headerOf(frame);
      return header !== undefined && header.xid > 0 && header.err === BAD_VERSION
        ? patched(frame, 8, Number(header.zxid & 0xffffffffn) + 1)
        : frame;
    });
    expect(found?.difference.expected?.what).toBe("reply");
    expect(found?.schedule.operations.length).toBeLessThanOrEqual(4);
  });

  it("that is a missing byte at the end of an answer is found", async () => {
    const isMulti = (frame: Uint8Array): boolean =>
      frame.length >= 25 && Buffer.from(frame.subarray(-9)).toString("hex") === "ffffffff01ffffffff";
    const { found } = await checkWith((frame) => (isMulti(frame) ? frame.subarray(0, -1) : frame));
    expect(found?.difference.actual?.fields.at(-1)?.[0]).toBe("unreadable");
    expect(found?.schedule.operations.at(-1)).toMatchObject({ opCode: OpCode.MULTI });
  });

  it("that shows only once is told as such, with the whole schedule", async () => {
    let isDone = false;
    const { found } = await checkWith((frame) => {
      if (isDone || headerOf(frame)?.err !== BAD_VERSION) return frame;
      isDone = true;
      return patched(frame, 12, -1);
    });
    expect(found?.isFleeting).toBe(true);
    expect(found?.schedule).toEqual(found?.original);
  });
});
