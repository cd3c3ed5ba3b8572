// For users.
export { bytesCodec, type Codec, jsonCodec, textCodec } from "./core/codec.js";
export type { Dialect } from "./core/dialects.js";
// For those who write a recipe of their own: a write that is applied once, a wait with one deadline.
export { commitOnce, type Once, type OnceOptions, sweepMarkers } from "./core/exactly-once.js";
export { Hold, type HoldOptions, type HoldState } from "./core/hold.js";
export { Patience, type WaitOptions } from "./core/patience.js";
// The order of contenders, for those who write a recipe of their own or read the directory of another library's.
export {
  type Contender,
  compareSerials,
  formatSerial,
  type Place,
  parseContender,
  placeOf,
  sortContenders,
} from "./core/sequence.js";
export { ServerClock } from "./core/server-clock.js";
export { observeRecipes, type RecipeEvent, type RecipeMetrics, recipeMetrics } from "./core/telemetry.js";
export {
  isRecipeError,
  RECIPE_ERROR_CODES,
  RecipeError,
  type RecipeErrorCode,
  type RecipeErrorDetails,
} from "./errors.js";
export { type AcquireOptions, Lock, LockHold, type LockOptions } from "./locks/lock.js";
export {
  PersistentNode,
  type PersistentNodeEvent,
  type PersistentNodeOptions,
  type PersistentNodeState,
} from "./nodes/persistent-node.js";
