import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { SourceFile } from "./rule.js";

const binary = /\.(png|jpg|gif|ico|woff2?|gz|tgz|zip|jar|bin|class)$/;
const ignored = new Set(["node_modules", "dist", ".git", ".turbo", "coverage"]);

/** All text files that are, or are about to be, part of the project: what git tracks and what it would add. */
export function projectFiles(root: string): SourceFile[] {
  const paths = gitFiles(root) ?? walk(root);
  return paths
    .filter((path) => !binary.test(path) && existsSync(join(root, path)))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

function gitFiles(root: string): string[] | undefined {
  try {
    const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    const out = execFileSync("git", list, {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return [...new Set(out.split("\0").filter((path) => path !== ""))];
  } catch {
    // A copy of the tree without its history, or no git: the folders that .gitignore names are known.
    return undefined;
  }
}

function walk(root: string): string[] {
  const found: string[] = [];
  const open = [root];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!ignored.has(entry.name) && !/^(zookeeper\d+|\.lab)$/.test(entry.name)) open.push(path);
      } else if (entry.isFile()) found.push(relative(root, path).split(sep).join("/"));
    }
  }
  return found;
}
