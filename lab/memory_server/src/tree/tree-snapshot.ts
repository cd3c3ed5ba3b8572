/**
 * A tree as bytes: a head, the sessions, the access control lists that occur, and the znodes, parents first.
 */
import { Acl, type Codec, decode, encode, jute, ProtocolError, type RecordCodec, record } from "@zk/protocol";
import { DataNode, type StoredStat } from "./data-node.js";

/** Bytes that were given as a snapshot are none, or of a later version. */
export class SnapshotError extends Error {
  override readonly name: string = "SnapshotError";
  readonly code = "SNAPSHOT_INVALID" as const;
}

/** What is in a snapshot. */
export interface SnapshotContent {
  readonly lastZxid: bigint;
  /** Timeouts in ms by session. */
  readonly sessions: ReadonlyMap<bigint, number>;
  /** By path; the root is "" (and "/", which is not written). */
  readonly nodes: ReadonlyMap<string, DataNode>;
}

/** The bytes of a tree. */
export function writeSnapshot(content: SnapshotContent): Uint8Array {
  const acls = new AclTable();
  const nodes: SnapshotNode[] = [];
  // Parents first, and children in their order, without recursion: a path may be deep.
  const paths = [""];
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const node = content.nodes.get(path);
    if (node === undefined) continue;
    nodes.push({ path, data: node.data, acl: acls.indexOf(node.acl), ...node.stat });
    for (const name of (node.children?.toArray() ?? []).reverse()) paths.push(`${path}/${name}`);
  }
  return encode(Snapshot, {
    magic: MAGIC,
    version: VERSION,
    lastZxid: content.lastZxid,
    sessions: [...content.sessions].map(([id, timeoutMs]) => ({ id, timeoutMs })),
    acls: acls.lists,
    nodes,
  });
}

/** @throws SnapshotError */
export function readSnapshot(bytes: Uint8Array): SnapshotContent & { readonly root: DataNode } {
  const snapshot = decodeSnapshot(bytes);
  const nodes = new Map<string, DataNode>();
  for (const { path, data, acl, ...stat } of snapshot.nodes) {
    const list = snapshot.acls[acl];
    if (list === undefined)
      throw new SnapshotError(`the znode ${path} has an ACL number ${acl}, which is not there`);
    if (nodes.has(path)) throw new SnapshotError(`the znode ${path} is there twice`);
    const node = new DataNode(data, list, stat satisfies StoredStat);
    if (path !== "") {
      const slash = path.lastIndexOf("/");
      const parent = slash < 0 ? undefined : nodes.get(path.slice(0, slash));
      if (parent === undefined) throw new SnapshotError(`the znode ${path} comes before its parent`);
      parent.addChild(path.slice(slash + 1));
    }
    nodes.set(path, node);
  }
  const root = nodes.get("");
  if (root === undefined) throw new SnapshotError("there is no root");
  const sessions = new Map(snapshot.sessions.map(({ id, timeoutMs }) => [id, timeoutMs]));
  return { lastZxid: snapshot.lastZxid, sessions, nodes, root };
}

function decodeSnapshot(bytes: Uint8Array): Snapshot {
  let snapshot: Snapshot;
  try {
    const { magic, version } = decode(SnapshotHead, bytes);
    if (magic !== MAGIC) throw new SnapshotError("the bytes are no snapshot of a tree: they begin otherwise");
    if (version !== VERSION) {
      throw new SnapshotError(`the snapshot has version ${version}, only ${VERSION} can be read`);
    }
    snapshot = decode(Snapshot, bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new SnapshotError(`the bytes are no whole snapshot of a tree: ${error.message}`, { cause: error });
  }
  return snapshot;
}

/** Few lists are used by many znodes: each is written once. */
class AclTable {
  readonly lists: (readonly Acl[])[] = [];
  private readonly byList = new Map<readonly Acl[], number>();
  private readonly byText = new Map<string, number>();

  indexOf(list: readonly Acl[]): number {
    let index = this.byList.get(list);
    if (index === undefined) {
      const text = JSON.stringify(list.map(({ perms, id }) => [perms, id.scheme, id.id]));
      index = this.byText.get(text) ?? this.lists.push(list) - 1;
      this.byText.set(text, index);
      this.byList.set(list, index);
    }
    return index;
  }
}

const MAGIC = 0x5a4b_4d53;
const VERSION = 1;

interface SnapshotNode extends StoredStat {
  readonly path: string;
  readonly data: Uint8Array | null;
  /** Index in `acls`. */
  readonly acl: number;
}
const SnapshotNode: RecordCodec<SnapshotNode> = record<SnapshotNode>("SnapshotNode", {
  path: jute.ustring,
  data: jute.buffer,
  acl: jute.int,
  czxid: jute.long,
  mzxid: jute.long,
  ctime: jute.long,
  mtime: jute.long,
  version: jute.int,
  cversion: jute.int,
  aversion: jute.int,
  ephemeralOwner: jute.long,
  pzxid: jute.long,
});

interface SnapshotSession {
  readonly id: bigint;
  readonly timeoutMs: number;
}
const SnapshotSession: RecordCodec<SnapshotSession> = record<SnapshotSession>("SnapshotSession", {
  id: jute.long,
  timeoutMs: jute.int,
});

interface SnapshotHead {
  readonly magic: number;
  readonly version: number;
}
const SnapshotHead: Codec<SnapshotHead> = record<SnapshotHead>("SnapshotHead", {
  magic: jute.int,
  version: jute.int,
});

interface Snapshot extends SnapshotHead {
  readonly lastZxid: bigint;
  readonly sessions: readonly SnapshotSession[];
  readonly acls: readonly (readonly Acl[])[];
  readonly nodes: readonly SnapshotNode[];
}
const Snapshot: Codec<Snapshot> = record<Snapshot>("Snapshot", {
  magic: jute.int,
  version: jute.int,
  lastZxid: jute.long,
  sessions: jute.vector(SnapshotSession),
  acls: jute.vector(jute.vector(Acl)),
  nodes: jute.vector(SnapshotNode),
});
