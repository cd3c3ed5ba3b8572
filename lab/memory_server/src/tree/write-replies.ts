/**
 * Answers to writes, once they are applied.
 *
 * Source: ZooKeeper 3.4.6, FinalRequestProcessor.java, processRequest; MultiResponse.java, serialize
 */
import {
  CreateResponse,
  encode,
  jute,
  MultiResponse,
  type MultiResult,
  OpCode,
  SetACLResponse,
  SetDataResponse,
} from "@zk/protocol";
import type { Txn, TxnOutcome } from "./txn.js";

const MARSHALLING_ERROR = -5;

/** What a client is answered. */
export interface WriteReply {
  /** For the reply header. Of a failed multi 0: its results say what failed. */
  readonly err: number;
  /** What stands behind the header. */
  readonly body: Uint8Array;
  /**
   * The server fails while it writes the reply, and the client never gets one: after a check outside of a multi, the
   * only case a client can bring about. Nor does it count the request as answered.
   */
  readonly isSilent?: true;
}

/**
 * @param opCode of the request
 * @param txn what it became; that of another request, when two of a session have the same xid on different connections
 * @param outcome what applying that gave
 */
export function writeReply(opCode: number, txn: Txn, outcome: TxnOutcome): WriteReply {
  if (txn.type === "error") return { err: txn.err, body: EMPTY };
  const { err } = outcome;
  switch (opCode) {
    case OpCode.MULTI:
      if (txn.type !== "multi") return { err: MARSHALLING_ERROR, body: EMPTY };
      return { err: 0, body: encode(MultiResponse, multiResults(txn, outcome)) };
    case OpCode.CREATE:
      if (outcome.path === undefined) return { err, body: encode(jute.ustringOrNull, null) };
      return { err, body: encode(CreateResponse, { path: outcome.path }) };
    case OpCode.SET_DATA:
      if (outcome.stat === undefined) return { err, body: EMPTY, isSilent: true };
      return { err, body: encode(SetDataResponse, { stat: outcome.stat }) };
    case OpCode.SET_ACL:
      if (outcome.stat === undefined) return { err, body: EMPTY, isSilent: true };
      return { err, body: encode(SetACLResponse, { stat: outcome.stat }) };
    case OpCode.CHECK:
      return { err, body: EMPTY, isSilent: true };
    default:
      return { err, body: EMPTY };
  }
}

function multiResults({ parts }: Txn & { type: "multi" }, outcome: TxnOutcome): readonly MultiResult[] {
  const outcomes = outcome.parts ?? [];
  const isFailed = parts.some((part) => part.type === "error");
  return parts.map((part, index) => {
    const done = outcomes[index];
    return isFailed || done === undefined ? { type: -1, err: done?.err ?? 0 } : resultOf(part, done);
  });
}

function resultOf(part: Txn, done: TxnOutcome): MultiResult {
  switch (part.type) {
    case "create":
      return { type: OpCode.CREATE, path: done.path ?? "" };
    case "delete":
      return { type: OpCode.DELETE };
    case "check":
      return { type: OpCode.CHECK };
    case "setData":
      return done.stat === undefined
        ? { type: -1, err: done.err }
        : { type: OpCode.SET_DATA, stat: done.stat };
    default:
      return { type: -1, err: done.err };
  }
}

const EMPTY = new Uint8Array(0);
