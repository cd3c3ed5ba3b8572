// Every public name of every package, pinned. A name that goes is a break for somebody, a name that comes is a promise: both
// are to be seen in a review. After a wanted change: `pnpm test:unit tools/exports -u`, and commit `etc/`.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { publicNames } from "./packing/public-names.js";
import { packageDirectories } from "./workspace.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

const entries = packageDirectories(root).flatMap((directory) => {
  const manifest = JSON.parse(readFileSync(join(root, directory, "package.json"), "utf8"));
  return Object.entries<{ "@zk/source": string }>(manifest.exports ?? {}).map(([subpath, targets]) => ({
    entry: `${manifest.name}${subpath.slice(1)}`,
    path: join(directory, targets["@zk/source"]),
  }));
});

describe.each(entries)("$entry", ({ entry, path }) => {
  const file = { path, text: readFileSync(join(root, path), "utf8") };
  const names = publicNames(file);
  const report = join(root, "etc", `${entry.replace("@", "").replaceAll("/", "-")}.txt`);

  it("has the names that its report lists", async () => {
    // A missing report would be written by the first run and pin nothing.
    expect(existsSync(report) || process.env["CI"] === undefined).toBe(true);
    const lines = names.map(({ kind, name }) => `${kind} ${name}`).sort();
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(report);
  });

  it("exports at run time what it lists, and nothing besides", async () => {
    const values = names.filter(({ kind }) => kind === "value").map(({ name }) => name);
    const module: Record<string, unknown> = await import(/* @vite-ignore */ join(root, path));
    expect(Object.keys(module).sort()).toEqual(values.sort());
    expect(Object.entries(module).filter(([, value]) => value === undefined)).toEqual([]);
  });
});

describe("publicNames", () => {
  it("tells types from values, by the name that users see", () => {
    const text =
      'export { a, b as c, type D } from "./x.js";\nexport type { E } from "./x.js";\nexport const f = 1;';
    expect(publicNames({ path: "index.ts", text })).toEqual([
      { kind: "value", name: "a" },
      { kind: "value", name: "c" },
      { kind: "type", name: "D" },
      { kind: "type", name: "E" },
      { kind: "value", name: "f" },
    ]);
  });
});
