// Deletes what a build left behind of source files that are gone. The compiler only ever adds to `dist`, and a cache
// brings back what it saw, so without this a deleted module could still be imported, and be packed and shipped.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";

const output = /(\.d\.ts\.map|\.d\.ts|\.js\.map|\.js)$/;

/**
 * @param {string} directory a package's directory; its `dist` mirrors its `src`
 * @returns {string[]} what was deleted, relative to `dist`
 */
export function pruneDist(directory) {
  const dist = join(directory, "dist");
  if (!existsSync(dist)) return [];
  const deleted = [];
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = relative(dist, join(entry.parentPath, entry.name));
    if (!output.test(file)) continue;
    if (existsSync(join(directory, "src", file.replace(output, ".ts")))) continue;
    rmSync(join(dist, file), { force: true });
    deleted.push(file);
  }
  return deleted;
}
