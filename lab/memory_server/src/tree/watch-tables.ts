/**
 * Who waits for what on one server: a table of data watches, which exists watches are in too, and one of child watches.
 * A watcher is the number of a connection. A watch tells once and is gone.
 *
 * Source: ZooKeeper 3.4.6, WatchManager.java; DataTree.java, setWatches
 */
import { type SetWatches, WatchEventType } from "@zk/protocol";
import type { DataTree } from "./data-tree.js";
import { JavaHashSet } from "./java-hash-set.js";
import type { TreeEvent } from "./txn.js";

/** The watches of one server. */
export class WatchTables {
  private readonly data = new WatchTable();
  private readonly child = new WatchTable();

  /** Leaves a watch. One more of the same kind on the same path changes nothing. */
  add(kind: "data" | "child", path: string, connection: number): void {
    (kind === "data" ? this.data : this.child).add(path, connection);
  }

  /**
   * Uses up the watches an event concerns.
   *
   * @returns whom to tell, each connection once, those of data watches first
   */
  fire(event: TreeEvent): readonly number[] {
    switch (event.type) {
      case WatchEventType.NodeCreated:
      case WatchEventType.NodeDataChanged:
        return this.data.take(event.path);
      case WatchEventType.NodeChildrenChanged:
        return this.child.take(event.path);
      case WatchEventType.NodeDeleted: {
        const told = this.data.take(event.path);
        const more = this.child.take(event.path);
        if (told.length === 0) return more;
        return more.length === 0 ? told : [...new Set([...told, ...more])];
      }
      default:
        return [];
    }
  }

  /** Forgets all watches of a connection: it is gone. */
  remove(connection: number): void {
    this.data.remove(connection);
    this.child.remove(connection);
  }

  /**
   * What setWatches does: registers the watches whose znodes did not change since the client last heard of them.
   *
   * @returns what the client is to be told at once about the others, in order. A znode that was deleted and is back, or
   * was created and is gone again, leaves no trace: its watch waits on
   */
  rearm(connection: number, tree: DataTree, watches: SetWatches): readonly TreeEvent[] {
    const events: TreeEvent[] = [];
    const { relativeZxid } = watches;
    for (const path of watches.dataWatches) {
      const node = tree.node(path);
      if (node === undefined) events.push({ type: WatchEventType.NodeDeleted, path });
      else if (node.stat.mzxid > relativeZxid) events.push({ type: WatchEventType.NodeDataChanged, path });
      else this.data.add(path, connection);
    }
    for (const path of watches.existWatches) {
      if (tree.node(path) !== undefined) events.push({ type: WatchEventType.NodeCreated, path });
      else this.data.add(path, connection);
    }
    for (const path of watches.childWatches) {
      const node = tree.node(path);
      if (node === undefined) events.push({ type: WatchEventType.NodeDeleted, path });
      else if (node.stat.pzxid > relativeZxid) {
        events.push({ type: WatchEventType.NodeChildrenChanged, path });
      } else this.child.add(path, connection);
    }
    return events;
  }

  /** All watches, of both tables: `zk_watch_count` of `mntr`. */
  get total(): number {
    return this.data.total + this.child.total;
  }

  /** Data watches alone: the total that `wchs` shows. */
  get dataTotal(): number {
    return this.data.total;
  }

  /** Paths with a data watch: what `wchs` shows. */
  get pathCount(): number {
    return this.data.paths.size;
  }

  /** Connections that ever left a data watch, and are still there, even if all are used up: what `wchs` shows. */
  get connectionCount(): number {
    return this.data.byConnection.size;
  }

  /** Data watches, which are all that `wchc` shows; a connection whose watches are used up stays, with none. */
  byConnection(): ReadonlyMap<number, readonly string[]> {
    return new Map([...this.data.byConnection].map(([connection, paths]) => [connection, paths.toArray()]));
  }

  /** Data watches, which are all that `wchp` shows, in its order of paths. */
  byPath(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.data.paths].map((path) => [path, [...this.data.watchersOf(path)]]));
  }
}

class WatchTable {
  /** Every path with a watch, in the order of the server's table. */
  readonly paths = new JavaHashSet();
  readonly byConnection = new Map<number, JavaHashSet>();
  total = 0;
  private readonly watchers = new Map<string, Set<number>>();

  add(path: string, connection: number): void {
    let watchers = this.watchers.get(path);
    if (watchers === undefined) {
      watchers = new Set();
      this.watchers.set(path, watchers);
      this.paths.add(path);
    }
    if (!watchers.has(connection)) this.total++;
    watchers.add(connection);
    let paths = this.byConnection.get(connection);
    if (paths === undefined) {
      paths = new JavaHashSet();
      this.byConnection.set(connection, paths);
    }
    paths.add(path);
  }

  take(path: string): readonly number[] {
    const watchers = this.watchers.get(path);
    if (watchers === undefined) return [];
    this.forget(path);
    this.total -= watchers.size;
    for (const connection of watchers) this.byConnection.get(connection)?.delete(path);
    return [...watchers];
  }

  remove(connection: number): void {
    const paths = this.byConnection.get(connection);
    if (paths === undefined) return;
    this.byConnection.delete(connection);
    for (const path of paths) {
      const watchers = this.watchers.get(path);
      if (watchers?.delete(connection) === true) this.total--;
      if (watchers?.size === 0) this.forget(path);
    }
  }

  watchersOf(path: string): Iterable<number> {
    return this.watchers.get(path) ?? [];
  }

  private forget(path: string): void {
    this.watchers.delete(path);
    this.paths.delete(path);
  }
}
