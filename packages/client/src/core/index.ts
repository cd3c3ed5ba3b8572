/** The pure core: everything the driver, the facade and simulations need to run a session machine. */
export { Call, type CallDetails, type CallWatch, type OperationSpec, type RetryMode } from "./call.js";
export { DEADLINE_NAMES, type DeadlineName } from "./deadlines.js";
export type { Diagnostic, DiagnosticFact } from "./diagnostics.js";
export {
  type Applied,
  CLIENT_ERROR_CODES,
  type ClientErrorCode,
  isZkError,
  ZkError,
  type ZkErrorCode,
  type ZkErrorDetails,
} from "./errors.js";
export { digestOf, type HistoryRecord } from "./history.js";
export type { Input, Ticket } from "./inputs.js";
export { CONFIG_NODE } from "./link.js";
export {
  type Credential,
  DEFAULT_LIMITS,
  DEFAULT_RECONNECT,
  FAILPOINTS,
  type FailpointName,
  type Limits,
  type MachineOptions,
  type SessionTicket,
} from "./options.js";
export type { Output, WatchNotice } from "./outputs.js";
export { Prng } from "./prng.js";
export { Secret } from "./secret.js";
export {
  type AttemptFailure,
  formatServer,
  type ReconnectPolicy,
  type ServerAddress,
} from "./server-ring.js";
export { SessionMachine } from "./session-machine.js";
export { isOver, SESSION_STATES, type SessionState } from "./session-state.js";
export { SET_WATCHES_BYTES_MAX, type Watcher, type WatchKind } from "./watch-table.js";
