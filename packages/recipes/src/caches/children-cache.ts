/**
 * The children of one znode, kept in this process, without the znode itself and without what is below them.
 *
 * What it promises and what not: see {@link ZnodeCache}. It has no layout of its own.
 */
import type { Client } from "@zk/client";
import { childPath, nameOf } from "../core/paths.js";
import { type CacheOptions, ZnodeCache } from "./cache.js";
import type { CacheFilter } from "./shape.js";
import type { CachedNode } from "./types.js";

/** Options of {@link watchChildren}. */
export interface ChildrenCacheOptions extends CacheOptions {
  /** Which children are read, by their names: a pattern such as `job-*`, a regular expression, or a function. Default: all. */
  readonly filter?: CacheFilter;
}

/** See the head of this file. Made by {@link watchChildren}. */
export class ChildrenCache extends ZnodeCache {
  constructor(client: Client, path: string, options: ChildrenCacheOptions) {
    const { filter = "*" } = options;
    super({ client, recipe: "ChildrenCache", path, options, shape: { depth: 1, filter: below(filter) } });
  }

  /** How many children there are. */
  get size(): number {
    return this.nodes.size;
  }

  /** The children as they were last read. */
  get children(): readonly CachedNode[] {
    return [...this.nodes.values()];
  }

  /** Their names. */
  get names(): readonly string[] {
    return this.children.map(({ path }) => nameOf(path));
  }

  /** A child by its name. */
  get(name: string): CachedNode | undefined {
    return this.nodes.get(childPath(this.path, name));
  }
}

/** The filter is of the children, whatever it says of the znode itself. */
function below(filter: CacheFilter): CacheFilter {
  if (typeof filter === "string") return filter;
  const test = typeof filter === "function" ? filter : (name: string): boolean => filter.test(name);
  return (name) => name !== "" && test(name);
}

/**
 * Keeps the children of a znode in this process. The znode need not exist.
 *
 * @throws RecipeError INVALID_ARGUMENT
 * @example
 * ```ts
 * using workers = watchChildren(client, "/workers");
 * await workers.until(({ size }) => size >= 3, { timeoutMs: 10_000 });
 * ```
 */
export function watchChildren(
  client: Client,
  path: string,
  options: ChildrenCacheOptions = {},
): ChildrenCache {
  return new ChildrenCache(client, path, options);
}
