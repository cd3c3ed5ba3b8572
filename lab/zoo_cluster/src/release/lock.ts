import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LabError } from "../errors.js";
import { systemCode, temporaryBeside } from "./files.js";
import { isAlive, ownIdentity, type ProcessIdentity } from "./process-identity.js";

/**
 * A lock between processes, held as a file that names its owner.
 *
 * The lock spares work; it does not guard correctness: whatever is made under it is still put in place by one rename.
 * So the one race that plain files leave open (two waiters break the same dead lock at once, see {@link breakLock})
 * costs at worst the same work done twice.
 */

/** Settings of {@link withLock}. */
export interface LockOptions {
  /** What is being done, for messages: "zookeeper 3.4.6". */
  readonly purpose: string;
  /** How long to wait for another owner, in milliseconds (600 000). */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
}

interface LockOwner extends ProcessIdentity {
  readonly host: string;
  readonly token: string;
  readonly since: string;
}

const pollMs = 100;
const tellEveryMs = 5_000;
const refreshMs = 5_000;
/** An owner on another host or in another process namespace cannot be asked; it counts as dead when not refreshed. */
const foreignStaleMs = 60_000;
/** A file without a readable owner is left by a crash of the machine; it is given this long to become whole. */
const unreadableStaleMs = 10_000;

/**
 * Runs `work` while holding the lock file `path`.
 *
 * @throws LabError `LOCK_TIMEOUT` naming the owner; the signal's reason on abort
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const owner = await acquire(path, options);
  // The refresh tells processes on other hosts that share this directory that the owner still lives.
  const refresh = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, refreshMs);
  refresh.unref();
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    await release(path, owner);
  }
}

async function acquire(path: string, options: LockOptions): Promise<LockOwner> {
  const limitMs = options.timeoutMs ?? 600_000;
  const started = performance.now();
  let nextTellMs = 0;
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    options.signal?.throwIfAborted();
    const owner: LockOwner = {
      ...(await ownIdentity()),
      host: hostname(),
      token: randomBytes(8).toString("hex"),
      since: new Date().toISOString(),
    };
    if (await tryCreate(path, owner)) return owner;
    const holder = await readOwner(path);
    if (await isStale(path, holder)) {
      options.onProgress?.(
        `breaking the lock ${path}: its owner ${holder ? `(process ${holder.pid})` : "(unknown)"} is gone`,
      );
      await breakLock(path, holder);
      continue;
    }
    const waitedMs = performance.now() - started;
    const who = holder
      ? `process ${holder.pid} on ${holder.host}, since ${holder.since}`
      : "an unknown process";
    if (waitedMs >= limitMs) {
      throw new LabError(
        "LOCK_TIMEOUT",
        `waited ${Math.round(waitedMs / 1000)} s for the lock ${path} (${options.purpose}), held by ${who}: end that process, or remove the file if it is not at work`,
        { details: { path, holder } },
      );
    }
    if (waitedMs >= nextTellMs) {
      nextTellMs = waitedMs + tellEveryMs;
      options.onProgress?.(`${options.purpose}: waiting for ${who}`);
    }
    await delay(pollMs, undefined, { signal: options.signal }).catch(() => options.signal?.throwIfAborted());
  }
}

/** A hard link either appears with its whole content or fails, so nobody ever reads half an owner. */
async function tryCreate(path: string, owner: LockOwner): Promise<boolean> {
  const temporary = temporaryBeside(path);
  try {
    await writeFile(temporary, JSON.stringify(owner), { flag: "wx" });
    await link(temporary, path);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST") return false;
    // File systems without hard links: create the file itself, which readers tolerate being empty for a moment.
    if (code === "EPERM" || code === "ENOTSUP" || code === "EOPNOTSUPP") return tryCreateInPlace(path, owner);
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function tryCreateInPlace(path: string, owner: LockOwner): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(owner), { flag: "wx" });
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<LockOwner | null> {
  try {
    const value = JSON.parse(await readFile(path, "utf8")) as Partial<LockOwner> | null;
    if (typeof value?.pid !== "number" || typeof value.token !== "string" || typeof value.host !== "string")
      return null;
    return {
      pid: value.pid,
      startTime: typeof value.startTime === "string" ? value.startTime : null,
      host: value.host,
      token: value.token,
      since: String(value.since),
    };
  } catch {
    // Gone meanwhile, or not (yet) readable: both are answered by the age of the file.
    return null;
  }
}

async function isStale(path: string, holder: LockOwner | null): Promise<boolean> {
  if (holder?.host === hostname()) return !(await isAlive(holder));
  const age = await stat(path).then(
    (found) => Date.now() - found.mtimeMs,
    () => 0,
  );
  return age > (holder ? foreignStaleMs : unreadableStaleMs);
}

/** Moves the dead lock aside, then looks at what was moved: if it was somebody's new lock after all, puts it back. */
async function breakLock(path: string, dead: LockOwner | null): Promise<void> {
  const aside = temporaryBeside(path);
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return;
    throw error;
  }
  const moved = await readOwner(aside);
  if (moved !== null && moved.token !== dead?.token) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function release(path: string, owner: LockOwner): Promise<void> {
  const holder = await readOwner(path);
  if (holder?.token === owner.token) await rm(path, { force: true });
}
