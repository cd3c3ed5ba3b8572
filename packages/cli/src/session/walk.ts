/**
 * Walks a subtree in the order in which people read it: parents first, names sorted. Reads run ahead of the caller, a
 * bounded number at a time, and only the names that are still to be visited are held.
 */
import { type Client, isZkError, type Stat } from "@zk/client";
import { joinPath } from "@zk/protocol";

/** What is read of each znode. */
export interface WalkOptions {
  /** Levels below the root that are visited; 0 is the root alone. Default: all. */
  readonly depthMax?: number | undefined;
  /** Znodes after which the walk stops. Default 100 000. */
  readonly nodesMax?: number | undefined;
  readonly withData?: boolean;
  readonly withAcl?: boolean;
  /** Whether to visit a path and what is below it. Default: everything. */
  readonly enters?: (path: string) => boolean;
  readonly signal: AbortSignal;
  readonly concurrency?: number;
}

/** One znode. */
export interface Visited {
  readonly path: string;
  /** The last name; the root's is its path. */
  readonly name: string;
  readonly depth: number;
  readonly stat: Stat;
  readonly data: Uint8Array | null | undefined;
  readonly acl: readonly WalkedAcl[] | undefined;
  /** Whether it is the last of its siblings that is visited. */
  readonly isLast: boolean;
}

type WalkedAcl = Awaited<ReturnType<Client["getACL"]>>["acl"][number];

/** What a walk could not do. Filled while it goes on. */
export interface WalkReport {
  visited: number;
  /** Paths that may not be read. */
  readonly denied: string[];
  /** Znodes that went away between being listed and being read. */
  vanished: number;
  /** Whether `nodesMax` stopped it. */
  isTruncated: boolean;
}

export const NODES_MAX_DEFAULT = 100_000;
const CONCURRENCY = 32;

interface Entry {
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  readonly isLast: boolean;
  read: Promise<Read> | undefined;
}

type Read =
  | {
      readonly kind: "there";
      readonly node: Omit<Visited, "depth" | "name" | "isLast">;
      readonly children: readonly string[];
    }
  | { readonly kind: "denied" }
  | { readonly kind: "gone" }
  | { readonly kind: "failed"; readonly error: unknown };

export function newReport(): WalkReport {
  return { visited: 0, denied: [], vanished: 0, isTruncated: false };
}

/** @throws ZkError of the root, and any error that is not about one znode */
export async function* walk(
  client: Client,
  root: string,
  options: WalkOptions,
  report: WalkReport,
): AsyncGenerator<Visited, void> {
  const { depthMax = Number.POSITIVE_INFINITY, nodesMax = NODES_MAX_DEFAULT, signal } = options;
  const concurrency = options.concurrency ?? CONCURRENCY;
  // The end of the list is the next to be visited.
  const pending: Entry[] = [{ path: root, name: root, depth: 0, isLast: true, read: undefined }];
  for (;;) {
    const entry = pending.pop();
    if (entry === undefined) return;
    if (report.visited >= nodesMax) {
      report.isTruncated = true;
      return;
    }
    pending.push(entry);
    for (let at = pending.length - 1; at >= Math.max(0, pending.length - concurrency); at--) {
      const ahead = pending[at]!;
      ahead.read ??= readNode(client, ahead.path, ahead.depth === 0, ahead.depth >= depthMax, options);
    }
    pending.pop();
    const read = await entry.read!;
    entry.read = undefined;
    signal.throwIfAborted();
    if (read.kind === "failed") throw read.error;
    if (read.kind === "denied") {
      report.denied.push(entry.path);
      continue;
    }
    if (read.kind === "gone") {
      report.vanished++;
      continue;
    }
    report.visited++;
    if (entry.depth < depthMax) {
      const names = [...read.children].sort(byBytes);
      const paths = names.map((name) => ({ name, path: joinPath(entry.path, name) }));
      const entered =
        options.enters === undefined ? paths : paths.filter(({ path }) => options.enters?.(path));
      for (let at = entered.length - 1; at >= 0; at--) {
        pending.push({
          ...entered[at]!,
          depth: entry.depth + 1,
          isLast: at === entered.length - 1,
          read: undefined,
        });
      }
    }
    yield { ...read.node, name: entry.name, depth: entry.depth, isLast: entry.isLast };
  }
}

/** By code points, so that the order is the same on every machine. */
export function byBytes(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

async function readNode(
  client: Client,
  path: string,
  isRoot: boolean,
  isDeepest: boolean,
  options: WalkOptions,
): Promise<Read> {
  const { signal } = options;
  try {
    const [listed, data, acl] = await Promise.all([
      isDeepest && !options.withData
        ? client.exists(path, { signal }).then((stat) => (stat === null ? null : { children: [], stat }))
        : client.getChildrenWithStat(path, { signal }),
      options.withData ? client.getData(path, { signal }) : undefined,
      options.withAcl ? client.getACL(path, { signal }) : undefined,
    ]);
    if (listed === null) {
      if (isRoot) await client.getData(path, { signal });
      return { kind: "gone" };
    }
    const stat = data?.stat ?? listed.stat;
    return {
      kind: "there",
      node: { path, stat, data: data?.data, acl: acl?.acl },
      children: listed.children,
    };
  } catch (error) {
    if (!isRoot && isZkError(error, "NO_NODE")) return { kind: "gone" };
    if (!isRoot && isZkError(error, "NO_AUTH")) return { kind: "denied" };
    return { kind: "failed", error };
  }
}
