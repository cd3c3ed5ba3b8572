/**
 * The client's memory of its one-shot watches: which watcher waits for what at which path.
 *
 * The server keeps watches per connection and forgets them with it; this table is what re-arms them on the next one.
 * Three kinds are told apart because the server treats them differently when they are set again: `data` (set by
 * getData, or by exists on a node that is there), `exist` (set by exists on a node that is missing) and `child`.
 *
 * Source: ZooKeeper 3.4.6, ZooKeeper.java (ZKWatchManager.materialize) and DataTree.java (setWatches).
 */
import { type SetWatches, WatchEventType } from "@zk/protocol";

/** The table in which a watch stands. */
export type WatchKind = "data" | "exist" | "child";

/** Whoever is to be told; compared by identity, so one watcher set twice at a path is told once. */
export type Watcher = object;

/** Upper bound of the payload of one SetWatches frame, in bytes: 128 KiB, far below the server's frame limit. */
export const SET_WATCHES_BYTES_MAX: number = 128 * 1024;

// Request header (8), relativeZxid (8), three vector counts (12).
const SET_WATCHES_FIXED_BYTES = 28;

/**
 * How many bytes more a lone path takes in SetWatches than in the read that set the watch: the fixed part, against a
 * header (8) and a flag (1).
 */
export const REARM_OVERHEAD_BYTES: number = SET_WATCHES_FIXED_BYTES - 9;

/** From here on a path's watchers are kept in a set: finding one among many by looking at each would be slow. */
const MANY_WATCHERS = 16;
const KINDS: readonly WatchKind[] = ["data", "exist", "child"];
const DATA_KINDS: readonly WatchKind[] = ["data", "exist"];
const CHILD_KINDS: readonly WatchKind[] = ["child"];

/** The watchers of one path, in the order in which they were set. Mostly there is one, so a list is the small form. */
type Watchers = Watcher[] | Set<Watcher>;

/** Watchers by kind and path. */
export class WatchTable {
  readonly #tables: Record<WatchKind, Map<string, Watchers>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };
  #size = 0;

  /** How many (watcher, kind, path) triples stand. */
  get size(): number {
    return this.#size;
  }

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    const table = this.#tables[kind];
    const watchers = table.get(path);
    if (watchers === undefined) table.set(path, [watcher]);
    else if (holds(watchers, watcher)) return;
    else if (watchers instanceof Set) watchers.add(watcher);
    else if (watchers.length < MANY_WATCHERS) watchers.push(watcher);
    else table.set(path, new Set([...watchers, watcher]));
    this.#size += 1;
  }

  /**
   * Takes out the watchers that an event of `type` at `path` uses up, each once, in the order in which they were set.
   * An event with no watchers left is normal: both lists of a re-arm can report one deletion.
   */
  take(type: number, path: string): Watcher[] {
    switch (type) {
      case WatchEventType.NodeCreated:
      case WatchEventType.NodeDataChanged:
        return this.#takeFrom(DATA_KINDS, path);
      case WatchEventType.NodeChildrenChanged:
        return this.#takeFrom(CHILD_KINDS, path);
      case WatchEventType.NodeDeleted:
        return this.#takeFrom(KINDS, path);
      default:
        return [];
    }
  }

  /** Whether any watcher stands at the very path. */
  standsAt(path: string): boolean {
    return KINDS.some((kind) => this.#tables[kind].has(path));
  }

  /** Forgets a watcher at a path. The server keeps its side; its later event finds nobody and is dropped. */
  remove(path: string, watcher: Watcher): void {
    for (const kind of KINDS) {
      const table = this.#tables[kind];
      const watchers = table.get(path);
      if (watchers === undefined || !holds(watchers, watcher)) continue;
      if (watchers instanceof Set) watchers.delete(watcher);
      else watchers.splice(watchers.indexOf(watcher), 1);
      this.#size -= 1;
      if (sizeOf(watchers) === 0) table.delete(path);
    }
  }

  /** Empties the table and gives every watcher with its paths, for the last word at the end of a session. */
  clear(): { readonly path: string; readonly watcher: Watcher }[] {
    const all: { path: string; watcher: Watcher }[] = [];
    for (const [place, kind] of KINDS.entries()) {
      const earlier = KINDS.slice(0, place);
      for (const [path, watchers] of this.#tables[kind]) {
        for (const watcher of watchers) {
          // A watcher set in two tables at one path is told once.
          if (!this.#stands(earlier, path, watcher)) all.push({ path, watcher });
        }
      }
    }
    for (const kind of KINDS) this.#tables[kind].clear();
    this.#size = 0;
    return all;
  }

  /**
   * The SetWatches requests that arm everything again, each with a payload of at most `bytesMax` bytes (a single path
   * longer than that gets a request of its own). All carry the same `relativeZxid`: one consistent snapshot.
   */
  *rearm(relativeZxid: bigint, bytesMax: number = SET_WATCHES_BYTES_MAX): Generator<SetWatches> {
    let chunk = emptyChunk();
    let bytes = SET_WATCHES_FIXED_BYTES;
    let count = 0;
    for (const kind of KINDS) {
      for (const path of this.#tables[kind].keys()) {
        const added = 4 + utf8Length(path);
        if (count > 0 && bytes + added > bytesMax) {
          yield toRecord(relativeZxid, chunk);
          chunk = emptyChunk();
          bytes = SET_WATCHES_FIXED_BYTES;
          count = 0;
        }
        chunk[kind].push(path);
        bytes += added;
        count += 1;
      }
    }
    if (count > 0) yield toRecord(relativeZxid, chunk);
  }

  #stands(kinds: readonly WatchKind[], path: string, watcher: Watcher): boolean {
    return kinds.some((kind) => {
      const watchers = this.#tables[kind].get(path);
      return watchers !== undefined && holds(watchers, watcher);
    });
  }

  #takeFrom(kinds: readonly WatchKind[], path: string): Watcher[] {
    let taken: Watchers | undefined;
    for (const kind of kinds) {
      const watchers = this.#tables[kind].get(path);
      if (watchers === undefined) continue;
      this.#tables[kind].delete(path);
      this.#size -= sizeOf(watchers);
      taken = taken === undefined ? watchers : new Set([...taken, ...watchers]);
    }
    if (taken === undefined) return [];
    return taken instanceof Set ? [...taken] : taken;
  }
}

function holds(watchers: Watchers, watcher: Watcher): boolean {
  return watchers instanceof Set ? watchers.has(watcher) : watchers.includes(watcher);
}

function sizeOf(watchers: Watchers): number {
  return watchers instanceof Set ? watchers.size : watchers.length;
}

function emptyChunk(): Record<WatchKind, string[]> {
  return { data: [], exist: [], child: [] };
}

function toRecord(relativeZxid: bigint, chunk: Record<WatchKind, string[]>): SetWatches {
  return { relativeZxid, dataWatches: chunk.data, existWatches: chunk.exist, childWatches: chunk.child };
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // Surrogates cannot stand in a path; counted as three bytes each they only overestimate.
    if (unit > 0x7f) bytes += unit > 0x7ff ? 2 : 1;
  }
  return bytes;
}
