/** What `cp --delete` and `mirror` ask before they write, and delete when the rest is done. */
import type { Client } from "@zk/client";
import type { CommandIo } from "../../definition/command.js";
import { type Consent, confirm } from "../../input/confirm.js";
import { plural } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";
import { ExitCode } from "../../program/exit-codes.js";
import { deleteExtra, type ExtraNode, findExtra } from "../../transfer/extra.js";
import type { Place } from "../../transfer/places.js";
import { isBelow } from "../../transfer/selection.js";
import { placePath, type TreeNode, type TreeSource } from "../../transfer/tree-node.js";
import type { ReadPlace } from "./read-place.js";

/** Paths that are shown before a question. */
const SHOWN_MAX = 5;

interface DeletingRun {
  readonly options: Consent & { readonly depth: number | undefined; readonly dryRun: boolean };
  readonly io: CommandIo;
  readonly signal: AbortSignal;
  note(line: string): void;
  warn(line: string): void;
  endWith(exitCode: number): void;
}

/** What is to be deleted, and was confirmed. */
export interface Deletion {
  readonly nodes: readonly ExtraNode[];
  /** The source, as it is read to be written: what appears in it meanwhile is not deleted any more. */
  watching(source: TreeSource): TreeSource;
  /** @returns the paths that are gone, parents first; @throws ZkError */
  run(): Promise<readonly string[]>;
}

/**
 * Finds what the target has and the source has not, and asks. Nothing was changed when it fails.
 * @throws UsageError when it is not confirmed, or cannot be said; ZkError
 */
export async function prepareDeletion(
  source: ReadPlace,
  client: Client,
  to: Extract<Place, { kind: "servers" }>,
  run: DeletingRun,
): Promise<Deletion> {
  const { options, signal } = run;
  if (source.partial !== undefined) {
    throw new UsageError(
      `${source.partial}: what it has not may be there all the same, and is not to be deleted; nothing was changed`,
      "a dump of the whole tree can say what is too many",
    );
  }
  const { nodes, ephemerals } = await findExtra(source, client, to.path, {
    selection: source.selection,
    depthMax: options.depth,
    signal,
  });
  if (ephemerals.length > 0)
    run.note(`${plural(ephemerals.length, "ephemeral")} that only the target has, left alone`);
  if (nodes.length > 0 && !options.dryRun) {
    for (const { path } of nodes.slice(0, SHOWN_MAX)) run.note(`  ${visible(path)}`);
    if (nodes.length > SHOWN_MAX) run.note(`  … ${plural(nodes.length - SHOWN_MAX, "znode")} more`);
    const isProtected = to.settings.protect.some(
      (each) =>
        each === to.path ||
        isBelow(to.path, each) ||
        nodes.some(({ path }) => path === each || isBelow(path, each)),
    );
    const degree = isProtected || nodes.length > to.settings.confirmAbove ? "path" : "yes";
    const question = `Delete ${plural(nodes.length, "znode")} of ${visible(to.path)} that the source has not?`;
    await confirm({ degree, path: to.path, question }, options, run.io, signal);
  }
  const wanted = new Set(nodes.map(({ path }) => path));
  return {
    nodes,
    watching: (tree) => passing(tree, ({ path }) => wanted.delete(placePath(to.path, path))),
    async run() {
      const gone = new Set<string>();
      const left = await deleteExtra(
        client,
        nodes.filter(({ path }) => wanted.has(path)),
        { signal, onDeleted: ({ path }) => gone.add(path) },
      );
      if (left.length > 0) {
        run.warn(
          `${plural(left.length, "znode")} changed meanwhile and left alone: ${visible(left[0] ?? "")}`,
        );
        run.endWith(ExitCode.PARTLY_DONE);
      }
      return nodes.filter(({ path }) => gone.has(path)).map(({ path }) => path);
    },
  };
}

async function* passing(source: TreeSource, onNode: (node: TreeNode) => void): AsyncGenerator<TreeNode> {
  for await (const node of source) {
    onNode(node);
    yield node;
  }
}
