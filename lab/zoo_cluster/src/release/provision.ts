import { join } from "node:path";
import { isLabError, LabError } from "../errors.js";
import { cachePlaces, sweepWork } from "./cache.js";
import { cacheDirectory } from "./cache-directory.js";
import { describeError } from "./files.js";
import { withLock } from "./lock.js";
import { isOffline, type StepContext, type StepResult } from "./step.js";
import { tryArchive } from "./step-archive.js";
import { tryAsfArchive } from "./step-asf-archive.js";
import { cacheScope, tryCache } from "./step-cache.js";
import { tryHome } from "./step-home.js";
import { tryMaven } from "./step-maven.js";
import {
  type ProvisionOptions,
  type Release,
  type ReleaseAttempt,
  type ReleaseStep,
  releaseSteps,
} from "./types.js";
import { checkVersion, defaultVersion, tarballName } from "./version.js";

/**
 * Gives a complete ZooKeeper release, from the first step of the chain that has one: the user's own (`ZK_LAB_HOME`,
 * `ZK_LAB_CLASSPATH`), the cache, the user's archive (`ZK_LAB_ARCHIVE`), Maven, the ASF archive.
 *
 * Two processes that need the same version at once cooperate: one makes it, the other waits and takes it from the cache.
 *
 * @throws LabError `NO_RELEASE` with every step and its reason in the message and in `details.chain`;
 * `DIGEST_MISMATCH` and `BAD_ARCHIVE` at once, since going on would hide an attack or a broken disk; `BAD_OPTION` for a
 * version or a `ZK_LAB_SHA512` that is none; `LOCK_TIMEOUT`
 */
export async function provisionRelease(options: ProvisionOptions = {}): Promise<Release> {
  const context = stepContext(options);
  const { version, cacheRoot, onProgress, signal } = context;
  signal?.throwIfAborted();
  const misses = new Map<ReleaseStep, string>();
  const attempt = async (step: ReleaseStep, work: () => Promise<StepResult>): Promise<Release | null> => {
    const result = await attemptStep(context, work);
    if ("release" in result) return result.release;
    misses.set(step, result.miss);
    return null;
  };

  const scope = cacheScope(context);
  const ready =
    (await attempt("home", () => tryHome(context))) ??
    (await attempt("cache", () => tryCache(context, scope)));
  if (ready) return ready;
  tellUnused(context, "home", misses);

  const lockPath = join(cachePlaces(cacheRoot).locks, `${version}.lock`);
  try {
    const made = await withLock(
      lockPath,
      { purpose: `ZooKeeper ${version}`, signal, onProgress },
      async () => {
        await sweepWork(cacheRoot);
        // Asked again, since another process may have made it while we waited for the lock.
        const archived =
          (await attempt("cache", () => tryCache(context, scope))) ??
          (await attempt("archive", () => tryArchive(context)));
        if (archived) return archived;
        tellUnused(context, "archive", misses);
        return (
          // With the archive of no use, what was made in other ways counts too.
          (scope === "any" ? null : await attempt("cache", () => tryCache(context, "any"))) ??
          (await attempt("maven", () => tryMaven(context))) ??
          (await attempt("asf-archive", () => tryAsfArchive(context)))
        );
      },
    );
    if (made) return made;
  } catch (error) {
    signal?.throwIfAborted();
    if (isLabError(error)) throw error;
    misses.set(
      "cache",
      `${cacheRoot} cannot be used: ${describeError(error)} (ZK_LAB_CACHE names another place)`,
    );
  }
  throw noRelease(context, misses);
}

/** The context of all steps from what a caller gave. */
export function stepContext(options: ProvisionOptions): StepContext {
  const env = options.env ?? process.env;
  return {
    version: checkVersion(options.version ?? defaultVersion),
    env,
    cacheRoot: cacheDirectory(env),
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal,
  };
}

/** Errors that are no reason to look further: an attack or a broken disk must not be hidden, nor a mistake of the caller. */
const final: ReadonlySet<string> = new Set(["DIGEST_MISMATCH", "BAD_ARCHIVE", "BAD_OPTION"]);

async function attemptStep(context: StepContext, work: () => Promise<StepResult>): Promise<StepResult> {
  try {
    return await work();
  } catch (error) {
    context.signal?.throwIfAborted();
    if (isLabError(error) && final.has(error.code)) throw error;
    return { miss: describeError(error) };
  }
}

/** What the user named and what is not used must not be passed over in silence. */
function tellUnused(
  { env, onProgress }: StepContext,
  step: "home" | "archive",
  misses: ReadonlyMap<ReleaseStep, string>,
): void {
  const named = step === "home" ? env["ZK_LAB_HOME"] || env["ZK_LAB_CLASSPATH"] : env["ZK_LAB_ARCHIVE"];
  if (named) onProgress(`not used: ${misses.get(step)}`);
}

function noRelease(context: StepContext, misses: ReadonlyMap<ReleaseStep, string>): LabError {
  const { version, env } = context;
  const chain: ReleaseAttempt[] = releaseSteps.map((step) => ({
    step,
    outcome: "miss",
    reason: misses.get(step) ?? "not tried",
  }));
  const lines = [
    `no ZooKeeper ${version} to run; every step of the search came to nothing:`,
    ...chain.map(({ step, reason }) => `  ${step}: ${reason.replaceAll("\n", "\n    ")}`),
    "The three easiest ways out:",
    isOffline(env)
      ? "  1. unset ZK_LAB_OFFLINE, so that Maven or the download can be tried"
      : "  1. install Maven (apt-get install maven, brew install maven, sdk install maven) and run this again",
    `  2. get ${tarballName(version)}.tar.gz by hand and set ZK_LAB_ARCHIVE=/path/to/${tarballName(version)}.tar.gz`,
    `  3. unpack a release yourself and set ZK_LAB_HOME=/path/to/${tarballName(version)}`,
  ];
  return new LabError("NO_RELEASE", lines.join("\n"), { details: { version, chain } });
}
