/** A tree on servers as a source: data, ACLs, and what becomes of ephemerals. */
import type { Client } from "@zk/client";
import { nextSequence } from "../output/json.js";
import { CliError } from "../program/errors.js";
import { isEphemeral } from "../session/node-kind.js";
import { newReport, type WalkReport, walk } from "../session/walk.js";
import { relativePath, type TreeNode } from "./tree-node.js";

export const EPHEMERAL_POLICIES = ["skip", "as-persistent", "fail"] as const;
export type EphemeralPolicy = (typeof EPHEMERAL_POLICIES)[number];

/** How a tree is read. */
export interface LiveOptions {
  readonly ephemerals: EphemeralPolicy;
  readonly depthMax?: number | undefined;
  readonly nodesMax?: number | undefined;
  readonly enters?: (path: string) => boolean;
  readonly signal: AbortSignal;
}

/** A znode on servers, with the version of its data. */
export interface LiveNode extends TreeNode {
  readonly version: number;
}

/** What a reading met. */
export interface LiveReport {
  readonly walk: WalkReport;
  ephemeralsSkipped: number;
  /** Znodes that changed after the reading had begun. */
  changed: number;
}

export function newLiveReport(): LiveReport {
  return { walk: newReport(), ephemeralsSkipped: 0, changed: 0 };
}

/** @throws CliError EPHEMERAL_FOUND; ZkError */
export async function* readLive(
  client: Client,
  root: string,
  options: LiveOptions,
  report: LiveReport,
): AsyncGenerator<LiveNode> {
  const startZxid = client.lastZxid;
  const enters = (path: string): boolean =>
    // The servers' own znodes are there everywhere, and nobody may write them.
    !(root === "/" && path === "/zookeeper") && (options.enters?.(relativePath(root, path)) ?? true);
  const walkOptions = {
    depthMax: options.depthMax,
    nodesMax: options.nodesMax ?? Number.POSITIVE_INFINITY,
    withData: true,
    withAcl: true,
    enters,
    signal: options.signal,
  };
  for await (const { path, stat, data, acl } of walk(client, root, walkOptions, report.walk)) {
    const ephemeral = isEphemeral(stat);
    if (ephemeral && options.ephemerals === "fail") {
      throw new CliError("EPHEMERAL_FOUND", 4, `${path} is ephemeral`, {
        hint: "--ephemerals skip leaves them out, as-persistent keeps them",
        details: { path },
      });
    }
    if (ephemeral && options.ephemerals === "skip") {
      report.ephemeralsSkipped++;
      continue;
    }
    if (stat.mzxid > startZxid) report.changed++;
    yield {
      path: relativePath(root, path),
      data: data ?? null,
      acl: acl ?? [],
      isEphemeral: ephemeral,
      hasChildren: stat.numChildren > 0,
      nextSequence: nextSequence(stat),
      mtimeMs: Number(stat.mtime),
      version: stat.version,
    };
  }
}
