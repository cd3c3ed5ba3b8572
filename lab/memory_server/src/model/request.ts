/** Requests on their way through a server. */
import { type Id, OpCode } from "@zk/protocol";
import type { Txn, TxnHeader } from "../tree/txn.js";
import type { ClientConnection } from "./client-connection.js";

/** A transaction with its place in the history. */
export interface Entry {
  readonly header: TxnHeader;
  readonly txn: Txn;
}

/** One request, of a client or of the server itself. */
export interface Request {
  /** Undefined when the client is at another server, or there is none. */
  readonly connection: ClientConnection | undefined;
  readonly sessionId: bigint;
  readonly xid: number;
  readonly opCode: number;
  /** What stands behind the header. */
  readonly body: Uint8Array;
  readonly auth: readonly Id[];
  /** The server whose client it is. */
  readonly owner: number;
  /** Set once a leader has made a transaction of it. */
  entry?: Entry;
  /** What a session check said of a request that is no transaction. */
  err?: number;
}

/** Operations that 3.4.6 knows. Source: ZooKeeper 3.4.6, Request.java, isValid */
const KNOWN: ReadonlySet<number> = new Set([
  OpCode.CREATE,
  OpCode.DELETE,
  OpCode.EXISTS,
  OpCode.GET_DATA,
  OpCode.SET_DATA,
  OpCode.GET_ACL,
  OpCode.SET_ACL,
  OpCode.GET_CHILDREN,
  OpCode.SYNC,
  OpCode.PING,
  OpCode.GET_CHILDREN2,
  OpCode.CHECK,
  OpCode.MULTI,
  OpCode.SET_WATCHES,
  OpCode.CREATE_SESSION,
  OpCode.CLOSE_SESSION,
]);

/** Operations that a learner hands to its leader, and that wait for their commit. Source: ZooKeeper 3.4.6, CommitProcessor.java, run */
const COMMITTED: ReadonlySet<number> = new Set([
  OpCode.CREATE,
  OpCode.DELETE,
  OpCode.SET_DATA,
  OpCode.SET_ACL,
  OpCode.MULTI,
  OpCode.CREATE_SESSION,
  OpCode.CLOSE_SESSION,
]);

export function isKnown(opCode: number): boolean {
  return KNOWN.has(opCode);
}

/** Whether the operation becomes a transaction. */
export function isCommitted(opCode: number): boolean {
  return COMMITTED.has(opCode);
}
