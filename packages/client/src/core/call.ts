/** One operation of the user, from the call to its settling. The machine owns the mutable fields. */
import { type Codec, errorName, type ServerErrorName } from "@zk/protocol";
import { type Applied, ZkError, type ZkErrorCode } from "./errors.js";
import type { PersistentKind } from "./persistent-watches.js";
import type { Watcher, WatchKind } from "./watch-table.js";

/**
 * When a request whose connection was lost before its answer is sent again.
 *
 * - `none`: never; the call fails with CONNECTION_LOSS.
 * - `safe`: reads and `sync`, which change nothing, are sent again. Writes that went out fail with `applied: "maybe"`.
 * - `always`: writes as well. For callers who know that doing it twice does no harm.
 *
 * A request that never went out is not a retry: it waits for the next connection in every mode.
 */
export type RetryMode = "none" | "safe" | "always";

/** What an operation is on the wire. */
export interface OperationSpec {
  /** The name as the API has it. */
  readonly name: string;
  readonly opCode: number;
  // The table holds codecs of many record types; each call pairs the right record with its codec.
  // biome-ignore lint/suspicious/noExplicitAny: the pairing is made by the functions that build calls
  readonly request: Codec<any> | null;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly response: Codec<any> | null;
  readonly isWrite: boolean;
  /** Whether the reply proves that the leader knows the session: true for writes and sync. */
  readonly throughLeader: boolean;
  /** A reply of NoNode is an answer (null), not an error: true for exists. */
  readonly absentIsAnswer: boolean;
  /** Not in 3.4: it goes only to a server that was seen to be of 3.5.0 or newer, see {@link UpLink.isFrom35}. Default false. */
  readonly from35?: true;
  /** What UNIMPLEMENTED means where the connection stays: the server knows the operation, and has it switched off. */
  readonly switchedOff?: { readonly code: ZkErrorCode; readonly message: string };
}

/** The watch that a read sets when its reply says so. */
export interface CallWatch {
  readonly watcher: Watcher;
  readonly kind: Exclude<WatchKind, "exist"> | PersistentKind;
}

/** Whether a watch stays until its connection ends. */
export function isPersistentKind(kind: CallWatch["kind"]): kind is PersistentKind {
  return kind === "persistent" || kind === "persistentRecursive";
}

/** What a call is made from. */
export interface CallDetails {
  readonly spec: OperationSpec;
  /** The znode as the caller named it. */
  readonly path: string;
  /** The znode as the server knows it, chroot included. */
  readonly serverPath: string;
  readonly record: unknown;
  readonly watch?: CallWatch | undefined;
  readonly retry: RetryMode;
  /** Time from its admission after which the call fails with OPERATION_TIMEOUT, in milliseconds; infinity for never. */
  readonly timeoutMs: number;
  /** Size estimate in bytes, for the bound on queued bytes. */
  readonly weight: number;
  /** Turns the decoded reply into the call's value, or into the error that it means. */
  readonly finish: (reply: never, zxid: bigint) => unknown;
}

/** See the head of this file. */
export class Call {
  readonly spec: OperationSpec;
  readonly path: string;
  readonly serverPath: string;
  readonly record: unknown;
  /** Undefined when none was asked for, or when it was taken back meanwhile. */
  watch: CallWatch | undefined;
  readonly retry: RetryMode;
  readonly timeoutMs: number;
  readonly weight: number;
  readonly finish: (reply: never, zxid: bigint) => unknown;

  phase: "new" | "queued" | "sent" | "settled" = "new";
  xid = 0;
  sentAtMs = 0;
  startedAtMs = 0;
  /** Monotonic; set on admission. */
  deadlineMs: number = Number.POSITIVE_INFINITY;
  resends = 0;
  /** How often its bytes were handed to a connection. */
  sends = 0;

  constructor(details: CallDetails) {
    this.spec = details.spec;
    this.path = details.path;
    this.serverPath = details.serverPath;
    this.record = details.record;
    this.watch = details.watch;
    this.retry = details.retry;
    this.timeoutMs = details.timeoutMs;
    this.weight = details.weight;
    this.finish = details.finish;
  }

  /** What can be said of the write if the call ends now without an answer. */
  get appliedIfEnded(): Applied {
    return this.spec.isWrite && this.sends > 0 ? "maybe" : "no";
  }

  /** Whether a lost connection may be answered by sending the request again. */
  mayResend(resendsMax: number): boolean {
    if (this.retry === "none" || this.resends >= resendsMax) return false;
    return !this.spec.isWrite || this.retry === "always";
  }

  /** An error that tells of this call. */
  error(
    code: ZkErrorCode,
    message: string,
    more: { applied?: Applied; server?: string | undefined; serverCode?: number; cause?: unknown } = {},
  ): ZkError {
    return new ZkError({
      code,
      message,
      applied: more.applied ?? this.appliedIfEnded,
      operation: this.spec.name,
      path: this.path,
      server: more.server,
      serverCode: more.serverCode,
      cause: more.cause,
    });
  }

  /** Not untouched if an earlier try of the same write went out and was never answered: NODE_EXISTS may be our own node. */
  #appliedIfRefused(name: ServerErrorName | undefined): Applied {
    if (!this.spec.isWrite) return "no";
    return this.sends === 1 && name !== undefined && REFUSED_UNTOUCHED.has(name) ? "no" : "maybe";
  }

  /** The error that a reply with a non-zero code means. `isUnknownOp`: the server is about to close the connection over it. */
  refusal(serverCode: number, server: string, isUnknownOp: boolean): ZkError {
    const name = errorName(serverCode);
    const { switchedOff } = this.spec;
    const isOff = name === "UNIMPLEMENTED" && !isUnknownOp && switchedOff !== undefined;
    const code = isOff ? switchedOff.code : (name ?? "UNKNOWN_SERVER_ERROR");
    return this.error(code, isOff ? switchedOff.message : refusalMessage(serverCode, name), {
      applied: this.#appliedIfRefused(name),
      server,
      serverCode,
    });
  }
}

/**
 * Codes that a server sends before it touches anything. After any other, nobody knows how far a write got: the server's
 * own troubles (-1 to -4), codes that only clients make up, and codes that we do not know.
 *
 * Source: ZooKeeper 3.4.6, KeeperException.java (Code), PrepRequestProcessor.java and FinalRequestProcessor.java; for the
 * later codes the same files of 3.9.3.
 */
const REFUSED_UNTOUCHED: ReadonlySet<ServerErrorName> = new Set([
  "MARSHALLING_ERROR",
  "UNIMPLEMENTED",
  "BAD_ARGUMENTS",
  "UNKNOWN_SESSION",
  "NEW_CONFIG_NO_QUORUM",
  "RECONFIG_IN_PROGRESS",
  "NO_NODE",
  "NO_AUTH",
  "BAD_VERSION",
  "NO_CHILDREN_FOR_EPHEMERALS",
  "NODE_EXISTS",
  "NOT_EMPTY",
  "SESSION_EXPIRED",
  "INVALID_ACL",
  "AUTH_FAILED",
  "SESSION_MOVED",
  "NOT_READONLY",
  "EPHEMERAL_ON_LOCAL_SESSION",
  "NO_WATCHER",
  "RECONFIG_DISABLED",
  "SESSION_CLOSED_REQUIRE_SASL_AUTH",
  "QUOTA_EXCEEDED",
  "THROTTLED_OP",
]);

function refusalMessage(serverCode: number, name: string | undefined): string {
  return name === undefined
    ? `the server answered with the unknown code ${serverCode}`
    : `the server refused (${serverCode})${ADVICE[name] ?? ""}`;
}

/** What to do next, where the bare name leaves people guessing. */
const ADVICE: Readonly<Record<string, string>> = {
  NO_NODE: ": the znode, or for a create its parent, does not exist",
  NO_AUTH: ": the ACL of the znode (for create and remove: of its parent) does not allow this; see addAuth",
  BAD_VERSION: ": the znode was changed since that version; read it again",
  NODE_EXISTS: ": the znode exists already",
  NOT_EMPTY: ": the znode has children; see removeRecursive",
  NO_CHILDREN_FOR_EPHEMERALS: ": an ephemeral znode cannot have children",
  INVALID_ACL: ": the ACL is empty, malformed, or says `auth` on a connection without credentials",
  NOT_READONLY: ": the server is in read-only mode, cut off from its quorum",
  UNIMPLEMENTED: ": this server's version does not know the operation",
};
