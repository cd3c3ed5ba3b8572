import { expect, test } from "vitest";
import { suites } from "../src/index.js";

test("there are at least 250 behaviours, each with a name of its own", () => {
  const names = suites.flatMap(({ name, behaviours }) => behaviours.map((it) => `${name}: ${it.name}`));
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(250);
});

test("every ground has behaviours", () => {
  expect(new Set(suites.map(({ ground }) => ground))).toEqual(
    new Set(["ensemble", "standalone", "failover", "read-only"]),
  );
});
