// What tests and programs use.

export { EnsembleModel, type ServerView } from "./model/ensemble-model.js";
export type { Entry } from "./model/request.js";
export { passwordOf } from "./model/session-secrets.js";
export type { ModelInput, ModelOptions, ModelOutput, Range, ServerRole } from "./model/types.js";
// What a history is made of.
export type { DataTree, TreeEvent, TxnOutcome } from "./tree/data-tree.js";
export type { Txn, TxnHeader } from "./tree/txn.js";
