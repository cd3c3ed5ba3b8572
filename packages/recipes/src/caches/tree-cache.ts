/**
 * A znode and everything below it, or a part of that, kept in this process.
 *
 * What it promises and what not: see {@link ZnodeCache}, the same with whatever watches. It has no layout of its own.
 */
import type { Client } from "@zk/client";
import { childPath } from "../core/paths.js";
import { type CacheOptions, ZnodeCache } from "./cache.js";
import type { CacheFilter } from "./shape.js";
import type { CachedNode } from "./types.js";

/** Options of {@link watchTree}. */
export interface TreeCacheOptions extends CacheOptions {
  /** Levels below the znode that are read: 0 is the znode alone, 1 its children too. Default: all. */
  readonly depth?: number;
  /** Which znodes are read, by their path relative to the root; see {@link CacheFilter}. Default: all. */
  readonly filter?: CacheFilter;
  /** Whether to look below a znode, by its path relative to the root. Default: wherever the filter may find something. */
  readonly descend?: (relativePath: string) => boolean;
  /**
   * Whether to watch everything by one persistent watch where the servers have such, from 3.6.0 on, and not by one-shot watches at
   * every znode: less for the servers to keep and for the network to carry; but after a lost connection, and not only after a
   * lost session, everything is read again. Without a `depth` alone. Default true.
   */
  readonly persistent?: boolean;
}

/** See the head of this file. Made by {@link watchTree}. */
export class TreeCache extends ZnodeCache {
  constructor(client: Client, path: string, options: TreeCacheOptions) {
    const { depth, filter, descend, persistent = true } = options;
    const shape = { depth, filter, descend };
    super({
      client,
      recipe: "TreeCache",
      path,
      options,
      shape,
      persistent: persistent && depth === undefined,
    });
  }

  /** How it is told of changes now: by one persistent watch, or by one-shot watches at each znode. */
  get watches(): "persistent" | "oneShot" {
    return this.isPersistent ? "persistent" : "oneShot";
  }

  /** How many znodes are in it. */
  get size(): number {
    return this.nodes.size;
  }

  /** A znode by its whole path; undefined when it is not in the cache. */
  get(path: string): CachedNode | undefined {
    return this.nodes.get(path);
  }

  /** The children of a znode, as far as they are in the cache. */
  childrenOf(path: string): readonly CachedNode[] {
    const nodes = [...(this.namesBelow(path) ?? [])].map((name) => this.nodes.get(childPath(path, name)));
    return nodes.filter((node) => node !== undefined);
  }
}

/**
 * Keeps a subtree in this process. Its root need not exist.
 *
 * @throws RecipeError INVALID_ARGUMENT
 * @example
 * ```ts
 * await using config = watchTree(client, "/config", { filter: "**" + "/*.json" });
 * await config.ready;
 * const { nodes, zxid } = config.snapshot();
 * ```
 */
export function watchTree(client: Client, path: string, options: TreeCacheOptions = {}): TreeCache {
  return new TreeCache(client, path, options);
}
