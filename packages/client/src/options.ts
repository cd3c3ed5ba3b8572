/** What a client can be told at its creation and at each call, checked before anything happens. */

import type { Acl, CreateMode } from "@zk/protocol";
import type { ParsedConnectionString } from "./connection-string.js";
import {
  type Credential,
  DEFAULT_LIMITS,
  DEFAULT_RECONNECT,
  type FailpointName,
  type HistoryRecord,
  type Limits,
  type MachineOptions,
  type ReconnectPolicy,
  type RetryMode,
  Secret,
  ZkError,
} from "./core/index.js";
import type { Ports } from "./io/ports.js";
import { utf8Bytes } from "./io/utf8.js";
import type { WatchListener } from "./watch-listener.js";

/** Credentials of one authentication scheme. */
export interface AuthOption {
  /** Such as `digest`. */
  readonly scheme: string;
  /** For `digest`: `user:password`, in clear text as the protocol demands. */
  readonly auth: string | Uint8Array;
}

/** Options of one call. */
export interface CallOptions {
  /** Aborts the call: it rejects with ABORTED, whose `cause` is the signal's reason. A request already sent may still be applied. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the call fails with OPERATION_TIMEOUT. Default: the client's `operationTimeoutMs`. Infinity for never. */
  readonly timeoutMs?: number;
  /** What to do when the connection is lost before the answer. Default: the client's `retry`. */
  readonly retry?: RetryMode;
}

/** Options of reads that can leave a one-shot watch. */
export interface ReadOptions extends CallOptions {
  /** Told once of the next change; see {@link WatchListener}. */
  readonly watch?: WatchListener;
}

/** Options of {@link Client.create}. */
export interface CreateOptions extends CallOptions {
  /** Default `PERSISTENT`. `CONTAINER` and the modes with a time to live need servers of 3.5; see {@link Client.create}. */
  readonly mode?: CreateMode;
  /**
   * Time to live in milliseconds, 1 to 1 099 511 627 775, of the modes `…_WITH_TTL` and of no other. Servers remove the znode
   * when it has no children and nobody has written to it for so long; they look once a minute by default.
   */
  readonly ttlMs?: number;
  /** Default: anybody may do anything (`OPEN_ACL_UNSAFE`). */
  readonly acl?: readonly Acl[];
  /**
   * Creates missing parents without data and with the same ACL: as persistent znodes, or as containers, which go by themselves,
   * where the servers have such. Default false.
   */
  readonly createParents?: boolean | "containers";
  /**
   * Finds the znode again when the reply is lost, instead of failing with `applied: "maybe"`. Puts `_c_<uuid>-` before the
   * name, or the prefix given here, which must be different for each call: what begins with it is taken for this call's
   * znode. Default false.
   */
  readonly protected?: boolean | { readonly prefix: string };
}

/** What {@link Client.create} gives. */
export interface CreateResult {
  /** The znode's path, with the number that a sequential mode appends. */
  readonly path: string;
  /** The transaction that created it: its `czxid`, and a fencing token if you need one. */
  readonly zxid: bigint;
}

/** Options of writes that can demand a version. */
export interface VersionOptions extends CallOptions {
  /** The data version (for setACL: the ACL version) that the znode must have; -1, the default, takes any. */
  readonly version?: number;
}

/** Options of {@link createClient}. */
export interface ClientOptions {
  /** Session timeout to ask for, in milliseconds; the server clamps it, by default to 2 to 20 of its ticks. Default 10 000. */
  readonly sessionTimeoutMs?: number;
  /** Milliseconds that `connect()` waits for a first session. Default 15 000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds that an operation may take, waiting for a connection included. Default 30 000. */
  readonly operationTimeoutMs?: number;
  /** Milliseconds that `close()` waits for a server to confirm. Default 5 000. */
  readonly closeTimeoutMs?: number;
  /** Accept servers that are cut off from their quorum, for reads. Default false. */
  readonly readOnly?: boolean;
  /** Takes over an existing session instead of asking for a new one. */
  readonly session?: { readonly id: bigint; readonly password: Uint8Array | Secret };
  /**
   * What to do when a server says that the session is over: `stay` in the state `expired` until `connect()` is called, or
   * `renew` it: begin a new session at once, and go on trying until there is one. What belonged to the old session (its
   * ephemerals, watches and calls under way) is gone either way. Default `stay`.
   */
  readonly afterExpiry?: "stay" | "renew";
  /** Credentials sent first on every connection. More can be added by `addAuth`. */
  readonly auth?: readonly AuthOption[];
  /** Default for {@link CallOptions.retry}. Default `safe`. */
  readonly retry?: RetryMode;
  /** Bounds; see {@link Limits} for their defaults. */
  readonly limits?: Partial<Limits>;
  /** Pauses between fruitless rounds over the servers. */
  readonly reconnect?: Partial<ReconnectPolicy>;
  /** Hears of every operation and every attempt of it. Costs nothing when absent. */
  readonly onHistory?: (record: HistoryRecord) => void;
  /** Replaces the doors to the world: clock, sockets, names, chance. For tests. */
  readonly ports?: Partial<Ports>;
  /** Asked at named places whether to cut the connection. For tests. */
  readonly failpoint?: (name: FailpointName) => "continue" | "drop";
}

/** The options with everything decided. */
export interface ResolvedOptions {
  readonly machine: MachineOptions;
  readonly connectTimeoutMs: number;
  readonly operationTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly retry: RetryMode;
  readonly afterExpiry: "stay" | "renew";
}

/** @throws ZkError INVALID_ARGUMENT for any value out of its range */
export function resolveOptions(
  parsed: ParsedConnectionString,
  options: ClientOptions,
  seed: number,
): ResolvedOptions {
  const limits = { ...DEFAULT_LIMITS, ...defined(options.limits) };
  for (const [name, value] of Object.entries(limits)) positive(`limits.${name}`, value);
  const reconnect = { ...DEFAULT_RECONNECT, ...defined(options.reconnect) };
  for (const [name, value] of Object.entries(reconnect)) positive(`reconnect.${name}`, value);
  const sessionTimeoutMs = positive("sessionTimeoutMs", options.sessionTimeoutMs ?? 10_000);
  if (!Number.isInteger(sessionTimeoutMs) || sessionTimeoutMs > 2_147_483_647) {
    throw invalid(
      `sessionTimeoutMs must be a whole number of milliseconds below 2^31, not ${sessionTimeoutMs}`,
    );
  }
  const retry = options.retry ?? "safe";
  checkRetry(retry);
  const afterExpiry = options.afterExpiry ?? "stay";
  if (afterExpiry !== "stay" && afterExpiry !== "renew")
    throw invalid(`afterExpiry must be "stay" or "renew", not ${String(afterExpiry)}`);
  return {
    machine: {
      servers: parsed.servers,
      seed,
      sessionTimeoutMs,
      readOnly: options.readOnly ?? false,
      session: resolveSession(options.session),
      credentials: (options.auth ?? []).map(toCredential),
      limits,
      reconnect,
      recordHistory: options.onHistory !== undefined,
      failpoint: options.failpoint,
    },
    connectTimeoutMs: positive("connectTimeoutMs", options.connectTimeoutMs ?? 15_000),
    operationTimeoutMs: positive("operationTimeoutMs", options.operationTimeoutMs ?? 30_000),
    closeTimeoutMs: positive("closeTimeoutMs", options.closeTimeoutMs ?? 5_000),
    retry,
    afterExpiry,
  };
}

/** @throws ZkError INVALID_ARGUMENT unless `value` is a number above 0; infinity is allowed */
export function positive(name: string, value: number): number {
  if (typeof value !== "number" || !(value > 0))
    throw invalid(`${name} must be a number above 0, not ${String(value)}`);
  return value;
}

/** @throws ZkError INVALID_ARGUMENT */
export function checkRetry(retry: RetryMode): void {
  if (retry !== "none" && retry !== "safe" && retry !== "always") {
    throw invalid(`retry must be "none", "safe" or "always", not ${String(retry)}`);
  }
}

/** Credentials with their bytes hidden. @throws ZkError INVALID_ARGUMENT */
export function toCredential(option: AuthOption): Credential {
  if (typeof option.scheme !== "string" || option.scheme === "")
    throw invalid("the scheme of a credential must be a name");
  if (typeof option.auth !== "string" && !(option.auth instanceof Uint8Array)) {
    throw invalid(`the credential of scheme ${option.scheme} must be a string or a Uint8Array`);
  }
  const bytes = typeof option.auth === "string" ? utf8Bytes(option.auth) : option.auth;
  return { scheme: option.scheme, auth: new Secret(bytes) };
}

function resolveSession(session: ClientOptions["session"]): MachineOptions["session"] {
  if (session === undefined) return undefined;
  if (typeof session.id !== "bigint" || session.id === 0n)
    throw invalid("session.id must be a bigint other than 0n");
  if (session.password instanceof Secret) return { id: session.id, password: session.password };
  if (!(session.password instanceof Uint8Array))
    throw invalid("session.password must be a Uint8Array or a Secret");
  return { id: session.id, password: new Secret(session.password) };
}

// `{ outstandingMax: undefined }` means the default, as everywhere.
function defined<T extends object>(values: T | undefined): Partial<T> {
  return Object.fromEntries(
    Object.entries(values ?? {}).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}

function invalid(message: string): ZkError {
  return new ZkError({ code: "INVALID_ARGUMENT", message });
}
