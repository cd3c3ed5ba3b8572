import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readOptions } from "./options.js";
import { tableOf, writeTable } from "./planted/table.js";
import { describeFailure, load, save } from "./report.js";
import type { SimulationResult } from "./simulate.js";

const folder = mkdtempSync(join(tmpdir(), "zk-sim-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("words become options", () => {
  expect(readOptions([])).toMatchObject({ what: "run", seed: 1, runs: 100, minutes: undefined });
  expect(readOptions(["--", "--seed", "9", "--runs", "3"])).toMatchObject({ seed: 9, runs: 3 });
  expect(readOptions(["--seed", "9", "--verbose"])).toMatchObject({ runs: 1, verbose: true });
  expect(readOptions(["--minutes", "0.5"])).toMatchObject({ minutes: 0.5 });
  expect(readOptions(["--replay", "x.json"])).toMatchObject({ what: "replay", file: "x.json" });
  expect(readOptions(["--planted"])).toMatchObject({ what: "planted", scenario: undefined });
  expect(readOptions(["--scenario", "counter"]).scenario?.name).toBe("counter");
});

test.each([
  [["--seed", "x"], "--seed must be a whole number"],
  [["--runs", "0"], "--runs must be a whole number from 1"],
  [["--minutes", "0"], "--minutes must be a number above 0"],
  [["--runs", "1", "--minutes", "1"], "exclude each other"],
  [["--sead", "1"], "--sead"],
  [["--scenario", "none"], "there is no scenario none: there are counter"],
])("%j is refused", (words, message) => {
  expect(() => readOptions(words)).toThrow(message);
});

const failed: SimulationResult = {
  seed: 5,
  scenario: undefined,
  cutShort: undefined,
  finding: { check: "reads", message: "it had other data", atMs: 12.5 },
  digest: "0123456789abcdef",
  trace: ["one", "two", "three"],
  failovers: 1,
  leaderChanges: 1,
  expirations: 0,
  requests: 1,
  transactions: 1,
  turns: 1,
  virtualMs: 1,
  codes: new Map(),
};

test("a failure is kept, read again and described", () => {
  const saved = load(save(failed, folder));
  expect(saved).toMatchObject({ seed: 5, check: "reads", digest: "0123456789abcdef" });
  const text = describeFailure(saved, 2);
  for (const part of ["seed 5 at commit ", 'broke "reads" at 12.500 ms', "two\nthree"])
    expect(text).toContain(part);
  expect(text).not.toContain("one\n");
  const ofScenario = load(save({ ...failed, scenario: "counter" }, folder));
  expect(describeFailure(ofScenario)).toContain("scenario counter, seed 5 at commit ");
  expect(() => save({ ...failed, finding: undefined }, folder)).toThrow("did not fail");
  const other = join(folder, "other.json");
  writeFileSync(other, "{}");
  expect(() => load(other)).toThrow("is no failure");
  expect(() => load(`${other}-missing`)).toThrow("cannot be read as a saved failure: ENOENT");
  writeFileSync(other, "null");
  expect(() => load(other)).toThrow("is no failure");
  writeFileSync(other, "{");
  expect(() => load(other)).toThrow("cannot be read as a saved failure");
});

test("the table is put into its place, and only there", () => {
  const plant = { name: "p", why: "w", changes: [] };
  const catches = [
    { plant, seed: 3, seeds: 3, finding: failed.finding },
    { plant: { ...plant, name: "q" }, seed: undefined, seeds: 9, finding: undefined },
  ];
  const table = tableOf(catches);
  expect(table).toContain("Found: 1 of 2.");
  expect(table).toContain("| `p` | w | reads | 3 |");
  expect(table).toContain("| `q` | w |  | not in 9 |");
  const document = join(folder, "simulation.md");
  writeFileSync(document, `before\n${tableOf([])}\nafter\n`);
  writeTable(catches, document);
  expect(() => writeTable(catches, other())).toThrow("has no place");
});

function other(): string {
  const path = join(folder, "empty.md");
  writeFileSync(path, "nothing");
  return path;
}
