// What is said of containers when they can be had, and when not.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lookForContainers } from "./containers.mjs";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zk-containers-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A lab that says this and ends so. */
function lab(stdout: string, status: number): string {
  const path = join(folder, "lab.mjs");
  writeFileSync(path, `process.stdout.write(${JSON.stringify(stdout)}); process.exitCode = ${status};`);
  return path;
}

it("names the image when there is one", async () => {
  expect(await lookForContainers(lab('{"image":"zk-lab/zookeeper:1","version":"3.4.6"}', 0))).toEqual({
    can: true,
    line: "containers: on zk-lab/zookeeper:1",
  });
});

it("says that nothing was tried, and why", async () => {
  const message = "no container engine answers. Tried:\n  unix:///a: not there\nWays out:";
  expect(await lookForContainers(lab(JSON.stringify({ error: { code: "NO_ENGINE", message } }), 69))).toEqual(
    {
      can: false,
      line: "containers: NOT TRIED: no container engine answers. Tried:   unix:///a: not there",
    },
  );
});

it("does not take silence, or a failure with good words, for containers", async () => {
  expect(await lookForContainers(lab("", 1))).toEqual({
    can: false,
    line: "containers: NOT TRIED: the lab ended with 1",
  });
  expect((await lookForContainers(lab('{"image":"zk-lab/zookeeper:1"}', 1))).can).toBe(false);
  expect((await lookForContainers(join(folder, "nothing.mjs"))).can).toBe(false);
});
