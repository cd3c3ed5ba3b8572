// Which packages the workspace has, read from the disk as pnpm-workspace.yaml describes them.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Directories of all packages, relative to the root, in a stable order.
 * @param {string} root
 * @returns {string[]}
 */
export function packageDirectories(root) {
  const found = [];
  for (const pattern of workspacePatterns(root)) {
    if (!pattern.endsWith("/*")) {
      found.push(pattern);
      continue;
    }
    const parent = pattern.slice(0, -2);
    for (const name of readdirSync(join(root, parent)).sort()) found.push(`${parent}/${name}`);
  }
  return found.filter((directory) => existsSync(join(root, directory, "package.json")));
}

/**
 * The globs under `packages:`. A YAML parser would be a dependency for five lines of a file that we write ourselves.
 * @param {string} root
 * @returns {string[]}
 */
function workspacePatterns(root) {
  const lines = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8").split("\n");
  const start = lines.indexOf("packages:");
  if (start < 0) throw new Error("pnpm-workspace.yaml has no `packages:` list");
  const patterns = [];
  for (const line of lines.slice(start + 1)) {
    const item = /^\s+-\s+["']?([^"'#\s]+)/.exec(line);
    if (item?.[1]) patterns.push(item[1]);
    else if (/^\S/.test(line)) break;
  }
  return patterns;
}
