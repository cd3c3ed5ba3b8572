/** What the host of a lab in memory and the commands know of each other: one file, and the words they exchange. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { leaseDir } from "../ports/port-lease.js";
import type { ProcessIdentity } from "../process/process-table.js";

export type ServerState = "running" | "paused" | "stopped";

/** The file. */
export interface HostRecord extends ProcessIdentity {
  /** By the servers' numbers. */
  readonly servers: Readonly<Record<string, ServerState>>;
}

/** One line of JSON to the host. */
export interface HostCommand {
  readonly do: "start" | "kill" | "term" | "pause" | "resume" | "end";
  /** Not with `end`. */
  readonly server?: number;
}

/** One line of JSON from the host. */
export type HostReply =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly message: string };

const fileName = "memory-host.json";
const words = new Set(["start", "kill", "term", "pause", "resume", "end"]);

export function isHostCommand(value: unknown): value is HostCommand {
  if (typeof value !== "object" || value === null) return false;
  const { do: word, server } = value as Record<string, unknown>;
  return typeof word === "string" && words.has(word) && (server === undefined || typeof server === "number");
}

/** Where the servers keep what they remember. */
export function memoryFolder(folder: string): string {
  return join(folder, "memory");
}

/** A short path in a folder of this user alone: the system takes no long ones for sockets. */
export function hostSocket(folder: string): string {
  const name = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  return join(dirname(leaseDir()), `host-${name}.sock`);
}

/** Null when there is none, or none that can be read. */
export function readHost(folder: string): HostRecord | null {
  try {
    const found = JSON.parse(readFileSync(join(folder, fileName), "utf8")) as Partial<HostRecord>;
    const isWhole = typeof found.pid === "number" && typeof found.startTime === "string" && found.servers;
    return isWhole ? (found as HostRecord) : null;
  } catch {
    // Never written, removed, or torn by a crash of the machine: nobody is there then.
    return null;
  }
}

/** At once and in one piece, so that whoever looks never sees half of it. */
export function writeHost(folder: string, record: HostRecord): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, fileName);
  writeFileSync(`${path}.new`, JSON.stringify(record));
  renameSync(`${path}.new`, path);
}

export function removeHost(folder: string): void {
  rmSync(join(folder, fileName), { force: true });
}
