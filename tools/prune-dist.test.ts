import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { pruneDist } from "./prune-dist.mjs";
import { packageDirectories } from "./workspace.mjs";

const folder = mkdtempSync(join(tmpdir(), "zk-prune-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), "");
  }
}

describe("pruneDist", () => {
  it("takes away what has no source any more, and nothing else", () => {
    write("src/kept.ts", "src/deep/kept.ts");
    write("dist/kept.js", "dist/kept.js.map", "dist/kept.d.ts", "dist/kept.d.ts.map", "dist/deep/kept.js");
    write("dist/gone.js", "dist/gone.js.map", "dist/gone.d.ts", "dist/gone.d.ts.map", "dist/deep/gone.js");
    write("dist/.tsbuildinfo", "dist/page.html");
    expect(pruneDist(folder).sort()).toEqual(
      ["deep/gone.js", "gone.d.ts", "gone.d.ts.map", "gone.js", "gone.js.map"].sort(),
    );
    expect(readdirSync(join(folder, "dist")).sort()).toEqual(
      [".tsbuildinfo", "deep", "kept.d.ts", "kept.d.ts.map", "kept.js", "kept.js.map", "page.html"].sort(),
    );
    expect(pruneDist(folder)).toEqual([]);
  });

  it("lets the compiler forget of what it takes away, and of nothing else", () => {
    const memory = join(folder, "dist/.tsbuildinfo");
    writeFileSync(memory, '{"fileNames":["../src/kept.ts"]}');
    write("dist/gone.js");
    expect(pruneDist(folder)).toEqual(["gone.js"]);
    expect(existsSync(memory)).toBe(true);
    writeFileSync(memory, '{"fileNames":["../src/kept.ts","../src/gone.ts"]}');
    expect(pruneDist(folder)).toEqual([]);
    expect(existsSync(memory)).toBe(true);
    write("dist/gone.js");
    expect(pruneDist(folder)).toEqual(["gone.js"]);
    expect(existsSync(memory)).toBe(false);
  });

  it("finds nothing to do where nothing was built", () => {
    expect(pruneDist(join(folder, "src"))).toEqual([]);
  });
});

describe("packageDirectories", () => {
  it("finds the packages that pnpm finds", () => {
    const found = packageDirectories(fileURLToPath(new URL("..", import.meta.url)));
    expect(found).toEqual(expect.arrayContaining(["packages/client", "lab/zoo_cluster", "examples"]));
    expect(found.filter((directory) => !existsSync(join(directory, "package.json")))).toEqual([]);
  });
});
