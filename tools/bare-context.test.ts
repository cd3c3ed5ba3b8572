// The session core runs where there is no clock, no chance, no timer and no Node at all. The compiler and the tidy rules say
// that it names none of them; this shows that it needs none of them.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiled = mkdtempSync(join(tmpdir(), "zk-core-"));

function runBare(scenario: string): { modules: number; result: unknown } {
  const script = join(root, "tools/bare-context/run.mjs");
  const args = [
    "--experimental-vm-modules",
    "--no-warnings",
    script,
    compiled,
    join(root, "tools/bare-context", scenario),
  ];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

beforeAll(() => {
  // From the sources, not from dist: a test must not pass on what some earlier build left there.
  const config = join(compiled, "tsconfig.json");
  const options = {
    ...{ outDir: compiled, rootDir: join(root, "packages"), customConditions: ["@zk/source"] },
    ...{
      composite: false,
      isolatedDeclarations: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      noCheck: true,
    },
  };
  const files = ["client/src/core/index.ts", "protocol/src/index.ts"].map((file) =>
    join(root, "packages", file),
  );
  writeFileSync(
    config,
    JSON.stringify({ extends: join(root, "tsconfig.base.json"), compilerOptions: options, files }),
  );
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config], {
    stdio: "inherit",
  });
});

afterAll(() => rmSync(compiled, { recursive: true, force: true }));

describe("the bare context", () => {
  it("has neither time, nor chance, nor a platform", () => {
    expect(runBare("fences.mjs").result).toEqual({
      there: [],
      now: "Date.now is not for the core",
      date: "new Date is not for the core",
      random: "Math.random is not for the core",
      promise: "Promise is not for the core",
    });
  });

  it("is enough for a session from connect to close", () => {
    const { modules, result } = runBare("session.mjs");
    expect(modules).toBeGreaterThan(20);
    expect(result).toEqual({
      seen: [
        "state connecting",
        "state connected",
        "settled connect",
        "settled /a",
        "state closed",
        "settled close",
      ],
      values: ["1,2,3 version 5"],
      state: "connected",
      lastZxid: String(0x1_0000_0007n),
      pingIsAhead: true,
      end: "closed",
    });
  });
});
