/**
 * The znodes by path, the ephemeral ones by session, and the changes that are made to them one at a time.
 *
 * Source: ZooKeeper 3.4.6, DataTree.java, createNode, deleteNode, setData, setACL and killSession
 */
import { errorCode, WatchEventType } from "@zk/protocol";
import { DataNode, originalNode, type StoredStat } from "./data-node.js";
import { JavaHashSet } from "./java-hash-set.js";
import { PROC_PATH, QUOTA_PATH, QuotaBook } from "./quota.js";
import type { TreeEvent, Txn, TxnHeader, TxnOutcome } from "./txn.js";

/** What a change gives; its events are put at the end of the list that is handed in. */
export type Change = Omit<TxnOutcome, "events">;

/** The znodes of one tree. */
export class ZnodeStore {
  /** The root is in it twice, as "" and as "/". */
  readonly nodes: Map<string, DataNode> = new Map();
  /** Paths by session. A session stays in it with none until it is closed. */
  readonly ephemerals: Map<bigint, JavaHashSet> = new Map();
  private readonly quotas: QuotaBook = new QuotaBook((path) => this.nodes.get(path));

  /** The znodes every server begins with. */
  static original(): ZnodeStore {
    const store = new ZnodeStore();
    const root = originalNode();
    root.addChild(nameOf(PROC_PATH));
    store.nodes.set("", root);
    store.nodes.set("/", root);
    const proc = originalNode();
    proc.addChild(nameOf(QUOTA_PATH));
    store.nodes.set(PROC_PATH, proc);
    store.nodes.set(QUOTA_PATH, originalNode());
    return store;
  }

  /** Znodes that were read from somewhere; children are entered in their parents already. The root is "". */
  static of(nodes: ReadonlyMap<string, DataNode>, root: DataNode): ZnodeStore {
    const store = new ZnodeStore();
    for (const [path, node] of nodes) {
      store.nodes.set(path, node);
      if (path !== "" && node.stat.ephemeralOwner !== 0n) store.own(node.stat.ephemeralOwner, path);
    }
    store.nodes.set("/", root);
    store.quotas.setUp();
    return store;
  }

  create(header: TxnHeader, txn: Txn & { type: "create" }, events: TreeEvent[]): Change {
    const { path, data } = txn;
    const parentPath = parentOf(path);
    const parent = this.nodes.get(parentPath);
    if (parent === undefined) return { err: NO_NODE, path };
    const name = nameOf(path);
    if (parent.children?.has(name) === true) {
      catchUp(parent, txn.parentCVersion, header.zxid);
      return { err: NODE_EXISTS, path };
    }
    parent.stat.cversion = countAfter(parent, txn.parentCVersion);
    parent.stat.pzxid = header.zxid;
    const owner = txn.ephemeral ? header.sessionId : 0n;
    this.nodes.set(path, new DataNode(data, txn.acl, newStat(header, owner)));
    parent.addChild(name);
    if (owner !== 0n) this.own(owner, path);
    this.quotas.created(path, data?.length ?? 0);
    events.push({ type: WatchEventType.NodeCreated, path }, childrenChanged(parentPath));
    return { err: 0, path };
  }

  delete(path: string, zxid: bigint, events: TreeEvent[]): Change {
    const node = this.nodes.get(path);
    if (node === undefined) return { err: NO_NODE, path };
    this.nodes.delete(path);
    const parentPath = parentOf(path);
    const parent = this.nodes.get(parentPath);
    if (parent === undefined) return { err: NO_NODE, path };
    parent.children?.delete(nameOf(path));
    parent.stat.pzxid = zxid;
    this.ephemerals.get(node.stat.ephemeralOwner)?.delete(path);
    this.quotas.deleted(path, node.data?.length ?? 0);
    events.push({ type: WatchEventType.NodeDeleted, path }, childrenChanged(parentPath));
    return { err: 0, path };
  }

  setData(header: TxnHeader, txn: Txn & { type: "setData" }, events: TreeEvent[]): Change {
    const { path, data } = txn;
    const node = this.nodes.get(path);
    if (node === undefined) return { err: NO_NODE, path };
    const bytesMore = (data?.length ?? 0) - (node.data?.length ?? 0);
    node.data = data;
    node.stat.mtime = wholeMs(header);
    node.stat.mzxid = header.zxid;
    node.stat.version = txn.version;
    const stat = node.copyStat();
    this.quotas.resized(path, bytesMore);
    events.push({ type: WatchEventType.NodeDataChanged, path });
    return { err: 0, path, stat };
  }

  setAcl(txn: Txn & { type: "setACL" }): Change {
    const { path } = txn;
    const node = this.nodes.get(path);
    if (node === undefined) return { err: NO_NODE, path };
    node.stat.aversion = txn.version;
    node.acl = txn.acl;
    return { err: 0, path, stat: node.copyStat() };
  }

  /** Deletes the ephemeral znodes of a session, in the order in which the server's set hands them out. */
  closeSession(header: TxnHeader, events: TreeEvent[]): void {
    const paths = this.ephemerals.get(header.sessionId);
    if (paths === undefined) return;
    this.ephemerals.delete(header.sessionId);
    for (const path of paths.toArray()) this.delete(path, header.zxid, events);
  }

  private own(sessionId: bigint, path: string): void {
    let paths = this.ephemerals.get(sessionId);
    if (paths === undefined) {
      paths = new JavaHashSet();
      this.ephemerals.set(sessionId, paths);
    }
    paths.add(path);
  }
}

/**
 * Snapshots may hold a child that a transaction behind them creates once more; then the parent's counter is behind.
 *
 * Source: ZooKeeper 3.4.6, DataTree.java, setCversionPzxid
 */
function catchUp(parent: DataNode, parentCVersion: number, zxid: bigint): void {
  const next = countAfter(parent, parentCVersion);
  if (next <= parent.stat.cversion) return;
  parent.stat.cversion = next;
  parent.stat.pzxid = zxid;
}

/** The transaction says it; -1, which transactions of old versions have, stands for one more. */
function countAfter(parent: DataNode, parentCVersion: number): number {
  return parentCVersion === -1 ? (parent.stat.cversion + 1) | 0 : parentCVersion;
}

function newStat(header: TxnHeader, ephemeralOwner: bigint): StoredStat {
  const time = wholeMs(header);
  const { zxid } = header;
  return {
    czxid: zxid,
    mzxid: zxid,
    ctime: time,
    mtime: time,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner,
    pzxid: zxid,
  };
}

function wholeMs(header: TxnHeader): bigint {
  return BigInt(Math.trunc(header.timeMs));
}

/** Watches know the root as "/" only. */
function childrenChanged(parentPath: string): TreeEvent {
  return { type: WatchEventType.NodeChildrenChanged, path: parentPath === "" ? "/" : parentPath };
}

/** The parent of `/a` is "". */
function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

const NO_NODE = errorCode("NO_NODE");
const NODE_EXISTS = errorCode("NODE_EXISTS");
