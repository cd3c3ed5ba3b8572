/**
 * What servers say to each other.
 *
 * Source: ZooKeeper 3.4.6, Leader.java (the packet types) and LearnerHandler.java
 */
import type { Id } from "@zk/protocol";
import type { Entry } from "./request.js";

/** A request on its way from a learner to its leader. */
export interface ForwardedRequest {
  readonly sessionId: bigint;
  readonly xid: number;
  readonly opCode: number;
  readonly body: Uint8Array;
  readonly auth: readonly Id[];
}

/** All but `hello` belong to one leadership, its `reign`; those of another are not heard. */
export type Message =
  | { readonly kind: "hello"; readonly reign: number; readonly acceptedEpoch: number; readonly zxid: bigint }
  | {
      readonly kind: "sync";
      readonly reign: number;
      readonly epoch: number;
      /** The leader's last transaction that is in what follows. */
      readonly zxid: bigint;
      /** What the learner lacks, or the whole tree. */
      readonly content: readonly Entry[] | Uint8Array;
    }
  | { readonly kind: "inStep"; readonly reign: number }
  | { readonly kind: "upToDate"; readonly reign: number }
  | { readonly kind: "proposal"; readonly reign: number; readonly entry: Entry }
  | { readonly kind: "ack"; readonly reign: number; readonly zxid: bigint }
  | { readonly kind: "commit"; readonly reign: number; readonly zxid: bigint }
  | { readonly kind: "request"; readonly reign: number; readonly request: ForwardedRequest }
  | { readonly kind: "synced"; readonly reign: number; readonly sessionId: bigint; readonly xid: number }
  | {
      readonly kind: "revalidate";
      readonly reign: number;
      readonly sessionId: bigint;
      readonly timeoutMs: number;
      readonly connection: number;
    }
  | {
      readonly kind: "revalidated";
      readonly reign: number;
      readonly sessionId: bigint;
      readonly connection: number;
      readonly isValid: boolean;
    }
  | { readonly kind: "ping"; readonly reign: number }
  | { readonly kind: "pong"; readonly reign: number; readonly touched: ReadonlyMap<bigint, number> }
  /** The connection between the two is closed. */
  | { readonly kind: "goodbye"; readonly reign: number };
