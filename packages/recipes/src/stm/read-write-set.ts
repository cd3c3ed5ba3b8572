/**
 * What a software transaction has read and what it wants to write, and the operations that prove the one and do the other.
 *
 * Proofs, all in the same transaction of the server:
 * - A znode that was read has the version that it had.
 * - A znode that was not there is not there: it is created and removed again. Where its parent is missing as well, that is done to
 *   the highest of its ancestors that is missing.
 */
import type { Acl, Data, Stat, Transaction } from "@zk/client";
import { directoryOf } from "../core/paths.js";
import { RecipeError } from "../errors.js";

/** What was read at a path; null when there was nothing. */
export type Seen = { readonly data: Uint8Array | null; readonly stat: Stat } | null;

/** What is to be at a path. */
export type Wanted =
  | { readonly type: "write"; readonly data: Data; readonly acl: readonly Acl[] | undefined }
  | { readonly type: "remove" };

/** See the head of this file. */
export class ReadWriteSet {
  /** What was read, by the caller or to know how to write. */
  readonly seen: Map<string, Seen> = new Map();
  readonly wanted: Map<string, Wanted> = new Map();
  /** What the caller has read, and so depends on. */
  readonly #dependencies = new Set<string>();

  /** The caller depends on what was seen at the path. */
  depend(path: string): void {
    this.#dependencies.add(path);
  }

  /** How many paths the caller depends on. */
  get dependencies(): number {
    return this.#dependencies.size;
  }

  /** Whether anything is to be written that is not so already. */
  get writes(): boolean {
    return this.#changes().length > 0;
  }

  /**
   * Paths that are still to be read before the operations can be made: what is to be written, and what is above that which is
   * missing.
   */
  get unread(): readonly string[] {
    const unread = new Set<string>();
    for (const path of [...this.#dependencies, ...this.wanted.keys()]) {
      let each = path;
      while (this.seen.get(each) === null && each !== "/") each = directoryOf(each);
      if (!this.seen.has(each)) unread.add(each);
    }
    return [...unread];
  }

  /**
   * Adds the operations.
   * @throws RecipeError REFUSED for a znode whose version cannot be asked for, and where not even the client's root is there
   */
  addTo(transaction: Transaction): Transaction {
    if (this.seen.get("/") === null) throw refused("/", "the znode that is the client's root does not exist");
    const changes = this.#changes();
    const written = new Set(changes.map(({ path }) => path));
    const made = this.#missingParents(changes);
    let grown = transaction;
    const add = (next: Transaction<never>): void => {
      grown = next as unknown as Transaction;
    };
    const absences = new Set<string>();
    for (const path of this.#dependencies) {
      const seen = this.seen.get(path);
      if (seen === null) absences.add(this.#highestMissing(path));
      else if (seen !== undefined && !written.has(path)) {
        add(grown.check(path, { version: versionOf(path, seen.stat) }) as Transaction<never>);
      }
    }
    for (const path of absences) {
      // What is created anyway proves it by that.
      if (written.has(path) || made.includes(path)) continue;
      add(grown.create(path) as Transaction<never>);
      add(grown.remove(path) as Transaction<never>);
    }
    const removals = changes.filter(({ wanted }) => wanted.type === "remove");
    for (const { path, seen } of removals.sort((a, b) => depthOf(b.path) - depthOf(a.path))) {
      if (seen !== null) {
        add(grown.remove(path, { version: versionOf(path, seen.stat) }) as Transaction<never>);
      }
    }
    for (const path of made) add(grown.create(path) as Transaction<never>);
    for (const { path, seen, wanted } of changes.sort((a, b) => depthOf(a.path) - depthOf(b.path))) {
      if (wanted.type === "remove") continue;
      if (seen === null) {
        const acl = wanted.acl === undefined ? {} : { acl: wanted.acl };
        add(grown.create(path, wanted.data, acl) as Transaction<never>);
      } else {
        add(grown.setData(path, wanted.data, { version: versionOf(path, seen.stat) }) as Transaction<never>);
      }
    }
    return grown;
  }

  /** What is to be written and is not so already, with what was seen there. */
  #changes(): { readonly path: string; readonly seen: Seen; readonly wanted: Wanted }[] {
    const changes: { readonly path: string; readonly seen: Seen; readonly wanted: Wanted }[] = [];
    for (const [path, wanted] of this.wanted) {
      const seen = this.seen.get(path) ?? null;
      if (wanted.type === "write" || seen !== null) changes.push({ path, seen, wanted });
    }
    return changes;
  }

  /** Ancestors that are to be created, the highest first. */
  #missingParents(changes: readonly { readonly path: string; readonly wanted: Wanted }[]): string[] {
    const missing = new Set<string>();
    for (const { path, wanted } of changes) {
      if (wanted.type === "remove") continue;
      for (let each = directoryOf(path); this.seen.get(each) === null; each = directoryOf(each)) {
        if (this.wanted.get(each)?.type !== "write") missing.add(each);
      }
    }
    return [...missing].sort((a, b) => depthOf(a) - depthOf(b));
  }

  #highestMissing(path: string): string {
    let highest = path;
    while (this.seen.get(directoryOf(highest)) === null) highest = directoryOf(highest);
    return highest;
  }
}

function depthOf(path: string): number {
  return path.split("/").length;
}

function versionOf(path: string, { version }: Stat): number {
  if (version !== -1) return version;
  // After 2^32 writes. To a server -1 means any version.
  throw refused(path, "its version is -1 now, which a server takes for any; write to it once by other means");
}

function refused(path: string, message: string): RecipeError {
  return new RecipeError({ code: "REFUSED", message, recipe: "atomically", path });
}
