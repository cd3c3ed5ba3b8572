// What tests and programs use.

export type { ModelInput, ModelOptions, ModelOutput, Range, ServerRole } from "./model/types.js";
// What a history is made of.
export type { Txn, TxnHeader } from "./tree/txn.js";
