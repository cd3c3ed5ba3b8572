// What tests and programs use.

export {
  type Backend,
  defaultReadyTimeoutMs,
  defaultServers,
  defaultTickTimeMs,
  type EnsembleOptions,
  type ModelTuning,
  serversMax,
} from "./ensemble/options.js";
export { startEnsemble } from "./ensemble/start-ensemble.js";
export type {
  Ensemble,
  EnsembleServer,
  EnsembleStatus,
  ProcessState,
  ReadyOptions,
  ServerLog,
  ServerStatus,
  SessionHolder,
  StartOptions,
} from "./ensemble/types.js";
export { isLabError, LabError, type LabErrorCode, labErrorCodes } from "./errors.js";
// What is under it: releases, Java, ports.
export { leasePorts, type PortLease } from "./ports/port-lease.js";
export {
  defaultVersion,
  type FetchJarsOptions,
  fetchJars,
  findJava,
  installRelease,
  type JarDependency,
  provisionRelease,
} from "./release/index.js";
export type { Environment, Java, ProvisionOptions, Release } from "./release/types.js";
export type { WaitOptions } from "./wait.js";
