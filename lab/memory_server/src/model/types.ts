/** What goes into the model of an ensemble and what comes out of it. */

/** A range from which the seed draws, in milliseconds, both ends included. */
export type Range = readonly [minMs: number, maxMs: number];

/** How an ensemble is made. Everything but `servers` has a default. */
export interface ModelOptions {
  /** 1 to 15. One server is standalone, as 3.4.6 runs it: no epochs of elections, no quorum. */
  readonly servers: number;
  /** Decides every choice: delays, who wins an election among equals, what a dying leader takes with it. Default: 1. */
  readonly seed?: number;
  /** Wall-clock time at monotonic time 0, in milliseconds. Stats show monotonic time plus this. Default: 1 400 000 000 000. */
  readonly wallOffsetMs?: number;
  /** Default: 2000, as in `zoo_sample.cfg`. */
  readonly tickTimeMs?: number;
  /** Default: 2 ticks. */
  readonly minSessionTimeoutMs?: number;
  /** Default: 20 ticks. */
  readonly maxSessionTimeoutMs?: number;
  /** Connections from one address to one server; 0 for no limit. Default: 60. */
  readonly maxClientCnxns?: number;
  /** Longest frame a server takes, in bytes. Default: 1 048 575 (`jute.maxbuffer`). */
  readonly frameBytesMax?: number;
  /** Requests a server has under way before it stops reading (`globalOutstandingLimit`). Default: 1000. */
  readonly globalOutstandingLimit?: number;
  /** `user:base64(sha1)`: who proves this digest may do everything. Default: nobody. */
  readonly superDigest?: string;
  /** Whether access control lists are ignored (`skipACL`). Default: false. */
  readonly skipAcl?: boolean;
  /** Whether a server without a quorum serves reads (`readonlymode.enabled`). Default: false. */
  readonly readOnlyMode?: boolean;
  /** Between two servers, one way. Default: [0, 0], which is within the same step. */
  readonly linkMs?: Range;
  /** From a proposal to its being on disk. Default: [0, 0]. */
  readonly diskMs?: Range;
  /** From the moment at which enough servers look for a leader until there is one. Default: [0, 0]. */
  readonly electionMs?: Range;
  /** Ticks that a new leader waits for a quorum to come in step. Default: 10. */
  readonly initLimit?: number;
  /** How many ticks without word from a follower, or from a quorum, before a leader gives up on it. Default: 5. */
  readonly syncLimit?: number;
  /** What the servers remember from an earlier life, by place; an empty one has nothing. */
  readonly disks?: readonly (Uint8Array | undefined)[];
  /** Shown by `conf` and the like; no choice depends on it. */
  readonly shown?: {
    readonly clientPorts?: readonly number[];
    readonly quorumPorts?: readonly number[];
    readonly electionPorts?: readonly number[];
    readonly dataDirs?: readonly string[];
  };
  /** Whether `committed` keeps every transaction that became final, for checkers. Default: false. */
  readonly recordHistory?: boolean;
}

/** Everything that can happen to an ensemble. `nowMs` is monotonic and never falls. Servers are numbered from 1. */
export type ModelInput =
  | { readonly kind: "time"; readonly nowMs: number }
  /** A client's connection came in. `connection` is a number never used before. */
  | {
      readonly kind: "accept";
      readonly nowMs: number;
      readonly server: number;
      readonly connection: number;
      /** The client's address as the server sees it, IPv4 or IPv6, without the port. */
      readonly address: string;
      /** Default: 0. Shown by four-letter words only. */
      readonly port?: number;
    }
  | {
      readonly kind: "received";
      readonly nowMs: number;
      readonly connection: number;
      readonly bytes: Uint8Array;
    }
  /** The client's side is gone, by FIN or reset. */
  | { readonly kind: "closed"; readonly nowMs: number; readonly connection: number }
  /** The process dies at once. What was on its disk stays, unless wiped. */
  | { readonly kind: "kill"; readonly nowMs: number; readonly server: number; readonly wipe?: boolean }
  | { readonly kind: "start"; readonly nowMs: number; readonly server: number }
  /** The process stands still: it reads and says nothing, its connections stay. */
  | { readonly kind: "pause"; readonly nowMs: number; readonly server: number }
  | { readonly kind: "resume"; readonly nowMs: number; readonly server: number }
  /** Cuts or mends the links between servers: those in the same group hear each other. No groups: all do. */
  | {
      readonly kind: "partition";
      readonly nowMs: number;
      readonly groups: readonly (readonly number[])[];
    };

/** What is to be done in the world. */
export type ModelOutput =
  | { readonly kind: "send"; readonly connection: number; readonly bytes: Uint8Array }
  /** The server ends the connection: `fin` after what was sent, `reset` without. Nothing more is sent on it. */
  | { readonly kind: "end"; readonly connection: number; readonly how: "fin" | "reset" }
  /** Whether new connections reach the server. Stopped servers refuse them. */
  | { readonly kind: "listening"; readonly server: number; readonly isListening: boolean }
  /** The server stops or goes on reading from a connection: throttling. */
  | { readonly kind: "reading"; readonly connection: number; readonly isReading: boolean }
  /** A line for the server's log. */
  | { readonly kind: "log"; readonly server: number; readonly line: string }
  /** The server's disk is worth writing: see `disk()`. At most one for each server between two drains. */
  | { readonly kind: "dirty"; readonly server: number };

/** What a server is at the moment. */
export type ServerRole =
  | "down"
  | "looking"
  | "leading"
  | "following"
  | "standalone"
  /** Cut off from the quorum and serving reads. */
  | "readonly";
