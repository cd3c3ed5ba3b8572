/**
 * The znodes of one server, and what transactions do to them.
 *
 * The root is there under two names, "" and "/", as it is on a real server: `parent of /a` is "", and requests may name
 * either. Everything that counts znodes counts it twice.
 *
 * Source: ZooKeeper 3.4.6, DataTree.java
 */
import { type Acl, errorCode, type Stat } from "@zk/protocol";
import { DataNode, originalNode, type StoredStat } from "./data-node.js";
import { JavaHashSet } from "./java-hash-set.js";
import { QuotaBook } from "./quota.js";
import { readSnapshot, writeSnapshot } from "./tree-snapshot.js";
import type { Txn, TxnHeader } from "./txn.js";

/** A change that watches wait for: a `WatchEventType` from 1 to 4. */
export interface TreeEvent {
  readonly type: number;
  readonly path: string;
}

/** What became of a transaction. */
export interface TxnOutcome {
  /** 0, or an error code: of an `error` transaction its own, of a multi the first that is not 0. */
  readonly err: number;
  /** Of create, delete, setData, setACL and check. */
  readonly path?: string;
  /** Of setData and setACL, right after the change. */
  readonly stat?: Stat;
  /** Of multi, one for each part. Their events are in the whole's. */
  readonly parts?: readonly TxnOutcome[];
  /** In the order in which a server fires them. */
  readonly events: readonly TreeEvent[];
}

/** The paths of the znodes that every server has from its beginning. */
export const QUOTA_PATH = "/zookeeper/quota";
const PROC_PATH = "/zookeeper";

/** One replica of the tree. */
export class DataTree {
  /** Of the last transaction that was applied, errors too. */
  lastZxid = 0n;
  private readonly nodes = new Map<string, DataNode>();
  private readonly ephemerals = new Map<bigint, JavaHashSet>();
  private readonly timeouts = new Map<bigint, number>();
  private readonly quotas: QuotaBook = new QuotaBook((path) => this.nodes.get(path));

  constructor() {
    const root = originalNode();
    root.addChild(PROC_PATH.slice(1));
    this.nodes.set("", root);
    this.nodes.set("/", root);
    const proc = originalNode();
    proc.addChild(QUOTA_PATH.slice(PROC_PATH.length + 1));
    this.nodes.set(PROC_PATH, proc);
    this.nodes.set(QUOTA_PATH, originalNode());
  }

  /**
   * Applies a transaction; the same ones in the same order give the same tree on every server. Never throws.
   *
   * @param header its zxid must be above `lastZxid`; a lower one changes the tree but not `lastZxid`
   */
  apply(header: TxnHeader, txn: Txn): TxnOutcome {
    const events: TreeEvent[] = [];
    const outcome = this.process(header, txn, events);
    return { ...outcome, events };
  }

  /** What clients are told of a znode; undefined when it does not exist. */
  stat(path: string): Stat | undefined {
    return this.nodes.get(path)?.copyStat();
  }

  /** Data of a znode, which may be null; undefined when it does not exist. Not to be changed. */
  data(path: string): Uint8Array | null | undefined {
    return this.nodes.get(path)?.data;
  }

  /** Names of the children, in the order in which a server lists them; undefined when the znode does not exist. */
  children(path: string): readonly string[] | undefined {
    const node = this.nodes.get(path);
    return node === undefined ? undefined : (node.children?.toArray() ?? []);
  }

  /** Access control list of a znode; undefined when it does not exist. */
  acl(path: string): readonly Acl[] | undefined {
    return this.nodes.get(path)?.acl;
  }

  /** Paths of the znodes that go away with a session. */
  ephemeralsOf(sessionId: bigint): readonly string[] {
    return this.ephemerals.get(sessionId)?.toArray() ?? [];
  }

  /** Sessions that own a znode, or once owned one and are not closed: what the word `dump` lists. */
  get ephemeralOwners(): Iterable<bigint> {
    return this.ephemerals.keys();
  }

  /** Sessions by id, with their timeouts in ms. */
  get sessions(): ReadonlyMap<bigint, number> {
    return this.timeouts;
  }

  /** How many znodes there are as `srvr` and `mntr` count them: 4 in a fresh tree, as the root counts twice. */
  get size(): number {
    return this.nodes.size;
  }

  /** Approximate bytes of the tree as `mntr` counts them: lengths of paths and of data. */
  get dataBytes(): number {
    let bytes = 0;
    for (const [path, node] of this.nodes) bytes += path.length + (node.data?.length ?? 0);
    return bytes;
  }

  /** How many ephemeral znodes there are. */
  get ephemeralCount(): number {
    let count = 0;
    for (const paths of this.ephemerals.values()) count += paths.size;
    return count;
  }

  /** Everything above as bytes. */
  snapshot(): Uint8Array {
    return writeSnapshot({ lastZxid: this.lastZxid, sessions: this.timeouts, nodes: this.nodes });
  }

  /**
   * The tree of a {@link DataTree.snapshot}. As on a real server, children may be listed in another order afterwards.
   *
   * @throws SnapshotError `SNAPSHOT_INVALID` when the bytes are no snapshot
   */
  static restore(bytes: Uint8Array): DataTree {
    const { lastZxid, sessions, nodes, root } = readSnapshot(bytes);
    const tree = new DataTree();
    tree.nodes.clear();
    for (const [path, node] of nodes) {
      tree.nodes.set(path, node);
      if (path !== "" && node.stat.ephemeralOwner !== 0n) tree.own(node.stat.ephemeralOwner, path);
    }
    tree.nodes.set("/", root);
    for (const [id, timeoutMs] of sessions) tree.timeouts.set(id, timeoutMs);
    tree.lastZxid = lastZxid;
    tree.quotas.setUp();
    return tree;
  }

  /** The znode itself, for the preparer, which looks at it as long as no change of it is under way. Not to be changed. */
  node(path: string): DataNode | undefined {
    return this.nodes.get(path);
  }

  private process(header: TxnHeader, txn: Txn, events: TreeEvent[]): TxnOutcome {
    const outcome = this.change(header, txn, events);
    if (header.zxid > this.lastZxid) this.lastZxid = header.zxid;
    return outcome;
  }

  private change(header: TxnHeader, txn: Txn, events: TreeEvent[]): TxnOutcome {
    switch (txn.type) {
      case "create":
        return this.create(header, txn, events);
      case "delete":
        return { err: this.delete(txn.path, header.zxid, events), path: txn.path, events: NONE };
      case "setData":
        return this.setData(header, txn, events);
      case "setACL": {
        const node = this.nodes.get(txn.path);
        if (node === undefined) return { err: NO_NODE, path: txn.path, events: NONE };
        node.stat.aversion = txn.version;
        node.acl = txn.acl;
        return { err: 0, path: txn.path, stat: node.copyStat(), events: NONE };
      }
      case "check":
        return { err: 0, path: txn.path, events: NONE };
      case "multi":
        return this.multi(header, txn.parts, events);
      case "error":
        return { err: txn.err, events: NONE };
      case "createSession":
        this.timeouts.set(header.sessionId, txn.timeoutMs);
        return { err: 0, events: NONE };
      case "closeSession":
        this.closeSession(header, events);
        return { err: 0, events: NONE };
    }
  }

  private create(header: TxnHeader, txn: Txn & { type: "create" }, events: TreeEvent[]): TxnOutcome {
    const { path, data } = txn;
    const [parentPath, name] = splitPath(path);
    const parent = this.nodes.get(parentPath);
    if (parent === undefined) return { err: NO_NODE, path, events: NONE };
    if (parent.children?.has(name) === true) {
      this.catchUp(parent, txn.parentCVersion, header.zxid);
      return { err: NODE_EXISTS, path, events: NONE };
    }
    parent.stat.cversion = txn.parentCVersion === -1 ? (parent.stat.cversion + 1) | 0 : txn.parentCVersion;
    parent.stat.pzxid = header.zxid;
    const owner = txn.ephemeral ? header.sessionId : 0n;
    this.nodes.set(path, new DataNode(data, txn.acl, newStat(header, owner)));
    parent.addChild(name);
    if (owner !== 0n) this.own(owner, path);
    this.quotas.created(path, data?.length ?? 0);
    events.push(
      { type: CREATED, path },
      { type: CHILDREN_CHANGED, path: parentPath === "" ? "/" : parentPath },
    );
    return { err: 0, path, events: NONE };
  }

  /**
   * Snapshots may hold a child that a transaction behind them creates once more; then the parent's counter is behind.
   *
   * Source: ZooKeeper 3.4.6, DataTree.java, setCversionPzxid
   */
  private catchUp(parent: DataNode, parentCVersion: number, zxid: bigint): void {
    const next = parentCVersion === -1 ? (parent.stat.cversion + 1) | 0 : parentCVersion;
    if (next <= parent.stat.cversion) return;
    parent.stat.cversion = next;
    parent.stat.pzxid = zxid;
  }

  private delete(path: string, zxid: bigint, events: TreeEvent[]): number {
    const [parentPath, name] = splitPath(path);
    const node = this.nodes.get(path);
    if (node === undefined) return NO_NODE;
    this.nodes.delete(path);
    const parent = this.nodes.get(parentPath);
    if (parent === undefined) return NO_NODE;
    parent.children?.delete(name);
    parent.stat.pzxid = zxid;
    this.ephemerals.get(node.stat.ephemeralOwner)?.delete(path);
    this.quotas.deleted(path, node.data?.length ?? 0);
    events.push(
      { type: DELETED, path },
      { type: CHILDREN_CHANGED, path: parentPath === "" ? "/" : parentPath },
    );
    return 0;
  }

  private setData(header: TxnHeader, txn: Txn & { type: "setData" }, events: TreeEvent[]): TxnOutcome {
    const { path, data } = txn;
    const node = this.nodes.get(path);
    if (node === undefined) return { err: NO_NODE, path, events: NONE };
    const bytesMore = (data?.length ?? 0) - (node.data?.length ?? 0);
    node.data = data;
    node.stat.mtime = BigInt(Math.trunc(header.timeMs));
    node.stat.mzxid = header.zxid;
    node.stat.version = txn.version;
    const stat = node.copyStat();
    this.quotas.resized(path, bytesMore);
    events.push({ type: DATA_CHANGED, path });
    return { err: 0, path, stat, events: NONE };
  }

  /** As soon as one part is an error all of them are: 0 before the first, their own or -2 from there on. */
  private multi(header: TxnHeader, parts: readonly Txn[], events: TreeEvent[]): TxnOutcome {
    const isFailed = parts.some((part) => part.type === "error");
    let isBehind = false;
    let err = 0;
    const outcomes: TxnOutcome[] = [];
    for (const part of parts) {
      if (part.type === "error") isBehind = true;
      const done: Txn =
        isFailed && part.type !== "error"
          ? { type: "error", err: isBehind ? RUNTIME_INCONSISTENCY : 0 }
          : part;
      const outcome = this.process(header, done, events);
      outcomes.push(outcome);
      if (err === 0) err = outcome.err;
    }
    return { err, parts: outcomes, events: NONE };
  }

  private closeSession(header: TxnHeader, events: TreeEvent[]): void {
    this.timeouts.delete(header.sessionId);
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

function newStat(header: TxnHeader, ephemeralOwner: bigint): StoredStat {
  const time = BigInt(Math.trunc(header.timeMs));
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

/** Parent and name; the parent of `/a` is "". */
function splitPath(path: string): [parent: string, name: string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
}

const NONE: readonly TreeEvent[] = [];
const CREATED = 1;
const DELETED = 2;
const DATA_CHANGED = 3;
const CHILDREN_CHANGED = 4;
const NO_NODE = errorCode("NO_NODE");
const NODE_EXISTS = errorCode("NODE_EXISTS");
const RUNTIME_INCONSISTENCY = errorCode("RUNTIME_INCONSISTENCY");
