import type { Environment, Release, ReleaseAttempt } from "./types.js";

/** What every step of the release chain is given. */
export interface StepContext {
  readonly version: string;
  readonly env: Environment;
  /** Root of the cache. */
  readonly cacheRoot: string;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** A step either has a release or a reason why not. */
export type StepResult = { readonly release: Release } | { readonly miss: string };

/** What a step would do, found out without changing or fetching anything. */
export type StepForecast = Pick<ReleaseAttempt, "reason"> & {
  readonly outcome: "available" | "possible" | "miss";
};

/** True when the user allows a given release to be of another version than the one asked for. */
export function allowsAnyVersion(env: Environment): boolean {
  return env["ZK_LAB_ANY_VERSION"] === "1";
}

/** True when steps that use the network are not to be tried. */
export function isOffline(env: Environment): boolean {
  const value = env["ZK_LAB_OFFLINE"];
  return value !== undefined && value !== "" && value !== "0";
}

/** The reason of a network step that was skipped. */
export const offlineReason = "skipped: ZK_LAB_OFFLINE is set";

/** Why a release of `actual` is not used for `context.version`, or null when it fits. */
export function versionMiss(context: StepContext, actual: string, where: string): string | null {
  if (actual === context.version || allowsAnyVersion(context.env)) return null;
  return `${where} is ZooKeeper ${actual} by its manifest, not ${context.version} (ZK_LAB_ANY_VERSION=1 would take it anyway)`;
}
