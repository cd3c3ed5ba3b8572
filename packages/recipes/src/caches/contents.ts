/**
 * The znodes of a cache: takes in what was read, and tells what that changed.
 *
 * Rules:
 * - What is older than what is known is not taken in.
 * - Another `czxid` is another znode, whatever its version says.
 * - A znode is told before those below it, and gone after them.
 */
import type { Stat } from "@zk/client";
import { childPath, directoryOf, nameOf } from "../core/paths.js";
import type { Role, Shape } from "./shape.js";
import type { CachedNode, NodeChange } from "./types.js";

interface Entry {
  readonly role: Role;
  czxid: bigint;
  mzxid: bigint;
  /** As of the last list. */
  pzxid: bigint;
  /** The children that are of the shape, as of the last list, each with the load for which it was asked for last. */
  readonly children: Map<string, number>;
}

/** What a reply means for what is to be read. */
export type Learned =
  /** Nothing more is to be read. */
  | "fine"
  /** The children are not known: they are to be listed. */
  | "new"
  /** The reply is of another znode than the one that is known: both are to be read again. */
  | "mixed"
  /** There are more znodes than there may be. */
  | "full";

/** Where contents tell what happens to them. */
export interface ContentsListener {
  changed(change: NodeChange): void;
  /** A path that is not looked at any more. */
  forgotten(path: string): void;
}

/** See the head of this file. */
export class Contents {
  /** What users see. */
  readonly nodes: Map<string, CachedNode> = new Map();
  readonly root: string;
  readonly #shape: Shape;
  readonly #nodesMax: number;
  readonly #listener: ContentsListener;
  readonly #entries = new Map<string, Entry>();
  readonly #rootRole: Role;
  #zxid = 0n;
  #revision = 0;

  constructor(root: string, shape: Shape, nodesMax: number, listener: ContentsListener) {
    this.root = root;
    this.#shape = shape;
    this.#nodesMax = nodesMax;
    this.#listener = listener;
    this.#rootRole = shape.roleOf("");
  }

  /** The newest transaction that was taken in. */
  get zxid(): bigint {
    return this.#zxid;
  }

  /** Changes with anything that users see. */
  get revision(): number {
    return this.#revision;
  }

  /** Every path that is looked at. */
  get paths(): Iterable<string> {
    return this.#entries.keys();
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  roleOf(path: string): Role {
    if (path === this.root) return this.#rootRole;
    return this.#entries.get(path)?.role ?? this.#shape.roleOf(this.#relative(path));
  }

  /** Whether anybody wants to know of the path: it is the root, or a child that was listed. */
  wants(path: string): boolean {
    return path === this.root || this.#entries.get(directoryOf(path))?.children.has(nameOf(path)) === true;
  }

  /** Names of a znode's children that are of the shape; undefined when there is no such znode. */
  childrenOf(path: string): Iterable<string> | undefined {
    return this.#entries.get(path)?.children.keys();
  }

  /** Takes in the stat and data of a znode that is to be kept. */
  learnNode(path: string, data: Uint8Array | null, stat: Stat): Learned {
    const entry = this.#entries.get(path);
    if (entry !== undefined && stat.mzxid < entry.mzxid) return "fine";
    const node: CachedNode = { path, data, stat };
    const previous = this.nodes.get(path);
    if (entry === undefined || entry.czxid !== stat.czxid) {
      if (!this.#enter(path, stat)) return "full";
      this.#show(node, stat.mzxid);
      if (previous === undefined) this.#listener.changed({ type: "created", path, node });
      else this.#listener.changed({ type: "recreated", path, node, previous });
      return "new";
    }
    this.#show(node, stat.mzxid);
    const isChange = previous === undefined || previous.stat.mzxid !== stat.mzxid;
    entry.mzxid = stat.mzxid;
    if (previous === undefined) this.#listener.changed({ type: "created", path, node });
    else if (isChange) this.#listener.changed({ type: "changed", path, node, previous });
    return "fine";
  }

  /**
   * Takes in a list of children.
   *
   * @param load which load it belongs to: children that were not asked for in it are to be read, known or not
   * @returns the children to read
   */
  learnChildren(
    path: string,
    names: readonly string[],
    stat: Stat,
    load: number,
  ): { readonly learned: Learned; readonly read: readonly string[] } {
    let entry = this.#entries.get(path);
    const { keep } = this.roleOf(path);
    if (entry !== undefined && stat.pzxid < entry.pzxid) return { learned: "fine", read: [] };
    if (entry?.czxid !== stat.czxid) {
      // Whoever is to be seen is told by its own read, before its children are.
      if (keep) return { learned: "mixed", read: [] };
      if (!this.#enter(path, stat)) return { learned: "full", read: [] };
      entry = this.#entries.get(path);
    }
    if (entry === undefined) return { learned: "mixed", read: [] };
    entry.pzxid = stat.pzxid;
    const node = this.nodes.get(path);
    // The data has not changed: that the stat did is no news, but those who look shall see it.
    if (node?.stat.mzxid === stat.mzxid) this.#show({ ...node, stat }, stat.pzxid);
    else this.#see(stat.pzxid);
    return { learned: "fine", read: this.#list(path, entry, names, load) };
  }

  /** The znode is gone, and everything below it. */
  forget(path: string): void {
    if (path !== this.root) this.#entries.get(directoryOf(path))?.children.delete(nameOf(path));
    const entry = this.#entries.get(path);
    if (entry !== undefined) {
      this.#forgetChildren(path, entry);
      this.#entries.delete(path);
    }
    const previous = this.nodes.get(path);
    if (this.nodes.delete(path) && previous !== undefined) {
      this.#revision += 1;
      this.#listener.changed({ type: "deleted", path, previous });
    }
    this.#listener.forgotten(path);
  }

  /** Gives everything up without a word. */
  clear(): void {
    this.#entries.clear();
    this.nodes.clear();
  }

  /** A znode that was not known, or another in its place. */
  #enter(path: string, stat: Stat): boolean {
    const before = this.#entries.get(path);
    if (before === undefined && this.#entries.size >= this.#nodesMax) return false;
    if (before !== undefined) this.#forgetChildren(path, before);
    const { czxid, mzxid } = stat;
    this.#entries.set(path, {
      role: before?.role ?? this.roleOf(path),
      czxid,
      mzxid,
      pzxid: -1n,
      children: new Map(),
    });
    return true;
  }

  #list(path: string, entry: Entry, names: readonly string[], load: number): string[] {
    const now = new Set(names);
    for (const name of [...entry.children.keys()]) if (!now.has(name)) this.forget(childPath(path, name));
    const read: string[] = [];
    for (const name of names) {
      if (entry.children.get(name) === load) continue;
      const child = childPath(path, name);
      const { keep, descend } = this.roleOf(child);
      if (!keep && !descend) continue;
      entry.children.set(name, load);
      read.push(child);
    }
    return read;
  }

  #forgetChildren(path: string, entry: Entry): void {
    for (const name of [...entry.children.keys()]) this.forget(childPath(path, name));
  }

  #show(node: CachedNode, zxid: bigint): void {
    this.nodes.set(node.path, node);
    this.#see(zxid);
    this.#revision += 1;
  }

  #see(zxid: bigint): void {
    if (zxid > this.#zxid) this.#zxid = zxid;
  }

  #relative(path: string): string {
    return this.root === "/" ? path.slice(1) : path.slice(this.root.length + 1);
  }
}
