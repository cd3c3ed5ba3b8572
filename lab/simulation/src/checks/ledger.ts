/**
 * What really happened, read from the transactions that became final: what every znode was at every moment, and which
 * request brought which change. It shares no code with the servers' own tree.
 */
import type { Txn, TxnHeader } from "@zk/memory-server";
import { parentPath } from "@zk/protocol";

/** A transaction that became final. */
export interface Final {
  readonly header: TxnHeader;
  readonly txn: Txn;
}

/**
 * A transaction together with what it did. `torn` is one of several operations of which some failed: a 3.4.6 leader lets
 * through what then fails, as it forgets of a change that is not applied yet when a transaction behind it is refused.
 */
export interface Deed extends Final {
  readonly result: "applied" | "refused" | "torn";
}

/** What a znode was from one transaction to the next. */
export interface NodeVersion {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  /** When its data was written: what the leader's clock on the wall showed. */
  readonly mtimeMs: number;
  readonly version: number;
  readonly data: Uint8Array | null;
  readonly owner: bigint;
  readonly children: readonly string[];
}

/** What a watch can hear of. */
export type ChangeKind = "created" | "deleted" | "data" | "children";

/** One change of one znode. */
export interface Change {
  readonly path: string;
  readonly kind: ChangeKind;
  readonly zxid: bigint;
  /** What the leader's clock on the wall showed. */
  readonly timeMs: number;
}

interface Entry {
  readonly zxid: bigint;
  readonly state: NodeVersion | null;
}

/** See the head of this file. */
export class Ledger {
  lastZxid = 0n;
  /** Sessions that ended, with the transaction that ended them. */
  readonly closedSessions: Map<bigint, bigint> = new Map();
  /** Hears of every change, in order. */
  changed: (change: Change) => void = () => {};
  /**
   * A znode was deleted that has children. A leader of 3.4.6 lets that through when it has forgotten of changes on their way:
   * those of a parent, when a multi that creates a znode below it is refused. The children stay in the trees of the servers that
   * are there, in no list, and in no snapshot: who comes later does not have them, and servers answer differently from then on.
   */
  orphaned: (path: string, zxid: bigint) => void = () => {};
  readonly #byRequest = new Map<bigint, Map<number, Deed[]>>();
  readonly #nodes = new Map<string, Entry[]>();
  readonly #changes = new Map<string, Change[]>();
  readonly #ephemerals = new Map<bigint, Set<string>>();
  readonly #sessions = new Map<bigint, bigint>();
  #seen = 0;
  #timeMs = 0;

  constructor() {
    for (const path of ["/", "/zookeeper", "/zookeeper/quota"]) this.#put(path, 0n, BLANK);
    this.#put("/", 0n, { ...BLANK, children: ["zookeeper"] });
    this.#put("/zookeeper", 0n, { ...BLANK, children: ["quota"] });
  }

  /** Takes in what is new. */
  advance(committed: readonly Final[]): void {
    for (; this.#seen < committed.length; this.#seen += 1) this.#take(committed[this.#seen] as Final);
  }

  /** The transactions that one request became: none, one, or by somebody's mistake several. */
  ofRequest(sessionId: bigint, xid: number): readonly Deed[] {
    return this.#byRequest.get(sessionId)?.get(xid) ?? NONE;
  }

  /** Whose transaction that was. */
  sessionOf(zxid: bigint): bigint | undefined {
    return this.#sessions.get(zxid);
  }

  /** What a znode was when `zxid` was the last transaction; null when it was not there. */
  at(path: string, zxid: bigint): NodeVersion | null {
    const entries = this.#nodes.get(path) ?? [];
    for (let index = entries.length - 1; index >= 0; index -= 1) {
      const entry = entries[index] as Entry;
      if (entry.zxid <= zxid) return entry.state;
    }
    return null;
  }

  /** What a znode is. */
  now(path: string): NodeVersion | null {
    return this.#nodes.get(path)?.at(-1)?.state ?? null;
  }

  /** Paths of znodes that are there, at and below one. */
  below(root: string): string[] {
    const state = this.now(root);
    if (state === null) return [];
    const prefix = root === "/" ? "/" : `${root}/`;
    return [root, ...state.children.flatMap((name) => this.below(prefix + name))];
  }

  /** Every change of a znode behind a transaction, oldest first. */
  changesAfter(path: string, zxid: bigint): readonly Change[] {
    const changes = this.#changes.get(path);
    if (changes === undefined) return NO_CHANGES;
    let first = changes.length;
    while (first > 0 && (changes[first - 1] as Change).zxid > zxid) first -= 1;
    return first === changes.length ? NO_CHANGES : changes.slice(first);
  }

  #take(final: Final): void {
    const { header, txn } = final;
    this.lastZxid = header.zxid;
    this.#timeMs = header.timeMs;
    this.#sessions.set(header.zxid, header.sessionId);
    const result = this.#apply(header, txn);
    if (txn.type === "createSession" || txn.type === "closeSession") return;
    let requests = this.#byRequest.get(header.sessionId);
    if (requests === undefined) {
      requests = new Map();
      this.#byRequest.set(header.sessionId, requests);
    }
    const deed = { header, txn, result };
    const same = requests.get(header.cxid);
    if (same === undefined) requests.set(header.cxid, [deed]);
    else same.push(deed);
  }

  #apply(header: TxnHeader, txn: Txn): Deed["result"] {
    const { zxid } = header;
    switch (txn.type) {
      case "create":
        return this.#create(header, txn) ? "applied" : "refused";
      case "delete":
        return this.#delete(txn.path, zxid) ? "applied" : "refused";
      case "setData": {
        const state = this.now(txn.path);
        if (state === null) return "refused";
        const written = { mzxid: zxid, mtimeMs: header.timeMs, version: txn.version, data: txn.data };
        this.#put(txn.path, zxid, { ...state, ...written });
        this.#note(txn.path, "data", zxid);
        return "applied";
      }
      case "setACL":
        return this.now(txn.path) === null ? "refused" : "applied";
      case "multi": {
        if (txn.parts.some(({ type }) => type === "error")) return "refused";
        const results = txn.parts.map((part) => this.#apply(header, part));
        return results.every((result) => result === "applied") ? "applied" : "torn";
      }
      case "closeSession":
        this.closedSessions.set(header.sessionId, zxid);
        for (const path of [...(this.#ephemerals.get(header.sessionId) ?? [])]) this.#delete(path, zxid);
        return "applied";
      case "error":
        return "refused";
      case "check":
      case "createSession":
        return "applied";
      default:
        return txn satisfies never;
    }
  }

  #create({ zxid, sessionId, timeMs }: TxnHeader, txn: Extract<Txn, { type: "create" }>): boolean {
    const { path } = txn;
    if (this.now(path) !== null || this.now(parentPath(path)) === null) return false;
    const owner = txn.ephemeral ? sessionId : 0n;
    const ids = { czxid: zxid, mzxid: zxid, pzxid: zxid };
    this.#put(path, zxid, { ...BLANK, ...ids, mtimeMs: timeMs, data: txn.data, owner });
    if (txn.ephemeral) {
      const held = this.#ephemerals.get(sessionId);
      if (held === undefined) this.#ephemerals.set(sessionId, new Set([path]));
      else held.add(path);
    }
    const parent = parentPath(path);
    const state = this.now(parent);
    const name = path.slice(parent === "/" ? 1 : parent.length + 1);
    if (state !== null) {
      this.#put(parent, zxid, { ...state, pzxid: zxid, children: [...state.children, name] });
    }
    this.#note(path, "created", zxid);
    this.#note(parent, "children", zxid);
    return true;
  }

  #delete(path: string, zxid: bigint): boolean {
    const gone = this.now(path);
    if (gone === null) return false;
    if (gone.children.length > 0) this.orphaned(path, zxid);
    if (gone.owner !== 0n) this.#ephemerals.get(gone.owner)?.delete(path);
    this.#put(path, zxid, null);
    const parent = parentPath(path);
    const state = this.now(parent);
    const name = path.slice(parent === "/" ? 1 : parent.length + 1);
    if (state !== null) {
      const children = state.children.filter((child) => child !== name);
      this.#put(parent, zxid, { ...state, pzxid: zxid, children });
    }
    this.#note(path, "deleted", zxid);
    this.#note(parent, "children", zxid);
    return true;
  }

  #put(path: string, zxid: bigint, state: NodeVersion | null): void {
    const entries = this.#nodes.get(path);
    if (entries === undefined) this.#nodes.set(path, [{ zxid, state }]);
    else entries.push({ zxid, state });
  }

  #note(path: string, kind: ChangeKind, zxid: bigint): void {
    const change = { path, kind, zxid, timeMs: this.#timeMs };
    const changes = this.#changes.get(path);
    if (changes === undefined) this.#changes.set(path, [change]);
    else changes.push(change);
    this.changed(change);
  }
}

const NONE: readonly Deed[] = [];
const NO_CHANGES: readonly Change[] = [];
const BLANK: NodeVersion = {
  czxid: 0n,
  mzxid: 0n,
  pzxid: 0n,
  mtimeMs: 0,
  version: 0,
  data: null,
  owner: 0n,
  children: [],
};
