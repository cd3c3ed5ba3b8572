/**
 * One znode, kept in this process.
 *
 * What it promises and what not: see {@link ZnodeCache}. It has no layout of its own.
 */
import type { Client } from "@zk/client";
import { type CacheOptions, ZnodeCache } from "./cache.js";
import type { CachedNode } from "./types.js";

/** See the head of this file. Made by {@link watchNode}. */
export class NodeCache extends ZnodeCache {
  /** @param recipe whose errors it makes, for recipes that stand on it */
  constructor(client: Client, path: string, options: CacheOptions, recipe = "NodeCache") {
    super({ client, recipe, path, options, shape: { depth: 0 } });
  }

  /** The znode as it was last read; undefined when there is none, or before it was read. */
  get node(): CachedNode | undefined {
    return this.nodes.get(this.path);
  }
}

/**
 * Keeps one znode in this process. It need not exist.
 *
 * @throws RecipeError INVALID_ARGUMENT
 * @example
 * ```ts
 * using motd = watchNode(client, "/motd");
 * await motd.ready;
 * console.log(motd.node?.data);
 * ```
 */
export function watchNode(client: Client, path: string, options: CacheOptions = {}): NodeCache {
  return new NodeCache(client, path, options);
}
