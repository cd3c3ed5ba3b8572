/** One znode on its way from one tree to another; its path begins at the root of what is moved. */
import { createHash } from "node:crypto";
import { type Acl, OPEN_ACL_UNSAFE } from "@zk/client";
import { formatAcls } from "../input/acl-text.js";

/** A znode without its place. */
export interface TreeNode {
  /** `/` for the root of what is moved, else `/a/b`. */
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  readonly isEphemeral: boolean;
  /** Whether there were children: such a znode gets its own ACL after them. */
  readonly hasChildren: boolean;
  /** The number of the next sequential child. */
  readonly nextSequence: number;
  /** Milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** Parents before children, siblings by name. */
export type TreeSource = AsyncIterable<TreeNode>;

/** The order of a tree: as if every slash sorted before every other character. */
export function comparePaths(one: string, other: string): number {
  const [left, right] = [one.replaceAll("/", "\u0000"), other.replaceAll("/", "\u0000")];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A path below another root. */
export function placePath(root: string, path: string): string {
  if (path === "/") return root;
  return root === "/" ? path : root + path;
}

/** A path as seen from a root above it. */
export function relativePath(root: string, path: string): string {
  if (path === root) return "/";
  return root === "/" ? path : path.slice(root.length);
}

export function sameData(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && Buffer.compare(one, other) === 0;
}

/** Access control lists are sets: their order means nothing. */
export function sameAcl(one: readonly Acl[], other: readonly Acl[]): boolean {
  return aclKey(one) === aclKey(other);
}

export function isOpenAcl(acl: readonly Acl[]): boolean {
  return sameAcl(acl, OPEN_ACL_UNSAFE);
}

function aclKey(acl: readonly Acl[]): string {
  return acl
    .map((entry) => formatAcls([entry]))
    .sort()
    .join(",");
}

/** What a tree holds as one SHA-256: path, data and ACL of every znode, in the order of the tree. */
export class TreeDigest {
  readonly #hash = createHash("sha256");
  nodes = 0;
  bytes = 0;

  add(node: Pick<TreeNode, "path" | "data" | "acl">): void {
    this.nodes++;
    this.bytes += node.data?.length ?? 0;
    // Lengths in front keep neighbours apart.
    const head = `${Buffer.byteLength(node.path)}:${node.path}${aclKey(node.acl)}\n${node.data === null ? "null" : node.data.length}:`;
    this.#hash.update(head);
    if (node.data !== null) this.#hash.update(node.data);
  }

  /** Ends the digest. */
  finish(): string {
    return this.#hash.digest("hex");
  }
}
