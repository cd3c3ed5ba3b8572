/**
 * What a target has and a source has not: what `--delete` and `mirror` delete. It goes only where that is certain. What a
 * selection leaves out, what may not be read on either side, what lies deeper than was looked, and what is ephemeral, as
 * somebody who is alive has it, stays, and so do the parents of all that.
 */
import { type Client, isZkError } from "@zk/client";
import { parentPath } from "@zk/protocol";
import { compareTrees } from "./compare-trees.js";
import { newLiveReport, readLive } from "./live-tree.js";
import { isBelow, type Selection } from "./selection.js";
import { placePath, relativePath, type TreeSource } from "./tree-node.js";

/** A source as far as it can be said what it has. */
export interface ExtraSource {
  /** Everything, whatever is selected; ephemerals too. */
  readonly all: () => TreeSource;
  /** Paths that may not be read, complete when all was read. */
  readonly denied: () => readonly string[];
}

/** One znode that is too many. */
export interface ExtraNode {
  readonly path: string;
  readonly version: number;
}

/** What was found. */
export interface Extra {
  /** Parents before their children. */
  readonly nodes: readonly ExtraNode[];
  /** Ephemerals that only the target has. */
  readonly ephemerals: readonly string[];
}

/** @throws ZkError */
export async function findExtra(
  source: ExtraSource,
  client: Client,
  root: string,
  options: {
    readonly selection: Selection;
    readonly depthMax: number | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Extra> {
  const { selection, depthMax, signal } = options;
  if ((await client.exists(root, { signal })) === null) return { nodes: [], ephemerals: [] };
  const kept = new Set<string>();
  const keep = (path: string): void => {
    for (let each = path; !kept.has(each); each = parentPath(each)) kept.add(each);
  };
  const enters = (path: string): boolean => {
    if (selection.enters(path)) return true;
    keep(path);
    return false;
  };
  const report = newLiveReport();
  const live = readLive(client, root, { ephemerals: "as-persistent", depthMax, enters, signal }, report);
  const found: ExtraNode[] = [];
  const ephemerals: string[] = [];
  for await (const { kind, path, second } of compareTrees(source.all(), live, { withAcl: false })) {
    if (kind !== "+" || second === undefined) continue;
    const isDeepest = depthMax !== undefined && path.split("/").length - 1 >= depthMax;
    if (second.isEphemeral) ephemerals.push(placePath(root, path));
    if (second.isEphemeral || !selection.takes(second) || (isDeepest && second.hasChildren)) keep(path);
    else found.push({ path, version: second.version });
  }
  for (const path of report.walk.denied) keep(relativePath(root, path));
  const denied = source.denied();
  const nodes = found
    .filter(({ path }) => !kept.has(path))
    .filter(({ path }) => !denied.some((each) => each === path || isBelow(path, each)))
    .map(({ path, version }) => ({ path: placePath(root, path), version }));
  return { nodes, ephemerals };
}

/** Deletes in one transaction. */
const BATCH = 200;
/** Times that something is tried when answers are lost. */
const TRIES_MAX = 10;
/** Refusals that mean that a znode is not as it was found: it stays. */
const CHANGED: readonly string[] = ["NOT_EMPTY", "BAD_VERSION"];

/**
 * Deletes what was found, deepest first, and leaves what has changed since.
 * @returns the paths that were left
 * @throws ZkError
 */
export async function deleteExtra(
  client: Client,
  nodes: readonly ExtraNode[],
  options: { readonly signal: AbortSignal; readonly onDeleted?: (node: ExtraNode) => void },
): Promise<string[]> {
  const left: string[] = [];
  for (let end = nodes.length; end > 0; end -= BATCH) {
    const batch = nodes.slice(Math.max(0, end - BATCH), end).reverse();
    const transaction = client.transaction();
    for (const { path, version } of batch) transaction.remove(path, { version });
    try {
      await transaction.commit({ signal: options.signal });
      for (const node of batch) options.onDeleted?.(node);
    } catch (error) {
      if (!isZkError(error) || error.code === "SESSION_EXPIRED") throw error;
      // Somebody changes the same znodes, or the answer was lost: one by one.
      for (const node of batch) {
        if (await deleteOne(client, node, options.signal)) options.onDeleted?.(node);
        else left.push(node.path);
      }
    }
  }
  return left;
}

/** @returns whether it is gone */
async function deleteOne(
  client: Client,
  { path, version }: ExtraNode,
  signal: AbortSignal,
): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      await client.remove(path, { version, signal });
      return true;
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return true;
      if (isZkError(error) && CHANGED.includes(error.code)) return false;
      const isLost = isZkError(error, "CONNECTION_LOSS") || isZkError(error, "OPERATION_TIMEOUT");
      if (!isLost || tries >= TRIES_MAX) throw error;
    }
  }
}
