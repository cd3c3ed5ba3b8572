// What tests and programs use.

// The ways into a model one by one: time, sockets, memory.
export { type DriverClock, realClock } from "./io/clock.js";
export {
  type ConnectionSink,
  type ControlInput,
  type DrivenModel,
  type DriverListener,
  ModelDriver,
  type ServerConnection,
  type Timeless,
} from "./io/driver.js";
// An ensemble to use.
export type {
  MemoryEnsemble,
  MemoryEnsembleStatus,
  MemoryReadyOptions,
  MemoryServer,
  MemoryServerLog,
  MemoryServerStatus,
  MemorySessionHolder,
  MemoryStartOptions,
} from "./io/ensemble-types.js";
export { MemoryServerError, type MemoryServerErrorCode, memoryServerErrorCodes } from "./io/errors.js";
export {
  type MemoryConnection,
  type MemoryConnectionEvents,
  type MemoryTarget,
  type MemoryTransport,
  type MemoryTransportOptions,
  memoryTransport,
} from "./io/memory-transport.js";
export type { MemoryEnsembleOptions } from "./io/options.js";
export { startMemoryEnsemble } from "./io/start-memory-ensemble.js";
export { TcpFront, type TcpFrontOptions } from "./io/tcp.js";
export {
  type EnsembleFixture,
  type TestHook,
  type TestHooks,
  useEnsemble,
} from "./io/use-ensemble.js";
export { VirtualClock } from "./io/virtual-clock.js";
export type { WaitOptions } from "./io/wait.js";
export { EnsembleModel, type ServerView } from "./model/ensemble-model.js";
export type { Entry } from "./model/request.js";
export { passwordOf } from "./model/session-secrets.js";
export type { ModelInput, ModelOptions, ModelOutput, Range, ServerRole } from "./model/types.js";
// What a history is made of.
export type { DataTree } from "./tree/data-tree.js";
export type { TreeEvent, Txn, TxnHeader, TxnOutcome } from "./tree/txn.js";
