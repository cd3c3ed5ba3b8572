/**
 * The client's memory of its persistent watches, which servers from 3.6.0 on have: who is told of everything at a path, or at
 * and below it, for as long as the connection lasts.
 *
 * They are not set again on the next connection. What changes in between is not told of by any server, so whoever keeps one has
 * to read anew then, and sets it again in the same breath; and a request to set them again (SetWatches2) costs the connection to
 * a server that does not know it, over and over in an ensemble of two versions.
 *
 * Source: ZooKeeper 3.9.3, WatchManager.java (triggerWatch), ZKWatchManager.java (materialize) and AddWatchMode.java
 */
import { WatchEventType } from "@zk/protocol";
import type { Watcher } from "./watch-table.js";

/** The very path, or everything at and below it. */
export type PersistentKind = "persistent" | "persistentRecursive";

interface Standing {
  readonly kind: PersistentKind;
  readonly watchers: Set<Watcher>;
}

/** Watchers by path. A path has one kind at a time: a server keeps one mode for a connection and a path. */
export class PersistentWatches {
  readonly #byPath = new Map<string, Standing>();
  #size = 0;
  #recursive = 0;

  /** How many (watcher, path) pairs stand. */
  get size(): number {
    return this.#size;
  }

  /** The kind that stands at a path. */
  kindAt(path: string): PersistentKind | undefined {
    return this.#byPath.get(path)?.kind;
  }

  add(kind: PersistentKind, path: string, watcher: Watcher): void {
    let standing = this.#byPath.get(path);
    if (standing === undefined) {
      standing = { kind, watchers: new Set() };
      this.#byPath.set(path, standing);
      if (kind === "persistentRecursive") this.#recursive += 1;
    }
    this.#size -= standing.watchers.size;
    standing.watchers.add(watcher);
    this.#size += standing.watchers.size;
  }

  /**
   * Who hears of an event, each once. Recursive ones are told of no children: a server sends such an event only for a one-shot
   * watch further down.
   */
  heard(type: number, path: string): Watcher[] {
    const exact = this.#byPath.get(path);
    const ofChildren = type === WatchEventType.NodeChildrenChanged;
    const told = new Set(exact?.kind === "persistent" || !ofChildren ? exact?.watchers : undefined);
    if (this.#recursive === 0 || ofChildren) return [...told];
    for (let above = parentOf(path); above !== undefined; above = parentOf(above)) {
      const standing = this.#byPath.get(above);
      if (standing?.kind !== "persistentRecursive") continue;
      for (const watcher of standing.watchers) told.add(watcher);
    }
    return [...told];
  }

  /** Forgets a watcher at a path. */
  remove(path: string, watcher: Watcher): void {
    const standing = this.#byPath.get(path);
    if (standing?.watchers.delete(watcher) !== true) return;
    this.#size -= 1;
    if (standing.watchers.size === 0) this.#drop(path, standing);
  }

  /** Takes everybody out at a path. */
  takeAt(path: string): Watcher[] {
    const standing = this.#byPath.get(path);
    if (standing === undefined) return [];
    this.#size -= standing.watchers.size;
    this.#drop(path, standing);
    return [...standing.watchers];
  }

  /** Takes everybody out. */
  clear(): Watcher[] {
    return [...this.#byPath.keys()].flatMap((path) => this.takeAt(path));
  }

  #drop(path: string, { kind }: Standing): void {
    this.#byPath.delete(path);
    if (kind === "persistentRecursive") this.#recursive -= 1;
  }
}

/** Undefined above the root. */
function parentOf(path: string): string | undefined {
  if (path === "/") return undefined;
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}
