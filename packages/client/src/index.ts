// For users.
export {
  type Acl,
  CREATOR_ALL_ACL,
  CreateMode,
  digestId,
  type Id,
  OPEN_ACL_UNSAFE,
  Permission,
  READ_ACL_UNSAFE,
  type Stat,
} from "@zk/protocol";
export { Client, type ClientEvents, createClient } from "./client.js";
// For those who look inside, replace the doors to the world, or build on the client.
export { type ParsedConnectionString, parseConnectionString } from "./connection-string.js";
export type { RetryMode } from "./core/call.js";
export type { Diagnostic, DiagnosticFact } from "./core/diagnostics.js";
export {
  type Applied,
  CLIENT_ERROR_CODES,
  type ClientErrorCode,
  isZkError,
  ZkError,
  type ZkErrorCode,
} from "./core/errors.js";
export type { HistoryRecord } from "./core/history.js";
export {
  DEFAULT_LIMITS,
  DEFAULT_RECONNECT,
  FAILPOINTS,
  type FailpointName,
  type Limits,
} from "./core/options.js";
export { Secret } from "./core/secret.js";
export type { ReconnectPolicy, ServerAddress } from "./core/server-ring.js";
export { SESSION_STATES, type SessionState } from "./core/session-state.js";
export { DIAGNOSTICS_CHANNEL } from "./io/diagnostics-channel.js";
export type {
  Clock,
  Connection,
  ConnectionEvents,
  ConnectionTarget,
  Ports,
  Randomness,
  Resolver,
  Transport,
} from "./io/ports.js";
export { systemPorts } from "./io/system-ports.js";
export type {
  AuthOption,
  CallOptions,
  ClientOptions,
  CreateOptions,
  CreateResult,
  ReadOptions,
  VersionOptions,
} from "./options.js";
export type { AddWatchOptions, PersistentWatch, PersistentWatchEvent } from "./persistent-watch.js";
export type { Data } from "./text.js";
export type { ResultOf, Transaction, TransactionRefusal, TransactionResult } from "./transaction.js";
export type { WatchChange, WatchOptions, WatchStream } from "./watch.js";
export type { WatchEvent, WatchListener } from "./watch-listener.js";
