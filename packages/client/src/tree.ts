/** Operations on more than one znode, made of single ones. Not atomic, and they say how far they got. */
import { joinPath, parentPath } from "@zk/protocol";
import type { Budget } from "./budget.js";
import { isZkError, ZkError } from "./core/index.js";
import type { CallOptions } from "./options.js";

/** What removing a tree needs of its client. */
export interface TreeHost {
  getChildren(path: string, options: CallOptions): Promise<readonly string[]>;
  remove(path: string, options: CallOptions): Promise<void>;
}

/** Requests that one tree operation keeps under way, so that it leaves room for others. */
const CONCURRENCY = 64;

/** Removes a node and all below it, deepest first. @returns how many nodes were removed */
export async function removeTree(client: TreeHost, path: string, budget: Budget): Promise<number> {
  let removed = 0;
  try {
    for (;;) {
      const levels = await listLevels(client, path, budget);
      if (levels.length === 0) return removed;
      try {
        for (const level of levels.reverse()) {
          await inParallel(level, async (node) => {
            if (await removeIfThere(client, node, budget)) removed += 1;
          });
        }
        return removed;
      } catch (error) {
        // Somebody added a child behind our back; look again, for as long as the budget lasts.
        if (!isZkError(error, "NOT_EMPTY")) throw error;
      }
    }
  } catch (error) {
    if (!isZkError(error)) throw error;
    throw new ZkError({
      code: error.code,
      message: `stopped at ${error.path ?? path} after ${removed} znodes were removed: ${error.message}`,
      applied: removed > 0 ? "maybe" : error.applied,
      operation: "removeRecursive",
      path,
      server: error.server,
      serverCode: error.serverCode,
      cause: error,
    });
  }
}

/** The znodes from `path` down, level by level; no levels when the node is not there. */
async function listLevels(client: TreeHost, path: string, budget: Budget): Promise<string[][]> {
  const levels: string[][] = [];
  let level = [path];
  while (level.length > 0) {
    const below: string[] = [];
    const there: string[] = [];
    await inParallel(level, async (node) => {
      try {
        const children = await client.getChildren(node, budget.step());
        there.push(node);
        for (const child of children) below.push(joinPath(node, child));
      } catch (error) {
        if (!isZkError(error, "NO_NODE")) throw error;
      }
    });
    if (there.length > 0) levels.push(there);
    level = below;
  }
  return levels;
}

async function removeIfThere(client: TreeHost, path: string, budget: Budget): Promise<boolean> {
  try {
    // Doing it twice does no harm: the node is to be gone, whoever removed it.
    await client.remove(path, { ...budget.step(), retry: "always" });
    return true;
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return false;
    throw error;
  }
}

/** Creates every missing node above `path`, from the top. Existing ones are left as they are. */
export async function createParents(
  path: string,
  createOne: (parent: string) => Promise<unknown>,
): Promise<void> {
  const missing: string[] = [];
  for (let node = parentPath(path); node !== "/"; node = parentPath(node)) missing.push(node);
  // Mostly only the lowest are missing, so go up until one can be created, then down again.
  let index = 0;
  while (index < missing.length && !(await createdOrThere(missing[index] as string, createOne))) index += 1;
  for (index -= 1; index >= 0; index -= 1) await createdOrThere(missing[index] as string, createOne);
}

/** False when the node's own parent is missing. */
async function createdOrThere(
  path: string,
  createOne: (parent: string) => Promise<unknown>,
): Promise<boolean> {
  try {
    await createOne(path);
    return true;
  } catch (error) {
    if (isZkError(error, "NODE_EXISTS")) return true;
    if (isZkError(error, "NO_NODE")) return false;
    throw error;
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next] as T;
      next += 1;
      await work(item);
    }
  };
  const results = await Promise.allSettled(
    Array.from({ length: Math.min(CONCURRENCY, items.length) }, worker),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
