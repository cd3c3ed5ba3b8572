// Deletes what a build left behind of source files that are gone. The compiler only ever adds to `dist`, and a cache
// brings back what it saw, so without this a deleted module could still be imported, and be packed and shipped.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
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
  forget(dist, deleted);
  return deleted;
}

/**
 * What the compiler remembers of a build in which the sources were still there goes as well: when they come back, as with
 * another branch, it would believe that their output is there.
 *
 * @param {string} dist
 * @param {string[]} deleted
 */
function forget(dist, deleted) {
  const memory = join(dist, ".tsbuildinfo");
  if (deleted.length === 0 || !existsSync(memory)) return;
  const remembered = readFileSync(memory, "utf8");
  const sources = deleted.map((file) => `src/${file.replaceAll("\\", "/").replace(output, ".ts")}`);
  if (sources.some((source) => remembered.includes(`/${source}"`))) rmSync(memory, { force: true });
}
