import { int, long, ustring, vector } from "../jute/primitives.js";
import { type RecordCodec, record } from "../jute/record.js";

/** Body of setWatches: what a client sends to have its watches back on a new connection. */
export interface SetWatches {
  /** The last zxid the client has seen; what changed after it is notified at once. */
  readonly relativeZxid: bigint;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
}
export const SetWatches: RecordCodec<SetWatches> = record<SetWatches>("SetWatches", {
  relativeZxid: long,
  dataWatches: vector(ustring),
  existWatches: vector(ustring),
  childWatches: vector(ustring),
});

/** Body of setWatches2 (3.6.0 and later): the same and the persistent watches. */
export interface SetWatches2 {
  /** The last zxid the client has seen; what changed after it is notified at once, but not to persistent watches. */
  readonly relativeZxid: bigint;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
  readonly persistentWatches: readonly string[];
  readonly persistentRecursiveWatches: readonly string[];
}
export const SetWatches2: RecordCodec<SetWatches2> = record<SetWatches2>("SetWatches2", {
  relativeZxid: long,
  dataWatches: vector(ustring),
  existWatches: vector(ustring),
  childWatches: vector(ustring),
  persistentWatches: vector(ustring),
  persistentRecursiveWatches: vector(ustring),
});

/** Body of addWatch (3.6.0 and later). */
export interface AddWatchRequest {
  readonly path: string;
  /** An `AddWatchMode`. */
  readonly mode: number;
}
export const AddWatchRequest: RecordCodec<AddWatchRequest> = record<AddWatchRequest>("AddWatchRequest", {
  path: ustring,
  mode: int,
});

/** Body of checkWatches (3.5.0 and later). */
export interface CheckWatchesRequest {
  readonly path: string;
  /** A `WatcherType`. */
  readonly type: number;
}
export const CheckWatchesRequest: RecordCodec<CheckWatchesRequest> = record<CheckWatchesRequest>(
  "CheckWatchesRequest",
  { path: ustring, type: int },
);

/** Body of removeWatches (3.5.0 and later). */
export interface RemoveWatchesRequest {
  readonly path: string;
  /** A `WatcherType`. */
  readonly type: number;
}
export const RemoveWatchesRequest: RecordCodec<RemoveWatchesRequest> = record<RemoveWatchesRequest>(
  "RemoveWatchesRequest",
  { path: ustring, type: int },
);
