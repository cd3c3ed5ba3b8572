import { afterEach, describe, expect, it } from "vitest";
import { processStat } from "./process-stat.js";

const { title } = process;
afterEach(() => {
  process.title = title;
});

describe("what the system says of a process", () => {
  it("is read past any name", () => {
    const before = processStat("self");
    expect(before).toMatchObject({ parent: process.ppid, group: expect.any(Number) });
    process.title = "zk) Z (1 2";
    const { state, ...rest } = processStat(process.pid)!;
    expect(state).toMatch(/^[RSD]$/);
    expect(before).toMatchObject(rest);
  });

  it("is nothing of one that is not there", () => {
    expect(processStat(2 ** 22 + 1)).toBeUndefined();
  });
});
