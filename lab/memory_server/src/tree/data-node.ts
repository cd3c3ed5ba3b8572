import { type Acl, OPEN_ACL_UNSAFE, type Stat } from "@zk/protocol";
import { JavaHashSet } from "./java-hash-set.js";

/**
 * What a server keeps of a znode beside its data; changed in place.
 *
 * Source: ZooKeeper 3.4.6, src/zookeeper.jute, StatPersisted
 */
export interface StoredStat {
  czxid: bigint;
  mzxid: bigint;
  ctime: bigint;
  mtime: bigint;
  version: number;
  /** How many children were ever created: not what clients see, see {@link DataNode.copyStat}. */
  cversion: number;
  aversion: number;
  ephemeralOwner: bigint;
  pzxid: bigint;
}

/** A stat of zeros, which is what the first znodes of a server have. */
export function emptyStat(): StoredStat {
  return {
    czxid: 0n,
    mzxid: 0n,
    ctime: 0n,
    mtime: 0n,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner: 0n,
    pzxid: 0n,
  };
}

/** One znode. Source: ZooKeeper 3.4.6, DataNode.java */
export class DataNode {
  data: Uint8Array | null;
  acl: readonly Acl[];
  readonly stat: StoredStat;
  /** Names without the path; undefined until the first child. */
  children: JavaHashSet | undefined;

  constructor(data: Uint8Array | null, acl: readonly Acl[], stat: StoredStat) {
    this.data = data;
    this.acl = acl;
    this.stat = stat;
  }

  addChild(name: string): void {
    this.children ??= new JavaHashSet(CHILDREN_CAPACITY);
    this.children.add(name);
  }

  get childCount(): number {
    return this.children?.size ?? 0;
  }

  /**
   * The stat as clients see it. What is stored counts creations; clients are told of creations and deletions, and every
   * child that is not there any more was created once and deleted once. All in 32 bits.
   */
  copyStat(): Stat {
    const { stat } = this;
    const numChildren = this.childCount;
    return {
      czxid: stat.czxid,
      mzxid: stat.mzxid,
      ctime: stat.ctime,
      mtime: stat.mtime,
      version: stat.version,
      cversion: (stat.cversion * 2 - numChildren) | 0,
      aversion: stat.aversion,
      ephemeralOwner: stat.ephemeralOwner,
      dataLength: this.data?.length ?? 0,
      numChildren,
      pzxid: stat.pzxid,
    };
  }
}

/** A znode as the first ones of a server are: empty data, open to everyone. */
export function originalNode(): DataNode {
  return new DataNode(new Uint8Array(0), OPEN_ACL_UNSAFE, emptyStat());
}

const CHILDREN_CAPACITY = 8;
