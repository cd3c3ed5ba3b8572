/** Which znodes of a tree are taken. */
import { parseAgeTest, parseGlob, parseRegex } from "../input/comparison.js";
import type { TreeNode, TreeSource } from "./tree-node.js";

/** As the options say it. */
export interface SelectionOptions {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly regex: string | undefined;
  /** `-1h`: changed within the last hour. */
  readonly mtime: string | undefined;
  /** Bytes. */
  readonly maxSize: number | undefined;
}

/** Conditions with everything read. */
export interface Selection {
  /** Whether to look at a path and what is below it. */
  readonly enters: (path: string) => boolean;
  readonly takes: (node: TreeNode) => boolean;
  /** Whether there is any condition beside `exclude`. */
  readonly isPartial: boolean;
}

/** @throws UsageError */
export function selectionOf(options: SelectionOptions, nowMs: number): Selection {
  const excluded = options.exclude.map(parseGlob);
  const included = options.include.map(parseGlob);
  const regex = options.regex === undefined ? undefined : parseRegex(options.regex);
  const isYoung = options.mtime === undefined ? undefined : parseAgeTest(options.mtime, nowMs);
  const { maxSize } = options;
  return {
    isPartial: included.length > 0 || regex !== undefined || isYoung !== undefined || maxSize !== undefined,
    enters: (path) => !excluded.some((matches) => matches(path)),
    takes: (node) =>
      (included.length === 0 || included.some((matches) => matches(node.path))) &&
      (regex === undefined || regex.test(node.path)) &&
      (isYoung === undefined || isYoung(BigInt(Math.round(node.mtimeMs)))) &&
      (maxSize === undefined || (node.data?.length ?? 0) <= maxSize),
  };
}

/** The znodes that are taken, and the parents that they need. */
export async function* select(source: TreeSource, selection: Selection): AsyncGenerator<TreeNode> {
  // Parents of what may yet be taken; a tree comes to them first.
  const waiting: TreeNode[] = [];
  let left: string | undefined;
  for await (const node of source) {
    if (left !== undefined && isBelow(node.path, left)) continue;
    left = undefined;
    if (!selection.enters(node.path)) {
      left = node.path;
      continue;
    }
    while (waiting.length > 0 && !isBelow(node.path, waiting.at(-1)!.path)) waiting.pop();
    if (selection.takes(node)) {
      yield* waiting.splice(0);
      yield node;
    } else if (node.hasChildren) {
      waiting.push(node);
    }
  }
}

export function isBelow(path: string, parent: string): boolean {
  return path !== parent && (parent === "/" || path.startsWith(`${parent}/`));
}
