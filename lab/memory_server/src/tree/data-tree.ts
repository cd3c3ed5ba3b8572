/**
 * The znodes of one server, and what transactions do to them.
 *
 * The root is there under two names, "" and "/", as it is on a real server: `parent of /a` is "", and requests may name
 * either. Everything that counts znodes counts it twice.
 *
 * Source: ZooKeeper 3.4.6, DataTree.java
 */
import { type Acl, errorCode, type Stat } from "@zk/protocol";
import type { DataNode } from "./data-node.js";
import { readSnapshot, writeSnapshot } from "./tree-snapshot.js";
import type { TreeEvent, Txn, TxnHeader, TxnOutcome } from "./txn.js";
import { type Change, ZnodeStore } from "./znode-store.js";

/** One replica of the tree. */
export class DataTree {
  /** Of the last transaction that was applied, errors too. */
  lastZxid = 0n;
  private store: ZnodeStore = ZnodeStore.original();
  private readonly timeouts = new Map<bigint, number>();

  /**
   * Applies a transaction; the same ones in the same order give the same tree on every server. Never throws.
   *
   * @param header its zxid must be above `lastZxid`; a lower one changes the tree but not `lastZxid`
   */
  apply(header: TxnHeader, txn: Txn): TxnOutcome {
    const events: TreeEvent[] = [];
    return { ...this.process(header, txn, events), events };
  }

  /** What clients are told of a znode; undefined when it does not exist. */
  stat(path: string): Stat | undefined {
    return this.node(path)?.copyStat();
  }

  /** Data of a znode, which may be null; undefined when it does not exist. Not to be changed. */
  data(path: string): Uint8Array | null | undefined {
    return this.node(path)?.data;
  }

  /** Names of the children, in the order in which a server lists them; undefined when the znode does not exist. */
  children(path: string): readonly string[] | undefined {
    const node = this.node(path);
    return node === undefined ? undefined : (node.children?.toArray() ?? []);
  }

  /** Access control list of a znode; undefined when it does not exist. */
  acl(path: string): readonly Acl[] | undefined {
    return this.node(path)?.acl;
  }

  /** Paths of the znodes that go away with a session. */
  ephemeralsOf(sessionId: bigint): readonly string[] {
    return this.store.ephemerals.get(sessionId)?.toArray() ?? [];
  }

  /** Sessions that own a znode, or once owned one and are not closed: what the word `dump` lists. */
  get ephemeralOwners(): Iterable<bigint> {
    return this.store.ephemerals.keys();
  }

  /** Sessions by id, with their timeouts in ms. */
  get sessions(): ReadonlyMap<bigint, number> {
    return this.timeouts;
  }

  /** How many znodes there are as `srvr` and `mntr` count them: 4 in a fresh tree, as the root counts twice. */
  get size(): number {
    return this.store.nodes.size;
  }

  /** Approximate bytes of the tree as `mntr` counts them: lengths of paths and of data, anew at each call. */
  get dataBytes(): number {
    let bytes = 0;
    for (const [path, node] of this.store.nodes) bytes += path.length + (node.data?.length ?? 0);
    return bytes;
  }

  /** How many ephemeral znodes there are. */
  get ephemeralCount(): number {
    let count = 0;
    for (const paths of this.store.ephemerals.values()) count += paths.size;
    return count;
  }

  /** Everything above as bytes. */
  snapshot(): Uint8Array {
    return writeSnapshot({ lastZxid: this.lastZxid, sessions: this.timeouts, nodes: this.store.nodes });
  }

  /**
   * The tree of a {@link DataTree.snapshot}. As on a real server, children may be listed in another order afterwards.
   *
   * @throws SnapshotError `SNAPSHOT_INVALID` when the bytes are no snapshot
   */
  static restore(bytes: Uint8Array): DataTree {
    const { lastZxid, sessions, nodes, root } = readSnapshot(bytes);
    const tree = new DataTree();
    tree.store = ZnodeStore.of(nodes, root);
    for (const [id, timeoutMs] of sessions) tree.timeouts.set(id, timeoutMs);
    tree.lastZxid = lastZxid;
    return tree;
  }

  /** The znode itself, for the preparer, which looks at it as long as no change of it is under way. Not to be changed. */
  node(path: string): DataNode | undefined {
    return this.store.nodes.get(path);
  }

  private process(header: TxnHeader, txn: Txn, events: TreeEvent[]): Change {
    const change = this.change(header, txn, events);
    if (header.zxid > this.lastZxid) this.lastZxid = header.zxid;
    return change;
  }

  private change(header: TxnHeader, txn: Txn, events: TreeEvent[]): Change {
    switch (txn.type) {
      case "create":
        return this.store.create(header, txn, events);
      case "delete":
        return this.store.delete(txn.path, header.zxid, events);
      case "setData":
        return this.store.setData(header, txn, events);
      case "setACL":
        return this.store.setAcl(txn);
      case "check":
        return { err: 0, path: txn.path };
      case "multi":
        return this.multi(header, txn.parts, events);
      case "error":
        return { err: txn.err };
      case "createSession":
        this.timeouts.set(header.sessionId, txn.timeoutMs);
        return { err: 0 };
      case "closeSession":
        this.timeouts.delete(header.sessionId);
        this.store.closeSession(header, events);
        return { err: 0 };
    }
  }

  /** As soon as one part is an error all of them are: 0 before the first, their own or -2 from there on. */
  private multi(header: TxnHeader, parts: readonly Txn[], events: TreeEvent[]): Change {
    const isFailed = parts.some((part) => part.type === "error");
    let isBehind = false;
    let err = 0;
    const outcomes: TxnOutcome[] = [];
    for (const part of parts) {
      if (part.type === "error") isBehind = true;
      const isUndone = isFailed && part.type !== "error";
      const done: Txn = isUndone ? { type: "error", err: isBehind ? RUNTIME_INCONSISTENCY : 0 } : part;
      const change = this.process(header, done, events);
      outcomes.push({ ...change, events: NONE });
      if (err === 0) err = change.err;
    }
    return { err, parts: outcomes };
  }
}

const NONE: readonly TreeEvent[] = [];
const RUNTIME_INCONSISTENCY = errorCode("RUNTIME_INCONSISTENCY");
