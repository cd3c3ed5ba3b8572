import { describe, expect, it } from "vitest";
import { type SimulationResult, simulate } from "../src/index.js";

/** Short runs: many worlds rather than long ones. */
const HARM_MS = 2500;

async function runs(from: number, count: number): Promise<SimulationResult[]> {
  const results: SimulationResult[] = [];
  for (let seed = from; seed < from + count; seed += 1)
    results.push(await simulate(seed, { harmMs: HARM_MS }));
  return results;
}

const broken = (results: readonly SimulationResult[]): string[] =>
  results.flatMap(({ seed, finding }) =>
    finding === undefined ? [] : [`seed ${seed}, ${finding.check}: ${finding.message}`],
  );

const sum = (results: readonly SimulationResult[], what: (result: SimulationResult) => number): number =>
  results.reduce((total, result) => total + what(result), 0);

describe("the client in a world from a seed", () => {
  it("keeps its promises in two hundred worlds, which harm it in earnest", async () => {
    const results = await runs(1, 200);
    expect(broken(results)).toEqual([]);
    expect(sum(results, ({ failovers }) => failovers)).toBeGreaterThan(2000);
    expect(sum(results, ({ leaderChanges }) => leaderChanges)).toBeGreaterThan(250);
    expect(sum(results, ({ expirations }) => expirations)).toBeGreaterThan(10);
    expect(sum(results, ({ transactions }) => transactions)).toBeGreaterThan(5000);
    const codes = new Set(results.flatMap((result) => [...result.codes.keys()]));
    for (const code of ["CONNECTION_LOSS", "OPERATION_TIMEOUT", "ABORTED", "SESSION_EXPIRED", "QUEUE_FULL"]) {
      expect(codes).toContain(code);
    }
  });

  it.each([
    [901753, "whoever ended a session from outside answered a write of its client, of the same xid"],
    [941472, "a connection that was being made when all was mended kept the bad weather of before"],
    [931568, "a server applied a write before the one in front of it, and then answered nobody any more"],
  ])("seed %i, which found that %s, finds nothing any more", async (seed) => {
    expect(broken([await simulate(seed)])).toEqual([]);
  });

  it("says no more when the servers have come apart, as those of 3.4.6 do behind a multi that is refused", async () => {
    const { finding, cutShort, virtualMs } = await simulate(921724);
    expect(finding).toBeUndefined();
    expect(cutShort).toMatch(/^500000159 deleted \/s\/d, which has children/);
    expect(virtualMs).toBeLessThan(15_000);
    const { cutShort: whole } = await simulate(7, { harmMs: HARM_MS });
    expect(whole).toBeUndefined();
  });

  it("does the same again from the same seed, and something else from another", async () => {
    const [first, again, other] = [
      await simulate(7, { harmMs: HARM_MS }),
      await simulate(7, { harmMs: HARM_MS }),
      await simulate(8, { harmMs: HARM_MS }),
    ];
    expect(again.digest).toBe(first.digest);
    expect(again.turns).toBe(first.turns);
    expect(other.digest).not.toBe(first.digest);
  });

  it("tells a run as it goes", async () => {
    const lines: string[] = [];
    const { finding } = await simulate(1, { harmMs: 100, onLine: (line) => lines.push(line) });
    expect(finding).toBeUndefined();
    expect(lines.filter((line) => / is connected: /.test(line)).length).toBeGreaterThan(0);
    expect(lines.at(-1)).toMatch(/is closed|closed, confirmed|leader|connection/);
  });
});
