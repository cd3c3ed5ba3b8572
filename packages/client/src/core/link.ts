/** The connection under way, as a discriminated union with only the fields that are valid in each phase. */
import type { FrameSplitter } from "@zk/protocol";
import type { HandshakeQuestion } from "./handshake.js";
import type { ServerAddress } from "./server-ring.js";

/**
 * A server has it from 3.5.0 on, whatever it was told to be. Nothing else tells a newer server from an older one without the
 * risk of losing the connection. Source: ZooKeeper 3.5.0, DataTree.java (addConfigNode)
 */
export const CONFIG_NODE = "/zookeeper/config";

/** An auth packet whose reply is due. */
export interface PendingAuth {
  readonly scheme: string;
  /** Who waits for a credential is numbered; the reply answers all up to this one. 0 for nobody. */
  readonly answersUpTo: number;
}

/** A connection that carries a session. */
export interface UpLink {
  readonly phase: "up";
  readonly server: ServerAddress;
  readonly splitter: FrameSplitter;
  readonly readOnly: boolean;
  /** Op codes that this server was seen not to know. */
  readonly unknownOps: ReadonlySet<number> | undefined;
  /** Whether the server is of 3.5.0 or newer; undefined until it was asked for {@link CONFIG_NODE}, by whomever. */
  isFrom35: boolean | undefined;
  readonly upSinceMs: number;
  /** Send times of pings without a reply. */
  readonly pings: number[];
  readonly auths: PendingAuth[];
  /** SetWatches requests without a reply. */
  rearms: number;
  /** The transport holds enough bytes for now. */
  blocked: boolean;
  /** After a stall: only an answer to something sent since then shows that the connection still lives. */
  doubtSinceMs: number | undefined;
  /** After a stall the receive deadline is extended once. */
  graceGiven: boolean;
  /** xid of the closeSession that was sent. */
  closeXid: number | undefined;
}

/** A connection on which the connect request was sent. */
export interface HandshakingLink {
  readonly phase: "handshaking";
  readonly server: ServerAddress;
  readonly splitter: FrameSplitter;
  readonly question: HandshakeQuestion;
  readonly askedAtMs: number;
}

/** See the head of this file. */
export type Link =
  /** Nothing is under way, and nothing is planned. */
  | { readonly phase: "down" }
  /** The `reconnect` deadline says when to go on. */
  | { readonly phase: "waiting" }
  | { readonly phase: "resolving"; readonly server: ServerAddress }
  | { readonly phase: "opening"; readonly server: ServerAddress }
  | HandshakingLink
  | UpLink;
