/** What a cache shows and tells. */
import type { Stat } from "@zk/client";

/** A znode as it was read. Its bytes are shared by all who look at them: do not change them. */
export interface CachedNode {
  readonly path: string;
  /** Null for a znode without data, and in a cache without data. */
  readonly data: Uint8Array | null;
  /**
   * Of the last read. Where children are not watched (at the deepest level), what it says of children is as old as the data.
   */
  readonly stat: Stat;
}

/** What happened to one znode. */
export type NodeChange =
  | { readonly type: "created"; readonly path: string; readonly node: CachedNode }
  | {
      /** The data was written. It may be the same as before. */
      readonly type: "changed";
      readonly path: string;
      readonly node: CachedNode;
      readonly previous: CachedNode;
    }
  | {
      /**
       * It was removed and another of its name created, and both are learned at once; else they are told one by one. What was
       * below it has been told as deleted before.
       */
      readonly type: "recreated";
      readonly path: string;
      readonly node: CachedNode;
      readonly previous: CachedNode;
    }
  | { readonly type: "deleted"; readonly path: string; readonly previous: CachedNode };

/** What a cache tells. */
export type CacheChange =
  | NodeChange
  | {
      /** Everything that there was is in the cache: after the first load, and whenever it has caught up after a lost connection. */
      readonly type: "synced";
      readonly zxid: bigint;
    }
  | {
      /** The connection is lost or in doubt: until the next `synced` the cache may be behind. */
      readonly type: "stale";
    };

/** What a stream of changes tells when its reader was too slow: take the snapshot, and go on from there. */
export interface CacheOverflow {
  readonly type: "overflow";
  /** How many changes are left out. */
  readonly dropped: number;
  /** What is in the cache now. Every change after it is told. */
  readonly snapshot: CacheSnapshot;
}

/** What was in a cache at one moment. It does not change any more. */
export interface CacheSnapshot {
  readonly nodes: ReadonlyMap<string, CachedNode>;
  /** The newest transaction that anything in it is of. */
  readonly zxid: bigint;
  /**
   * Whether it is the tree as it was at one moment: all that the server had told was read. When it is false, a change of one
   * znode may be in it and an earlier one of another may not.
   */
  readonly isConsistent: boolean;
}
