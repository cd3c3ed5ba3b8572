/**
 * Transactions: what a leader makes of requests, what every server applies in the same order, and what becomes of them.
 *
 * Source: ZooKeeper 3.4.6, src/zookeeper.jute, module org.apache.zookeeper.txn
 */
import type { Acl, Stat } from "@zk/protocol";

/** Who asked for a transaction, and which place it has in the history. */
export interface TxnHeader {
  readonly sessionId: bigint;
  /** The request's xid. */
  readonly cxid: number;
  readonly zxid: bigint;
  /** Wall-clock milliseconds of the leader. */
  readonly timeMs: number;
}

/** One change. `multi` is applied whole; when one of its parts failed, all of its parts are errors. */
export type Txn =
  | {
      readonly type: "create";
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[];
      readonly ephemeral: boolean;
      /** The parent's counter of child changes after this one. */
      readonly parentCVersion: number;
    }
  | { readonly type: "delete"; readonly path: string }
  | {
      readonly type: "setData";
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly version: number;
    }
  | {
      readonly type: "setACL";
      readonly path: string;
      readonly acl: readonly Acl[];
      readonly version: number;
    }
  | { readonly type: "check"; readonly path: string; readonly version: number }
  | { readonly type: "multi"; readonly parts: readonly Txn[] }
  | { readonly type: "error"; readonly err: number }
  | { readonly type: "createSession"; readonly timeoutMs: number }
  | { readonly type: "closeSession" };

/** A change that watches wait for: a `WatchEventType` from 1 to 4. */
export interface TreeEvent {
  readonly type: number;
  readonly path: string;
}

/** What became of a transaction. */
export interface TxnOutcome {
  /** 0, or an error code: of an `error` transaction its own, of a multi the first that is not 0. */
  readonly err: number;
  /** Of create, delete, setData, setACL and check. */
  readonly path?: string;
  /** Of setData and setACL, right after the change. */
  readonly stat?: Stat;
  /** Of multi, one for each part. Their events are in the whole's. */
  readonly parts?: readonly TxnOutcome[];
  /** In the order in which a server fires them. */
  readonly events: readonly TreeEvent[];
}
