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

/** Each belongs to one relation, which a learner begins with its `hello`; those of another are not heard. */
export type Message =
  | {
      readonly kind: "hello";
      /** The leadership that is asked for. */
      readonly reign: number;
      readonly relation: number;
      readonly acceptedEpoch: number;
    }
  /** The leader has heard of a quorum's epochs, and this one is newer than all of them. */
  | { readonly kind: "newEpoch"; readonly relation: number; readonly epoch: number }
  | {
      readonly kind: "ackEpoch";
      readonly relation: number;
      /** The epoch of the learner's history; undefined when it had accepted the new one before, which does not count. */
      readonly currentEpoch: number | undefined;
      readonly zxid: bigint;
    }
  | {
      readonly kind: "sync";
      readonly relation: number;
      /** The leader's last transaction that is in what follows. */
      readonly zxid: bigint;
      /** What the learner lacks, or the whole tree. */
      readonly content: readonly Entry[] | Uint8Array;
    }
  | { readonly kind: "inStep"; readonly relation: number }
  | { readonly kind: "upToDate"; readonly relation: number }
  | { readonly kind: "proposal"; readonly relation: number; readonly entry: Entry }
  | { readonly kind: "ack"; readonly relation: number; readonly zxid: bigint }
  | { readonly kind: "commit"; readonly relation: number; readonly zxid: bigint }
  | { readonly kind: "request"; readonly relation: number; readonly request: ForwardedRequest }
  | { readonly kind: "synced"; readonly relation: number; readonly sessionId: bigint; readonly xid: number }
  | {
      readonly kind: "revalidate";
      readonly relation: number;
      readonly sessionId: bigint;
      readonly timeoutMs: number;
      readonly connection: number;
    }
  | {
      readonly kind: "revalidated";
      readonly relation: number;
      readonly sessionId: bigint;
      readonly connection: number;
      readonly isValid: boolean;
    }
  | { readonly kind: "ping"; readonly relation: number }
  | { readonly kind: "pong"; readonly relation: number; readonly touched: ReadonlyMap<bigint, number> }
  /** The connection between the two is closed. */
  | { readonly kind: "goodbye"; readonly relation: number };
