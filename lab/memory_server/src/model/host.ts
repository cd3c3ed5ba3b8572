/** A server process, as those know it who work in it: its duty, and the service of its clients. */
import type { DataTree } from "../tree/data-tree.js";
import type { TxnOutcome } from "../tree/txn.js";
import type { WatchTables } from "../tree/watch-tables.js";
import type { ClientConnection } from "./client-connection.js";
import type { Disk } from "./disk.js";
import type { Entry } from "./request.js";
import type { ServerStatistics } from "./statistics.js";
import type { World } from "./world.js";

/** See the head of this file. */
export interface Host {
  readonly id: number;
  readonly world: World;
  readonly statistics: ServerStatistics;
  disk: Disk;
  readonly tree: DataTree;
  readonly watches: WatchTables;
  /** Whether this is what it does, and no earlier duty that something is left of. */
  does(duty: object): boolean;
  /** Runs a task later, in this life of the process only. */
  later(delayMs: number, task: () => void): void;
  /** Gives its duty up and looks for a leader. */
  look(why: string): void;
  /** @param isFinal false while it is only caught up with, under a leader that has no quorum yet */
  apply(entry: Entry, isFinal?: boolean): TxnOutcome;
  /** Its disk is worth writing. */
  dirty(): void;
  /** Session ids begin here, unless some behind it were given out already. */
  reserveSessionIds(first: bigint): void;
  nextSessionId(): bigint;
  connection(number: number): ClientConnection | undefined;
  connectionOf(sessionId: bigint): ClientConnection | undefined;
}
