import { type CacheEntry, entryName, entryNames, openEntry } from "./cache.js";
import { hashFile } from "./digest.js";
import { kindOf } from "./files.js";
import { allowsAnyVersion, type StepContext, type StepForecast, type StepResult } from "./step.js";
import type { Release, ReleaseStep } from "./types.js";

/**
 * The cache, asked in one of two ways.
 *
 * - `archive`: the user names an archive, so only what was made from that very file counts.
 * - `any`: whatever is there for the version, releases with their own scripts from the published tarball first.
 */
export type CacheScope = "archive" | "any";

/** The scope to begin with. */
export function cacheScope(context: StepContext): CacheScope {
  return context.env["ZK_LAB_ARCHIVE"] ? "archive" : "any";
}

const anyOrder: readonly ReleaseStep[] = ["asf-archive", "maven", "archive"];

/** Looks for a whole release in the cache; a damaged one is said aloud and left to be made again. */
export async function tryCache(context: StepContext, scope: CacheScope): Promise<StepResult> {
  const { version, cacheRoot, onProgress, signal } = context;
  const damaged: string[] = [];
  for (const name of await namesIn(context, scope)) {
    const found = await openEntry(cacheRoot, name, signal);
    if (found.state === "whole") return { release: releaseOf(found.entry) };
    if (found.state === "damaged") {
      const line = `the cached release ${found.dir} is damaged: ${found.reason}`;
      onProgress(`${line}; it will not be used`);
      damaged.push(line);
    }
  }
  if (damaged.length > 0) return { miss: damaged.join("; ") };
  if (scope === "archive")
    return { miss: `nothing in ${cacheRoot} was made from ${context.env["ZK_LAB_ARCHIVE"]}` };
  return { miss: `${cacheRoot} holds no ${version}` };
}

/** Says whether {@link tryCache} would give a release. */
export async function forecastCache(context: StepContext, scope: CacheScope): Promise<StepForecast> {
  const result = await tryCache({ ...context, onProgress: () => {} }, scope);
  if ("miss" in result) return { outcome: "miss", reason: result.miss };
  return {
    outcome: "available",
    reason: `ZooKeeper ${result.release.version} in ${result.release.dir}, every digest right`,
  };
}

async function namesIn(context: StepContext, scope: CacheScope): Promise<string[]> {
  const { version, cacheRoot, env, signal } = context;
  if (scope === "any") {
    const names: string[] = [];
    for (const origin of anyOrder) names.push(...(await entryNames(cacheRoot, version, origin)));
    return names;
  }
  const archive = env["ZK_LAB_ARCHIVE"]!;
  if ((await kindOf(archive)) !== "file") return [];
  const digest = await hashFile(archive, "sha256", signal);
  if (!allowsAnyVersion(env)) return [entryName(version, "archive", digest)];
  const suffix = entryName("", "archive", digest);
  return (await entryNames(cacheRoot)).filter((name) => name.endsWith(suffix));
}

function releaseOf({ dir, record }: CacheEntry): Release {
  const { version, origin, ownScripts } = record;
  return { version, source: "cache", origin, dir, ownScripts };
}
