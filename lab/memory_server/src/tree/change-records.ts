/**
 * What is known of znodes that transactions on their way will change. The next request is judged by these.
 *
 * Followed to the letter, oddities included: a multi that fails puts back what its paths looked like before, and where
 * nothing else was on its way these records stay behind until another change of the same path. They hold the number of
 * children of that moment.
 *
 * Source: ZooKeeper 3.4.6, ZooKeeperServer.java, ChangeRecord; PrepRequestProcessor.java, getRecordForPath,
 * getPendingChanges and rollbackPendingChanges; FinalRequestProcessor.java, processRequest
 */
import type { Acl } from "@zk/protocol";
import type { StoredStat } from "./data-node.js";
import type { DataTree } from "./data-tree.js";

/** How a znode will look. */
export interface ChangeRecord {
  /** Of the transaction that will make it so; -1 for one that was read from the tree. */
  readonly zxid: bigint;
  readonly path: string;
  /** Null: it will be gone. Of a record from the tree this is the znode's own, and changes with it. */
  readonly stat: StoredStat | null;
  childCount: number;
  readonly acl: readonly Acl[];
}

/** A record with a znode to it. */
export interface LiveRecord extends ChangeRecord {
  readonly stat: StoredStat;
}

/** A copy that is to be changed by the transaction `zxid`. */
export function duplicate(record: LiveRecord, zxid: bigint): LiveRecord {
  return { ...record, zxid, stat: { ...record.stat } };
}

/** All changes on their way, and the last one for each path. */
export class OutstandingChanges {
  private readonly tree: DataTree;
  private queue: ChangeRecord[] = [];
  private first = 0;
  private readonly byPath = new Map<string, ChangeRecord>();

  constructor(tree: DataTree) {
    this.tree = tree;
  }

  /** How a znode will look once all that is on its way is applied; undefined when it will not exist. */
  recordFor(path: string): LiveRecord | undefined {
    const last = this.byPath.get(path);
    if (last !== undefined) return isLive(last) ? last : undefined;
    const node = this.tree.node(path);
    if (node === undefined) return undefined;
    return { zxid: -1n, path, stat: node.stat, childCount: node.childCount, acl: node.acl };
  }

  add(record: ChangeRecord): void {
    this.queue.push(record);
    this.byPath.set(record.path, record);
  }

  /** The transaction `zxid` and all before it are applied. */
  applied(zxid: bigint): void {
    while (this.first < this.queue.length) {
      const record = this.queue[this.first]!;
      if (record.zxid > zxid) break;
      this.first++;
      if (this.byPath.get(record.path) === record) this.byPath.delete(record.path);
    }
    if (this.first > COMPACT_ABOVE || this.first === this.queue.length) {
      this.queue = this.queue.slice(this.first);
      this.first = 0;
    }
  }

  /**
   * What a multi on these paths puts back when it fails: the record of each path, and of its parent only when the path
   * itself exists.
   */
  capture(paths: readonly string[]): ReadonlyMap<string, ChangeRecord> {
    const captured = new Map<string, ChangeRecord>();
    for (const path of paths) {
      const record = this.recordFor(path);
      if (record === undefined) continue;
      captured.set(path, record);
      const slash = path.lastIndexOf("/");
      if (slash < 0 || path.includes("\0")) continue;
      const parent = this.recordFor(path.slice(0, slash));
      if (parent !== undefined) captured.set(parent.path, parent);
    }
    return captured;
  }

  /** Takes back the records of the transaction `zxid`, the last one, and puts the captured ones in their place. */
  rollBack(zxid: bigint, captured: ReadonlyMap<string, ChangeRecord>): void {
    while (this.queue.length > this.first && this.queue.at(-1)!.zxid === zxid) {
      this.byPath.delete(this.queue.pop()!.path);
    }
    const oldest = this.queue[this.first];
    for (const record of captured.values()) {
      if (oldest !== undefined && record.zxid < oldest.zxid) continue;
      this.byPath.set(record.path, record);
    }
  }

  /** What a session that closes takes with it: its ephemeral znodes, those still on their way too. */
  ephemeralsOf(sessionId: bigint): ReadonlySet<string> {
    const paths = new Set(this.tree.ephemeralsOf(sessionId));
    for (let index = this.first; index < this.queue.length; index++) {
      const { path, stat } = this.queue[index]!;
      if (stat === null) paths.delete(path);
      else if (stat.ephemeralOwner === sessionId) paths.add(path);
    }
    return paths;
  }
}

function isLive(record: ChangeRecord): record is LiveRecord {
  return record.stat !== null;
}

const COMPACT_ABOVE = 1024;
