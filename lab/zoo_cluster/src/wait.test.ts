import { describe, expect, it } from "vitest";
import { formatSeconds, timeScale, waitFor } from "./wait.js";

describe("waitFor", () => {
  it("gives what was seen at last", async () => {
    let looks = 0;
    const look = (): number | undefined => (++looks === 3 ? looks : undefined);
    expect(await waitFor({ what: "three", timeoutMs: 5_000, intervalMs: 1, look })).toBe(3);
  });

  it("says at the limit what it waited for, and what was seen", async () => {
    const wait = waitFor({
      what: "the moon",
      timeoutMs: 20,
      intervalMs: 5,
      code: "NO_LEADER",
      look: () => undefined,
      describe: async () => "Last seen: clouds.",
    });
    await expect(wait).rejects.toMatchObject({
      code: "NO_LEADER",
      message: "Waited 20 ms for the moon.\nLast seen: clouds.",
      details: { waitedMs: 20, waitedFor: "the moon" },
    });
  });

  it("ends with the signal's own reason, before and in the middle", async () => {
    const reason = new Error("enough");
    const look = (): undefined => undefined;
    const aborted = AbortSignal.abort(reason);
    await expect(waitFor({ what: "x", timeoutMs: 5_000, signal: aborted, look })).rejects.toBe(reason);
    const controller = new AbortController();
    const wait = waitFor({ what: "x", timeoutMs: 5_000, intervalMs: 5_000, signal: controller.signal, look });
    controller.abort(reason);
    await expect(wait).rejects.toBe(reason);
  });

  it("ends with what the look throws", async () => {
    const reason = new Error("broken");
    const look = (): never => {
      throw reason;
    };
    await expect(waitFor({ what: "x", timeoutMs: 5_000, look })).rejects.toBe(reason);
  });
});

describe("limits", () => {
  it.each([
    [undefined, 1],
    ["3", 3],
    ["0.5", 0.5],
    ["0.01", 1],
    ["1000", 1],
    ["fast", 1],
  ])("ZK_LAB_TIME_SCALE=%s multiplies them by %d", (value, factor) => {
    expect(timeScale({ ZK_LAB_TIME_SCALE: value })).toBe(factor);
  });

  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1_000, "1 s"],
    [2_540, "2.5 s"],
  ])("%d reads as %s", (milliseconds, text) => {
    expect(formatSeconds(milliseconds)).toBe(text);
  });
});
