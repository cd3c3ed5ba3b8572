/**
 * A lock between processes that survives the death of its holder.
 *
 * The lock is a folder of numbered claims; the highest number is the lock. A claim whose holder is dead, or which says
 * `released`, may be succeeded by making the next number, which only one process can do. A claim is removed only by a
 * later holder, and who makes a number looks again whether it is still the highest, so a slow process can never take
 * a number that has already been passed: the highest number only grows.
 */
import { randomBytes } from "node:crypto";
import { link, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "../errors.js";
import { readFileIfThere, writeFileAtomic } from "../files.js";
import { formatSeconds, type WaitOptions, waitFor } from "../wait.js";
import { findSame, ownIdentity, type ProcessIdentity } from "./process-table.js";

/** Held until {@link LabLock.release}. */
export interface LabLock {
  release(): Promise<void>;
}

/** What the holder says of itself to those who wait. */
interface Claim extends ProcessIdentity {
  readonly purpose: string;
  readonly released: boolean;
}

/** Someone was faster just now; the next look tells who. */
const unknownHolder: Claim = { pid: 0, startTime: "", purpose: "another command", released: false };

/**
 * Takes the lock in folder `dir`, or waits for it.
 *
 * @param purpose said to others who wait, for example `lab:up`.
 * @param options.timeoutMs default 60 000.
 * @param options.onWait called once, with a line for people, when another live process holds the lock.
 * @throws LabError `LOCK_TIMEOUT` naming the holder.
 */
export async function takeLock(
  dir: string,
  purpose: string,
  options: WaitOptions & { readonly onWait?: (line: string) => void } = {},
): Promise<LabLock> {
  await mkdir(dir, { recursive: true });
  const timeoutMs = options.timeoutMs ?? 60_000;
  let holder: Claim | null = null;
  let hasToldOfWait = false;
  try {
    return await waitFor({
      what: `the lock ${dir}`,
      timeoutMs,
      intervalMs: 50,
      code: "LOCK_TIMEOUT",
      signal: options.signal,
      look: async () => {
        const tried = await tryToTake(dir, purpose);
        if ("release" in tried) return tried;
        if (tried.pid === 0) return undefined;
        holder = tried;
        if (!hasToldOfWait) {
          hasToldOfWait = true;
          options.onWait?.(`waiting for ${tried.purpose} (pid ${tried.pid}) to finish`);
        }
        return undefined;
      },
    });
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== "LOCK_TIMEOUT" || holder === null) throw error;
    const { pid, purpose: theirs } = holder as Claim;
    throw new LabError(
      "LOCK_TIMEOUT",
      `Another command, ${theirs} (pid ${pid}), is still at work on this lab after ${formatSeconds(timeoutMs)}. Wait for it or end it, then try again.`,
      { cause: error, details: { pid, purpose: theirs, lock: dir } },
    );
  }
}

async function tryToTake(dir: string, purpose: string): Promise<LabLock | Claim> {
  const highest = Math.max(0, ...(await claimNumbers(dir)));
  if (highest > 0) {
    const claim = parseClaim(await readFileIfThere(claimPath(dir, highest)));
    // A claim that cannot be read has been removed by a later holder; the next look finds that one.
    if (claim === null) return unknownHolder;
    if (!claim.released && findSame(claim) !== null) return claim;
  }
  const mine = highest + 1;
  const claim: Claim = { ...ownIdentity(), purpose, released: false };
  if (!(await makeClaim(dir, mine, claim))) return unknownHolder;
  const numbers = await claimNumbers(dir);
  if (numbers.some((number) => number > mine)) {
    await rm(claimPath(dir, mine), { force: true });
    return unknownHolder;
  }
  await Promise.all(numbers.filter((n) => n < mine).map((n) => rm(claimPath(dir, n), { force: true })));
  return {
    release: () => writeFileAtomic(claimPath(dir, mine), JSON.stringify({ ...claim, released: true })),
  };
}

/** A link appears with its whole content or not at all, and never replaces another. */
async function makeClaim(dir: string, number: number, claim: Claim): Promise<boolean> {
  const temporary = join(dir, `new.${process.pid}.${randomBytes(4).toString("hex")}`);
  await writeFile(temporary, JSON.stringify(claim));
  try {
    await link(temporary, claimPath(dir, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

function claimPath(dir: string, number: number): string {
  return join(dir, `claim.${number}`);
}

async function claimNumbers(dir: string): Promise<number[]> {
  return (await readdir(dir)).flatMap((name) => {
    const number = /^claim\.(\d+)$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

function parseClaim(text: string | null): Claim | null {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Claim;
  } catch {
    // A torn claim can only come from a crash of the whole machine: its holder is dead.
    return { pid: 0, startTime: "", purpose: "a command that crashed", released: true };
  }
}
