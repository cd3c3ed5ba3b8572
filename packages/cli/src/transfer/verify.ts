/** Reads again what was written, and compares. */
import type { Client } from "@zk/client";
import { compareTrees, type Difference } from "./compare-trees.js";
import { newLiveReport, readLive } from "./live-tree.js";
import { TreeDigest, type TreeNode, type TreeSource } from "./tree-node.js";

/** What a second reading found. */
export interface Verification {
  readonly isEqual: boolean;
  /** Differences that count: what is missing or not the same. */
  readonly differences: readonly Pick<Difference, "kind" | "path">[];
  /** Of the znodes that were moved, as the target has them; with their ACLs, whether these were compared or not. */
  readonly targetSha256: string;
  /** Znodes that are in the target only. */
  readonly extra: readonly string[];
}

/** Differences that are kept to be shown. */
const SHOWN_MAX = 100;

/** Compares a source with a tree on servers; extra znodes of the target are counted apart. */
export async function verifyTree(
  source: TreeSource,
  client: Client,
  root: string,
  options: {
    readonly withAcl: boolean;
    readonly skipped: ReadonlySet<string>;
    readonly signal: AbortSignal;
    readonly onNode: () => void;
  },
): Promise<Verification> {
  const digest = new TreeDigest();
  const extra: string[] = [];
  const isExtra = new Set<string>();
  const differences: Pick<Difference, "kind" | "path">[] = [];
  const counted = async function* (nodes: TreeSource): AsyncGenerator<TreeNode> {
    for await (const node of nodes) {
      options.onNode();
      yield node;
    }
  };
  // Nothing that was moved is ephemeral in the target; what is there besides is not ours.
  const target = readLive(
    client,
    root,
    { ephemerals: "as-persistent", signal: options.signal },
    newLiveReport(),
  );
  const held = async function* (): AsyncGenerator<TreeNode> {
    let before: TreeNode | undefined;
    for await (const node of target) {
      // One behind: the comparison says of the last one whether it is extra before the next is given.
      if (before !== undefined && !isExtra.has(before.path)) digest.add(before);
      before = node;
      yield node;
    }
    if (before !== undefined && !isExtra.has(before.path)) digest.add(before);
  };
  let isEqual = true;
  for await (const { kind, path } of compareTrees(counted(source), held(), { withAcl: options.withAcl })) {
    if (kind === "+") {
      extra.push(path);
      isExtra.add(path);
      continue;
    }
    if (options.skipped.has(path)) continue;
    isEqual = false;
    if (differences.length < SHOWN_MAX) differences.push({ kind, path });
  }
  return {
    isEqual,
    differences,
    extra,
    targetSha256: digest.finish(),
  };
}
