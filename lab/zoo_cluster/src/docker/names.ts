/** What containers, networks and volumes of the lab are called and labelled, so that each can be told whose it is. */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import type { EnsembleSpec } from "../ensemble/layout.js";

/** Labels of everything that the lab makes. */
export const labels = {
  /** Names one ensemble: {@link keyOf}. */
  key: "zk.lab.key",
  /** The ensemble's name, for people. */
  name: "zk.lab.name",
  server: "zk.lab.server",
  version: "zk.lab.version",
  /** Machine and user whose processes decide about it: {@link hostKey}. */
  host: "zk.lab.host",
  /** What keeps it alive; see owner.ts. */
  owner: "zk.lab.owner",
  /** On volumes whose data is to stay: the folder that they belong to. */
  keeper: "zk.lab.keeper",
  /** Digest of what a container was made from. */
  plan: "zk.lab.plan",
} as const;

/** The name of an ensemble and of its folder, since every folder may have a lab called `default`. */
export function keyOf(name: string, folder: string): string {
  return `${name}-${digest(folder).slice(0, 8)}`;
}

export function containerName(key: string, id: number): string {
  return `zk-${key}-${id}`;
}

export function networkName(key: string): string {
  return `zk-${key}`;
}

/** By folder and release: what is stored is found again under another name of the ensemble, and by no other release. */
export function volumeName({ dir, version }: Pick<EnsembleSpec, "dir" | "version">, id: number): string {
  return `zk-data-${digest(dir).slice(0, 12)}-${version}-${id}`;
}

/**
 * This machine, this user, this view of the processes. Only what bears it may be judged by looking for its process here:
 * an engine can be shared by users who cannot see each other's processes, and by containers with process tables of
 * their own.
 */
export function hostKey(): string {
  return digest([hostname(), machineId(), processNamespace(), String(userInfo().uid)].join("\n")).slice(
    0,
    16,
  );
}

function machineId(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim();
  } catch {
    // Not Linux, or a container without one.
    return "";
  }
}

function processNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
