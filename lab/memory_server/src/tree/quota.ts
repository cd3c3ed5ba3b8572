/**
 * Quotas: how many znodes and bytes there are below a path, kept in a znode below `/zookeeper/quota` and changed there
 * behind the back of everyone: no version goes up and no watch fires.
 *
 * A real server stops for good when these znodes hold something else than `count=1,bytes=2`, or lie where they should
 * not. Here they are left alone then.
 *
 * Source: ZooKeeper 3.4.6, DataTree.java, updateCount, updateBytes and updateQuotaForPath; PathTrie.java; StatsTrack.java
 */
import { utf8Bytes, utf8Text } from "@zk/protocol";
import type { DataNode } from "./data-node.js";

/** The znode that belongs to the servers. */
export const PROC_PATH = "/zookeeper";
/** The znode below which quotas are. */
export const QUOTA_PATH = "/zookeeper/quota";
const LIMITS_NAME = "zookeeper_limits";
const STATS_NAME = "zookeeper_stats";

/** Keeps the `zookeeper_stats` znodes of a tree right. */
export class QuotaBook {
  private readonly prefixes = new PrefixTree();
  private readonly nodeAt: (path: string) => DataNode | undefined;

  constructor(nodeAt: (path: string) => DataNode | undefined) {
    this.nodeAt = nodeAt;
  }

  /** A znode was created. */
  created(path: string, dataBytes: number): void {
    const { parent, name } = split(path);
    if (parent.startsWith(QUOTA_PATH)) {
      if (name === LIMITS_NAME) this.prefixes.add(parent.slice(QUOTA_PATH.length));
      if (name === STATS_NAME) this.count(parent.slice(QUOTA_PATH.length));
    }
    this.update(path, 1, dataBytes);
  }

  /** A znode was deleted. */
  deleted(path: string, dataBytes: number): void {
    const { parent, name } = split(path);
    if (parent.startsWith(QUOTA_PATH) && name === LIMITS_NAME) {
      this.prefixes.delete(parent.slice(QUOTA_PATH.length));
    }
    this.update(path, -1, -dataBytes);
  }

  /** A znode's data grew, or shrank when `bytesMore` is below 0. */
  resized(path: string, bytesMore: number): void {
    this.update(path, 0, bytesMore);
  }

  /** Looks for quotas in a tree that was just read from a snapshot. */
  setUp(): void {
    const paths = [QUOTA_PATH];
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      const children = this.nodeAt(path)?.children;
      if (children !== undefined && children.size > 0) {
        for (const name of children) paths.push(`${path}/${name}`);
      } else if (path.endsWith(`/${LIMITS_NAME}`)) {
        const about = path.slice(QUOTA_PATH.length, path.indexOf(`/${LIMITS_NAME}`));
        this.count(about);
        this.prefixes.add(about);
      }
    }
  }

  private update(path: string, countMore: number, bytesMore: number): void {
    const prefix = this.prefixes.longestOf(path);
    if (prefix === "") return;
    const node = this.nodeAt(statsPath(prefix));
    const stats = node === undefined ? undefined : parseStats(node.data);
    if (node === undefined || stats === undefined) return;
    node.data = formatStats((stats.count + countMore) | 0, stats.bytes + BigInt(bytesMore));
  }

  private count(prefix: string): void {
    const node = this.nodeAt(statsPath(prefix));
    if (node === undefined) return;
    let count = 0;
    let bytes = 0;
    const paths = [prefix];
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      const counted = this.nodeAt(path);
      if (counted === undefined) continue;
      count++;
      bytes += counted.data?.length ?? 0;
      for (const name of counted.children ?? []) paths.push(`${path}/${name}`);
    }
    node.data = formatStats(count, BigInt(bytes));
  }
}

interface Stats {
  readonly count: number;
  readonly bytes: bigint;
}

function parseStats(data: Uint8Array | null): Stats | undefined {
  const match =
    data === null
      ? null
      : /^[^,=]*=([+-]?\d{1,10})(?:=[^,]*)?,[^,=]*=([+-]?\d{1,19})(?:=[^,]*)?,*$/.exec(utf8Text(data));
  if (match === null) return undefined;
  return { count: Number(match[1]), bytes: BigInt(match[2]!.replace("+", "")) };
}

function formatStats(count: number, bytes: bigint): Uint8Array {
  return utf8Bytes(`count=${count},bytes=${bytes}`);
}

function statsPath(prefix: string): string {
  return `${QUOTA_PATH}${prefix}/${STATS_NAME}`;
}

function split(path: string): { parent: string; name: string } {
  const slash = path.lastIndexOf("/");
  return { parent: path.slice(0, Math.max(0, slash)), name: path.slice(slash + 1) };
}

/** Paths with a quota. Deleting one is as careless as on a real server: a prefix with one longer prefix takes it along. */
class PrefixTree {
  private readonly root = new Prefix();

  add(path: string): void {
    const parts = path.split("/").slice(1);
    if (parts.length === 0) return;
    let at = this.root;
    for (const part of parts) {
      let next = at.children.get(part);
      if (next === undefined) {
        next = new Prefix();
        at.children.set(part, next);
      }
      at = next;
    }
    at.hasQuota = true;
  }

  delete(path: string): void {
    const parts = path.split("/").slice(1);
    let parent = this.root;
    let at = this.root;
    for (const part of parts) {
      const next = at.children.get(part);
      if (next === undefined) return;
      parent = at;
      at = next;
    }
    if (at === this.root) return;
    if (at.children.size === 1) parent.children.delete(parts.at(-1)!);
    else at.hasQuota = false;
  }

  /** The longest prefix of `path` with a quota, "" when there is none. */
  longestOf(path: string): string {
    if (this.root.children.size === 0) return "";
    const parts = path.split("/");
    let at = this.root;
    let longest = 0;
    for (let index = 1; index < parts.length; index++) {
      const next = at.children.get(parts[index]!);
      if (next === undefined) break;
      at = next;
      if (at.hasQuota) longest = index;
    }
    return parts.slice(0, longest + 1).join("/");
  }
}

class Prefix {
  hasQuota = false;
  readonly children = new Map<string, Prefix>();
}
