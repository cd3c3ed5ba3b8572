import { describe, expect, it } from "vitest";
import type { Run } from "./rounds.js";
import { median, rowsOf, tableOf } from "./summary.js";
import type { ClientName } from "./types.js";

function run(client: ClientName, window: number, operations: number, cpuMicros: number): Run {
  const job = { host: "h", port: 1, path: "/p", warmUpSeconds: 1, seconds: 2 };
  return {
    job: { ...job, client, work: "get", window },
    measurement: { operations, seconds: 2, cpuMicros },
  };
}

const runs = [
  run("bare", 1, 100, 2000),
  run("zk", 1, 100, 2600),
  run("zk", 1, 300, 7200),
  run("bare", 1, 200, 2000),
  run("zk", 1, 200, 5000),
  run("bare", 1, 400, 16_000),
  run("bare", 100, 1000, 3000),
];

describe("median", () => {
  it("is the middle, or the mean of the two in the middle", () => {
    expect(median([10, 9, 1])).toBe(9);
    expect(median([10, 1, 2, 4])).toBe(3);
    expect(median([])).toBeNaN();
  });
});

describe("the summary", () => {
  it("has one row for each point and client", () => {
    expect(rowsOf(runs)).toEqual([
      { work: "get", window: 1, client: "bare", opsPerSecond: 100, cpuMicrosPerOp: 20 },
      { work: "get", window: 1, client: "zk", opsPerSecond: 100, cpuMicrosPerOp: 25 },
      { work: "get", window: 100, client: "bare", opsPerSecond: 500, cpuMicrosPerOp: 3 },
    ]);
  });

  it("shows the spread and the ratio", () => {
    const lines = tableOf(runs).split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^get\s+1\s+bare\s+100\s+20\.00\s+\(10\.00 – 40\.00\)$/);
    expect(lines[2]).toMatch(/^get\s+1\s+zk\s+100\s+25\.00\s+\(24\.00 – 26\.00\)\s+1\.25$/);
  });
});
