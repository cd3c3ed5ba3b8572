/**
 * Where a semaphore keeps its permits, and what they are called.
 *
 * - Curator's InterProcessSemaphoreV2: `<path>/locks` is a mutex, `<path>/leases/_c_<uuid>-lease-<number>` the permits. Their
 *   data is anybody's; ours is JSON and says who it is, how many permits it believes there are, and its slot.
 * - kazoo's Semaphore: `<path>-__lock__` is a lock, `<path>/<32 hex digits>` the permits, whose data says who it is. `<path>`
 *   holds the number of permits as digits.
 *
 * Source: Curator 5.4.0 InterProcessSemaphoreV2.java; kazoo 2.11 recipe/lock.py
 */
import { CreateMode } from "@zk/client";
import { type Dialect, lineUp } from "../core/dialects.js";
import { childPath } from "../core/paths.js";
import type { MaxPermits } from "./semaphore-max.js";

/** What one of ours says of itself. */
export interface LeaseData {
  readonly identity: string;
  /** How many permits there are, as whoever wrote it believed. */
  readonly max?: number;
  /** The znode that says how many there are, if there is one. */
  readonly maxFrom?: string;
  readonly slot?: number;
}

/** One dialect. */
export interface SemaphoreLayout {
  /** The directory of the lock that whoever takes permits holds meanwhile. */
  readonly door: string;
  /** The directory of the permits. */
  readonly leases: string;
  readonly mode: typeof CreateMode.EPHEMERAL | typeof CreateMode.EPHEMERAL_SEQUENTIAL;
  /** The path of a new permit, up to the number if it gets one. */
  freshPath(uuid: string): string;
  /** Which children of the directory are permits; `foreign` are the others. */
  sort(names: readonly string[]): { readonly leases: readonly string[]; readonly foreign: readonly string[] };
  encode(data: LeaseData): string;
}

/** The layout of a dialect below a path. */
export function layoutOf(dialect: Dialect, path: string): SemaphoreLayout {
  return dialect === "curator" ? curatorLayout(path) : kazooLayout(path);
}

function curatorLayout(path: string): SemaphoreLayout {
  const leases = childPath(path, "leases");
  return {
    door: childPath(path, "locks"),
    leases,
    mode: CreateMode.EPHEMERAL_SEQUENTIAL,
    freshPath: (uuid) => childPath(leases, `_c_${uuid}-lease-`),
    sort(names) {
      const { contenders, ignored, foreign } = lineUp(names, ["lease-"]);
      return {
        leases: contenders.map(({ name }) => name),
        foreign: [...ignored.map(({ name }) => name), ...foreign],
      };
    },
    encode: (data) => JSON.stringify(data),
  };
}

function kazooLayout(path: string): SemaphoreLayout {
  return {
    door: `${path}-__lock__`,
    leases: path,
    mode: CreateMode.EPHEMERAL,
    freshPath: (uuid) => childPath(path, uuid.replaceAll("-", "")),
    sort(names) {
      const isLease = (name: string): boolean => /^[0-9a-f]{32}$/.test(name);
      return { leases: names.filter(isLease), foreign: names.filter((name) => !isLease(name)) };
    },
    encode: ({ identity }) => identity,
  };
}

/** What a permit of ours says; undefined for one of somebody else's. */
export function decodeLease(data: Uint8Array | null): LeaseData | undefined {
  const value = parse(data);
  if (value === undefined || typeof value["identity"] !== "string") return undefined;
  const { identity, max, maxFrom, slot } = value as Record<string, unknown> & { identity: string };
  return {
    identity,
    ...(typeof max === "number" ? { max } : {}),
    ...(typeof maxFrom === "string" ? { maxFrom } : {}),
    ...(typeof slot === "number" && Number.isInteger(slot) && slot >= 0 ? { slot } : {}),
  };
}

/** Whoever stands at the door for several permits says so; who says nothing wants one. */
export function encodeWish(identity: string, permits: number): string {
  return permits === 1 ? identity : JSON.stringify({ identity, permits });
}

/** How many permits somebody at the door wants. */
export function decodeWish(data: Uint8Array | null): number {
  const permits = parse(data)?.["permits"];
  return typeof permits === "number" && Number.isInteger(permits) && permits > 0 ? permits : 1;
}

/** What a permit says of the number of permits. */
export function announcement(max: MaxPermits, value: number): Pick<LeaseData, "max" | "maxFrom"> {
  return typeof max === "number" ? { max: value } : { max: value, maxFrom: max.path };
}

function parse(data: Uint8Array | null): Record<string, unknown> | undefined {
  if (data === null) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Of another library: an address, or nothing.
    return undefined;
  }
}

/** The smallest numbers from 0 that are not taken. */
export function freeSlots(taken: ReadonlySet<number>, count: number): readonly number[] {
  const free: number[] = [];
  for (let slot = 0; free.length < count; slot += 1) if (!taken.has(slot)) free.push(slot);
  return free;
}
