/** What an ensemble for people needs of a model; `EnsembleModel` has it. */
import type { ServerRole } from "../model/types.js";
import type { DrivenModel } from "./driver.js";

/** One server of a model. */
export interface DrivenServer {
  readonly role: ServerRole;
  /** Whether it takes frames of clients. */
  readonly isServing: boolean;
  readonly isPaused: boolean;
  /** The connection that serves the session here. */
  holds(sessionId: bigint): number | undefined;
  /** Everything the server remembers over a restart. */
  disk(): Uint8Array;
  readonly tree: { readonly sessions: ReadonlyMap<bigint, number> };
}

/** A model of an ensemble. */
export interface DrivenEnsemble extends DrivenModel {
  readonly size: number;
  readonly tickTimeMs: number;
  /** The one that has a quorum behind it. */
  readonly leaderId: number | undefined;
  server(id: number): DrivenServer;
}
