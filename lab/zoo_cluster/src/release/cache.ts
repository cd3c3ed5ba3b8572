import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { hashFile, isDigest } from "./digest.js";
import {
  describeError,
  kindOf,
  listDirectory,
  listFilesBelow,
  systemCode,
  writeFileAtomically,
} from "./files.js";
import { isAlive, ownIdentity } from "./process-identity.js";
import { type ReleaseStep, releaseSteps } from "./types.js";

/**
 * The cache of assembled releases.
 *
 * ```
 * CACHE/releases/3.4.6-maven/            one entry: the release, and the record that tells what belongs to it
 * CACHE/releases/3.4.6-archive-0123abcd/ made from an archive with that digest
 * CACHE/making/PID-START-…/              being made; swept when its process is gone
 * CACHE/downloads/                       downloads not yet whole
 * CACHE/locks/3.4.6.lock
 * ```
 *
 * An entry appears by one rename and is read-only from then on. Every use checks each file against the digest recorded
 * when the entry was made, so that a damaged entry is found before a server runs from it.
 */

/** Name of the record inside an entry. */
export const recordName = ".zk-lab-release.json";
const recordSchema = 1;

/** What is recorded about an entry when it is made. */
export interface CacheRecord {
  readonly schema: typeof recordSchema;
  readonly version: string;
  readonly origin: ReleaseStep;
  readonly ownScripts: boolean;
  /** Where the bytes came from, for people. */
  readonly madeFrom: string;
  readonly madeAt: string;
  /** Every file of the entry, by path relative to it. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** A whole entry. */
export interface CacheEntry {
  readonly dir: string;
  readonly record: CacheRecord;
}

/** The outcome of {@link openEntry}. */
export type EntryState =
  | { readonly state: "whole"; readonly entry: CacheEntry }
  | { readonly state: "absent" }
  | { readonly state: "damaged"; readonly dir: string; readonly reason: string };

/** Places of the cache. */
export interface CachePlaces {
  readonly releases: string;
  readonly making: string;
  readonly downloads: string;
  readonly locks: string;
}

/** The folders of the cache at `root`. */
export function cachePlaces(root: string): CachePlaces {
  return {
    releases: join(root, "releases"),
    making: join(root, "making"),
    downloads: join(root, "downloads"),
    locks: join(root, "locks"),
  };
}

/**
 * Name of the entry for a release of this origin.
 *
 * @param digest what tells apart entries of one version and origin: the digest of the archive or of the list of jars
 */
export function entryName(version: string, origin: ReleaseStep, digest?: string): string {
  return digest === undefined ? `${version}-${origin}` : `${version}-${origin}-${digest.slice(0, 16)}`;
}

/** Names of the entries there are, newest first: all, or those of one version and origin. */
export async function entryNames(root: string, version?: string, origin?: ReleaseStep): Promise<string[]> {
  const { releases } = cachePlaces(root);
  const wanted = version === undefined || origin === undefined ? null : entryName(version, origin);
  const named: { name: string; madeMs: number }[] = [];
  for (const { name } of await listDirectory(releases)) {
    if (wanted !== null && name !== wanted && !name.startsWith(`${wanted}-`)) continue;
    named.push({ name, madeMs: (await stat(join(releases, name)).catch(() => null))?.mtimeMs ?? 0 });
  }
  return named.sort((a, b) => b.madeMs - a.madeMs).map(({ name }) => name);
}

/** Reads an entry and checks all of it. */
export async function openEntry(root: string, name: string, signal?: AbortSignal): Promise<EntryState> {
  const dir = join(cachePlaces(root).releases, name);
  if ((await kindOf(dir)) === "absent") return { state: "absent" };
  let record: CacheRecord;
  try {
    record = parseRecord(await readFile(join(dir, recordName), "utf8"));
  } catch (error) {
    return { state: "damaged", dir, reason: `its record cannot be read (${describeError(error)})` };
  }
  const problem = await firstProblem(dir, record, signal);
  return problem === null
    ? { state: "whole", entry: { dir, record } }
    : { state: "damaged", dir, reason: problem };
}

/** A fresh directory on the cache's file system, removed by {@link sweepWork} if this process dies. */
export async function createWorkDirectory(root: string): Promise<string> {
  const { pid, startTime } = await ownIdentity();
  const { making } = cachePlaces(root);
  await mkdir(making, { recursive: true });
  for (let attempt = 0; ; attempt += 1) {
    const dir = join(making, `${pid}-${(startTime ?? "").replace(/[^\w]/g, "_")}-${Date.now()}-${attempt}`);
    try {
      await mkdir(dir, { mode: 0o700 });
      return dir;
    } catch (error) {
      if (systemCode(error) !== "EEXIST" || attempt > 1_000) throw error;
    }
  }
}

/** Removes what dead processes left half made. */
export async function sweepWork(root: string): Promise<void> {
  const { making } = cachePlaces(root);
  for (const { name } of await listDirectory(making)) {
    const owner = /^(\d+)-(\w*)-\d+-\d+$/.exec(name);
    if (!owner) continue;
    const own = await ownIdentity();
    const pid = Number(owner[1]);
    const startTime = owner[2] === "" ? null : owner[2]!;
    // Start times were made fit for a file name, so on platforms where that changed them only the number is compared.
    const comparable = startTime !== null && /^\d+$/.test(startTime) ? startTime : null;
    if (pid === own.pid && (comparable === null || comparable === own.startTime)) continue;
    if (!(await isAlive({ pid, startTime: comparable })))
      await rm(join(making, name), { recursive: true, force: true });
  }
}

/**
 * Makes `staged` (a directory inside the work directory) the entry `name`: records every file, then renames.
 *
 * An entry of that name, damaged or older, is moved out of the way first and then removed.
 */
export async function commitEntry(
  root: string,
  name: string,
  staged: string,
  facts: Pick<CacheRecord, "version" | "origin" | "ownScripts" | "madeFrom">,
  signal?: AbortSignal,
): Promise<CacheEntry> {
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const path of await listFilesBelow(staged)) {
    const { size } = await stat(join(staged, path));
    files[path] = { bytes: size, sha256: await hashFile(join(staged, path), "sha256", signal) };
  }
  const record: CacheRecord = { schema: recordSchema, ...facts, madeAt: new Date().toISOString(), files };
  await writeFileAtomically(join(staged, recordName), `${JSON.stringify(record, null, 2)}\n`);
  signal?.throwIfAborted();

  const { releases } = cachePlaces(root);
  const dir = join(releases, name);
  await mkdir(releases, { recursive: true });
  await replaceDirectory(root, staged, dir);
  return { dir, record };
}

/** A directory cannot be renamed over another that holds files, so the other is moved out of the way first. */
async function replaceDirectory(root: string, staged: string, dir: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await rename(staged, dir);
      return;
    } catch (error) {
      const occupied = ["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(systemCode(error) ?? "");
      if (!occupied || attempt >= 10) throw error;
    }
    const aside = await createWorkDirectory(root);
    await rename(dir, join(aside, basename(dir))).catch((error: unknown) => {
      if (systemCode(error) !== "ENOENT") throw error;
    });
    await rm(aside, { recursive: true, force: true });
  }
}

function parseRecord(text: string): CacheRecord {
  const value = JSON.parse(text) as Partial<CacheRecord> | null;
  if (value?.schema !== recordSchema) throw new Error("it was written by another version of the lab");
  const { version, origin, ownScripts, madeFrom, madeAt, files } = value;
  const sound =
    typeof version === "string" &&
    typeof ownScripts === "boolean" &&
    typeof madeFrom === "string" &&
    typeof madeAt === "string" &&
    origin !== undefined &&
    releaseSteps.includes(origin) &&
    typeof files === "object" &&
    files !== null &&
    Object.values(files).every(
      (file) => typeof file?.bytes === "number" && isDigest(String(file.sha256), "sha256"),
    );
  if (!sound) throw new Error("fields are missing");
  return { schema: recordSchema, version, origin, ownScripts, madeFrom, madeAt, files };
}

async function firstProblem(dir: string, record: CacheRecord, signal?: AbortSignal): Promise<string | null> {
  const present = new Set(await listFilesBelow(dir));
  present.delete(recordName);
  for (const [path, expected] of Object.entries(record.files)) {
    if (!present.delete(path)) return `${path} is missing`;
    const { size } = await stat(join(dir, path));
    if (size !== expected.bytes) return `${path} has ${size} bytes instead of ${expected.bytes}`;
    if ((await hashFile(join(dir, path), "sha256", signal)) !== expected.sha256) {
      return `${path} does not have the digest recorded when it was made`;
    }
  }
  const [stranger] = present;
  return stranger === undefined ? null : `${stranger} does not belong to it`;
}
