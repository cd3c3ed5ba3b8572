/** A znode as one line of a dump. */

import { findPathProblem } from "@zk/protocol";
import { formatAcl, parseAcls } from "../input/acl-text.js";
import { jsonData } from "../output/json.js";
import { UsageError } from "../program/errors.js";
import type { TreeNode } from "./tree-node.js";

/** The name and version of the dump's form. */
export const DUMP_SCHEMA = "zk.dump/1";

/** The first line of a dump. */
export interface DumpHeader {
  readonly schema: typeof DUMP_SCHEMA;
  readonly root: string;
  readonly servers: string;
  /** The newest transaction that was seen when the reading began. */
  readonly zxid: string;
  readonly createdAt: string;
  readonly ephemerals: string;
  /** What left znodes out, in words; null for a whole tree. */
  readonly selection: string | null;
}

/** The last line of a dump. */
export interface DumpFooter {
  readonly nodes: number;
  readonly bytes: number;
  /** Of path, data and ACL of every znode. */
  readonly sha256: string;
  /** Znodes that changed while the dump was made: it is no snapshot then. */
  readonly changed: number;
  /** Znodes that might not be read; undefined in dumps of older versions. */
  readonly denied?: number;
}

export function nodeToJson(node: TreeNode): Record<string, unknown> {
  return {
    path: node.path,
    ...jsonData(node.data),
    acl: node.acl.map(formatAcl),
    ...(node.isEphemeral ? { ephemeral: true } : {}),
    ...(node.hasChildren ? { children: true } : {}),
    nextSequence: node.nextSequence,
    mtime: new Date(node.mtimeMs).toISOString(),
  };
}

/** @throws UsageError saying what is wrong with it */
export function nodeFromJson(value: unknown): TreeNode {
  if (typeof value !== "object" || value === null) throw new UsageError("it is no object");
  const { path, data, dataBase64, acl, ephemeral, children, nextSequence, mtime } = value as Record<
    string,
    unknown
  >;
  if (typeof path !== "string") throw new UsageError('"path" is missing');
  const problem = findPathProblem(path);
  if (problem !== null) throw new UsageError(`the path ${JSON.stringify(path)} is none: ${problem.reason}`);
  if (!Array.isArray(acl) || acl.length === 0 || !acl.every((entry) => typeof entry === "string"))
    throw new UsageError('"acl" must be a list of SCHEME:ID:PERMISSIONS');
  return {
    path,
    data: readData(data, dataBase64),
    acl: acl.flatMap((entry) => parseAcls(String(entry))),
    isEphemeral: ephemeral === true,
    hasChildren: children === true,
    nextSequence:
      typeof nextSequence === "number" && Number.isSafeInteger(nextSequence) && nextSequence >= 0
        ? nextSequence
        : 0,
    mtimeMs: typeof mtime === "string" ? Date.parse(mtime) || 0 : 0,
  };
}

/** @throws UsageError */
export function readData(data: unknown, dataBase64: unknown): Uint8Array | null {
  if (typeof dataBase64 === "string") {
    const bytes = Buffer.from(dataBase64, "base64");
    if (bytes.toString("base64").replace(/=+$/, "") !== dataBase64.replace(/=+$/, ""))
      throw new UsageError('"dataBase64" is not base64');
    return bytes;
  }
  if (data === null) return null;
  if (typeof data === "string") return Buffer.from(data, "utf8");
  throw new UsageError('"data" must be text or null, or there must be "dataBase64"');
}
