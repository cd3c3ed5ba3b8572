/** Waiting for one znode to be as one wants it. */
import type { Client } from "@zk/client";
import type { WaitOptions } from "../core/patience.js";
import { NodeCache } from "./node-cache.js";
import type { CachedNode } from "./types.js";

/**
 * Resolves when a znode is as the condition wants it, over lost connections and sessions. Nothing is left behind then.
 *
 * What it does not promise: that the znode still is so, or that a state which lasted only a moment was seen.
 *
 * @param condition gets the znode, or undefined when there is none
 * @returns the znode as the condition had it
 * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, INVALID_ARGUMENT; ZkError NO_AUTH and whatever else a read may
 *   end with; what the condition throws
 * @example
 * ```ts
 * const { data } = await until(client, "/jobs/7/result", (node) => node !== undefined, { timeoutMs: 60_000 });
 * ```
 */
export function until<Met extends CachedNode | undefined>(
  client: Client,
  path: string,
  condition: (node: CachedNode | undefined) => node is Met,
  options?: WaitOptions,
): Promise<Met>;
export function until(
  client: Client,
  path: string,
  condition: (node: CachedNode | undefined) => boolean,
  options?: WaitOptions,
): Promise<CachedNode | undefined>;
export async function until(
  client: Client,
  path: string,
  condition: (node: CachedNode | undefined) => boolean,
  options: WaitOptions = {},
): Promise<CachedNode | undefined> {
  using cache = new NodeCache(client, path, {}, "until");
  let met: CachedNode | undefined;
  await cache.until(({ node }) => {
    met = node;
    return condition(node);
  }, options);
  return met;
}
