/** What a server has on disk: the tree as far as it is applied, and what is logged behind it. */
import { JuteReader, JuteWriter } from "@zk/protocol";
import { DataTree } from "../tree/data-tree.js";
import type { Entry } from "./request.js";

/** Transactions that a leader keeps for learners that lack a few. Source: ZooKeeper 3.4.6, ZKDatabase.java, commitLogCount */
export const RECENT_MAX = 500;

const MAGIC = 0x5a4b4d31; // ZKM1

/** See the head of this file. */
export class Disk {
  tree: DataTree = new DataTree();
  /** Logged and not applied, in order. */
  readonly logged: Entry[] = [];
  acceptedEpoch = 0;
  currentEpoch = 0;
  /** The last transactions applied, in order, and the zxid before the first of them. */
  recent: Entry[] = [];
  recentFrom = 0n;
  #loggedZxid = 0n;

  /** @throws Error for bytes that no disk has written */
  static restore(bytes: Uint8Array): Disk {
    const reader = new JuteReader(bytes);
    if (reader.int() !== MAGIC) throw new Error("these bytes are no disk of a memory server");
    const disk = new Disk();
    disk.acceptedEpoch = reader.int();
    disk.currentEpoch = reader.int();
    disk.#loggedZxid = reader.long();
    disk.tree = DataTree.restore(reader.buffer() ?? new Uint8Array(0));
    disk.recentFrom = disk.tree.lastZxid;
    return disk;
  }

  /** The disk as bytes, with all that is logged applied: what a restart makes of it anyway. */
  save(): Uint8Array {
    let { tree } = this;
    if (this.logged.length > 0) {
      tree = DataTree.restore(tree.snapshot());
      for (const { header, txn } of this.logged) tree.apply(header, txn);
    }
    const writer = new JuteWriter(1024);
    writer.int(MAGIC);
    writer.int(this.acceptedEpoch);
    writer.int(this.currentEpoch);
    writer.long(this.loggedZxid);
    writer.buffer(tree.snapshot());
    return writer.take();
  }

  /** The last transaction in the log; an epoch that began without one does not count. */
  get loggedZxid(): bigint {
    return this.#loggedZxid;
  }

  append(entry: Entry): void {
    this.logged.push(entry);
    this.#loggedZxid = entry.header.zxid;
  }

  /** Takes note of a transaction that was applied. */
  applied(entry: Entry): void {
    if (this.logged[0]?.header.zxid === entry.header.zxid) this.logged.shift();
    if (entry.header.zxid > this.#loggedZxid) this.#loggedZxid = entry.header.zxid;
    this.recent.push(entry);
    if (this.recent.length > 2 * RECENT_MAX) {
      const dropped = this.recent.splice(0, this.recent.length - RECENT_MAX);
      this.recentFrom = (dropped.at(-1) as Entry).header.zxid;
    }
  }

  /** Loads what there is: everything logged is applied, whether it was ever committed or not. */
  reload(): void {
    for (const entry of this.logged.splice(0)) {
      this.tree.apply(entry.header, entry.txn);
      this.recent.push(entry);
    }
    this.tree.lastZxid = this.#loggedZxid;
  }

  /** Forgets everything and takes another server's tree. */
  replace(snapshot: Uint8Array, zxid: bigint): void {
    this.tree = DataTree.restore(snapshot);
    this.tree.lastZxid = zxid;
    this.logged.length = 0;
    this.recent = [];
    this.recentFrom = zxid;
    this.#loggedZxid = zxid;
  }

  /** The transactions behind a zxid, if this disk's history is known to contain it. */
  since(zxid: bigint): Entry[] | undefined {
    if (zxid === this.recentFrom) return [...this.recent];
    const index = this.recent.findIndex(({ header }) => header.zxid === zxid);
    return index === -1 ? undefined : this.recent.slice(index + 1);
  }
}
