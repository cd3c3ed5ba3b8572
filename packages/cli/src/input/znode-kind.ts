/** Which kind of znode the options of a create ask for. */
import { CreateMode } from "@zk/client";
import type { OptionSpec } from "../definition/spec-types.js";
import { parseDuration } from "../definition/specs.js";
import { UsageError } from "../program/errors.js";

/** The options as they are written on the command line and in a transaction. */
export interface KindOptions {
  readonly sequential: boolean;
  readonly ephemeral: boolean;
  readonly container: boolean;
  /** Milliseconds. */
  readonly ttl: number | undefined;
}

/** @throws UsageError for options that do not go together */
export function kindOf(options: KindOptions): { readonly mode: CreateMode; readonly ttlMs?: number } {
  const { sequential, ephemeral, container, ttl } = options;
  if (container && (sequential || ephemeral || ttl !== undefined))
    throw new UsageError(
      "a container is neither numbered nor ephemeral, and has no time to live",
      "-c goes alone",
    );
  if (ttl !== undefined) {
    if (ephemeral)
      throw new UsageError("an ephemeral znode has no time to live", "it goes when its session ends");
    const mode = sequential ? CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL : CreateMode.PERSISTENT_WITH_TTL;
    return { mode, ttlMs: ttl };
  }
  if (container) return { mode: CreateMode.CONTAINER };
  if (ephemeral) return { mode: sequential ? CreateMode.EPHEMERAL_SEQUENTIAL : CreateMode.EPHEMERAL };
  return { mode: sequential ? CreateMode.PERSISTENT_SEQUENTIAL : CreateMode.PERSISTENT };
}

/** The longest that servers take, in milliseconds. Source: ZooKeeper 3.5.4, EphemeralType.java */
const TTL_MS_MAX = 0xff_ffff_ffff;

/**
 * Milliseconds of a time to live: `90s`, `5m`, `2h`. A bare number is milliseconds, as in ZooKeeper's own shell.
 * @throws UsageError
 */
export function parseTtl(given: string): number {
  const isBare = /^[\d.]+$/.test(given);
  const ttl = isBare ? Number(given) : parseDuration(given);
  if (Number.isInteger(ttl) && ttl >= 1 && ttl <= TTL_MS_MAX) return ttl;
  throw new UsageError(
    `it must be 1 to ${TTL_MS_MAX} whole milliseconds, such as 90s, 5m or 2h, not ${JSON.stringify(given)}`,
  );
}

/** The option of a time to live. */
export const timeToLive: OptionSpec<number | undefined> = {
  summary:
    "it goes when it has no children and nobody wrote to it for so long; a bare number is milliseconds",
  value: "TIME",
  short: "t",
  parse: parseTtl,
};
