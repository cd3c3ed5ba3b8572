/** Paths as people type them: a slash too many at the end, and in a shell relative ones. */
import { joinPath, parentPath } from "@zk/protocol";
import type { Command } from "../definition/command.js";

/**
 * The arguments with every path absolute, and in a shell the current znode for one that is left out; what is no path is
 * left for the client to refuse.
 */
export function absolutePaths(
  command: Pick<Command, "arguments" | "keepsSlash">,
  given: Readonly<Record<string, unknown>>,
  znode: string | undefined,
): Record<string, unknown> {
  const absolute = (path: string): string => resolvePath(path, znode, command.keepsSlash === true);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const spec = command.arguments[name];
      if (spec?.kind !== "path") return [name, value];
      if (value === undefined && spec.isOptional) return [name, znode];
      if (typeof value === "string") return [name, absolute(value)];
      return [name, Array.isArray(value) ? value.map((each) => absolute(String(each))) : value];
    }),
  );
}

/** `/a/` as `/a`; with a znode to start from also `b`, `../c` and `.`. */
export function resolvePath(path: string, znode: string | undefined, keepsSlash = false): string {
  if (!path.startsWith("/") && (znode === undefined || path.startsWith("zk://"))) return path;
  const endsWithSlash = path.length > 1 && path.endsWith("/");
  if (path.startsWith("/") && !/\/\.{1,2}(\/|$)/.test(path))
    return endsWithSlash && !keepsSlash ? path.replace(/\/+$/, "") || "/" : path;
  if (znode === undefined) return path;
  let at = path.startsWith("/") ? "/" : znode;
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    at = part === ".." ? parentPath(at) : joinPath(at, part);
  }
  return endsWithSlash && keepsSlash ? `${at}/` : at;
}
