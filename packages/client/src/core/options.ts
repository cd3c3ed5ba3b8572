/** What a session machine is made from, with every limit by name. */
import type { Secret } from "./secret.js";
import type { ReconnectPolicy, ServerAddress } from "./server-ring.js";

/** Bounds on everything that a user or a server could make grow. */
export interface Limits {
  /** Requests sent and not answered. Default 1000: a 3.4.6 server stops reading at about that many. */
  readonly outstandingMax: number;
  /** Calls that wait for a connection or for a place among the outstanding. Default 10 000. */
  readonly queuedCallsMax: number;
  /** Estimated bytes of all calls under way. Default 64 MiB. */
  readonly queuedBytesMax: number;
  /** Standing watches. Default 1 000 000. */
  readonly watchesMax: number;
  /** Times that one call is sent again after losses. Default 20. */
  readonly resendsMax: number;
  /** Credentials replayed on each connect. Default 100. */
  readonly credentialsMax: number;
  /** Bytes of one frame from the server. Default 16 MiB: a big children list is far above the servers' own limit. */
  readonly replyBytesMax: number;
  /** Bytes of one frame to the server. Default 1 048 575, the servers' default `jute.maxbuffer`. */
  readonly requestBytesMax: number;
  /** Time that one frame may take to arrive, in milliseconds. Default 60 000. */
  readonly partialFrameTimeoutMs: number;
}

/** The defaults of {@link Limits}. */
export const DEFAULT_LIMITS: Limits = {
  outstandingMax: 1000,
  queuedCallsMax: 10_000,
  queuedBytesMax: 64 * 1024 * 1024,
  watchesMax: 1_000_000,
  resendsMax: 20,
  credentialsMax: 100,
  replyBytesMax: 16 * 1024 * 1024,
  requestBytesMax: 1_048_575,
  partialFrameTimeoutMs: 60_000,
};

/** The default pauses between fruitless rounds. */
export const DEFAULT_RECONNECT: ReconnectPolicy = { roundDelayMs: 200, roundDelayMaxMs: 1000 };

/** Places where a test may pull the plug. */
export const FAILPOINTS = [
  "beforeWrite",
  "afterWrite",
  "replyDecoded",
  "eventDecoded",
  "sessionAdopted",
  "betweenChunks",
  "duringClose",
] as const;

/** One of {@link FAILPOINTS}. */
export type FailpointName = (typeof FAILPOINTS)[number];

/** Credentials of one scheme, such as `digest` with the bytes of `user:password`. */
export interface Credential {
  readonly scheme: string;
  readonly auth: Secret;
}

/** A session to take over. */
export interface SessionTicket {
  readonly id: bigint;
  readonly password: Secret;
}

/** What a machine needs to know from the start. */
export interface MachineOptions {
  readonly servers: readonly ServerAddress[];
  /** Decides every random choice. */
  readonly seed: number;
  /** The session timeout to ask for, in milliseconds. */
  readonly sessionTimeoutMs: number;
  /** Whether a server cut off from its quorum will do, for reads. */
  readonly readOnly: boolean;
  readonly session?: SessionTicket | undefined;
  readonly credentials: readonly Credential[];
  readonly limits: Limits;
  readonly reconnect: ReconnectPolicy;
  /** Keeps a history of operations and attempts. */
  readonly recordHistory: boolean;
  /** Number of the first request, 1 by default. For tests of the wrap at 2^31, and for joining the history of a session taken over. */
  readonly firstXid?: number | undefined;
  /** Asked at each named place; `drop` cuts the connection there. For tests. */
  readonly failpoint?: ((name: FailpointName) => "continue" | "drop") | undefined;
}
