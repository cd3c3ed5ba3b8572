import { rm } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { isLabError } from "../errors.js";
import { checkDigest, expectedDigests, unpackRelease } from "./archive.js";
import { commitEntry, createWorkDirectory, entryName } from "./cache.js";
import { hashFile } from "./digest.js";
import { kindOf } from "./files.js";
import { pinnedTarball } from "./pinned-digests.js";
import {
  allowsAnyVersion,
  type StepContext,
  type StepForecast,
  type StepResult,
  versionMiss,
} from "./step.js";

const unset = "ZK_LAB_ARCHIVE is not set";

/** Unpacks the archive that the user names into the cache. */
export async function tryArchive(context: StepContext): Promise<StepResult> {
  const { env, cacheRoot, onProgress, signal } = context;
  const archive = archivePath(context);
  const miss = await archiveMiss(context, archive);
  if (archive === null || miss !== null) return { miss: miss ?? unset };

  onProgress(`archive: checking and unpacking ${archive}`);
  const expected = await expectedDigests(archive, env);
  for (const digest of expected) await checkDigest(archive, digest, signal);
  const workDir = await createWorkDirectory(cacheRoot);
  try {
    const { dir: staged, layout } = await unpackRelease(archive, workDir, signal);
    const otherVersion = versionMiss(context, layout.version, `ZK_LAB_ARCHIVE (${archive})`);
    if (otherVersion !== null) return { miss: otherVersion };
    if (expected.length === 0) await compareWithPublished(context, archive, layout.version);
    const name = entryName(layout.version, "archive", await hashFile(archive, "sha256", signal));
    const { ownScripts } = layout;
    const facts = { version: layout.version, origin: "archive", ownScripts, madeFrom: archive } as const;
    const { dir } = await commitEntry(cacheRoot, name, staged, facts, signal);
    onProgress(
      `archive: ZooKeeper ${layout.version} unpacked, ${ownScripts ? "with its own" : "without"} control scripts`,
    );
    return { release: { version: layout.version, source: "archive", origin: "archive", dir, ownScripts } };
  } catch (error) {
    // A damaged file is a reason to look further; one that attacks is not.
    if (isLabError(error, "BAD_ARCHIVE") && error.details["kind"] === "damaged")
      return { miss: error.message };
    throw error;
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** Says whether {@link tryArchive} could be tried. */
export async function forecastArchive(context: StepContext): Promise<StepForecast> {
  const archive = archivePath(context);
  const miss = await archiveMiss(context, archive);
  if (archive === null || miss !== null) return { outcome: "miss", reason: miss ?? unset };
  return { outcome: "possible", reason: `${archive} would be checked and unpacked` };
}

function archivePath({ env }: StepContext): string | null {
  return env["ZK_LAB_ARCHIVE"] ? resolve(env["ZK_LAB_ARCHIVE"]) : null;
}

async function archiveMiss(context: StepContext, archive: string | null): Promise<string | null> {
  if (archive === null) return unset;
  const kind = await kindOf(archive);
  if (kind !== "file") return `ZK_LAB_ARCHIVE: ${archive} is ${kind === "absent" ? "not there" : "no file"}`;
  // Spares unpacking where the name says enough; a file of any other name is judged by what is in it.
  const named =
    /^(?:apache-)?zookeeper-(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)[\w.]*?)?)(?:-bin)?\.(?:tar|tar\.gz|tgz)$/.exec(
      basename(archive),
    );
  if (named && named[1] !== context.version && !allowsAnyVersion(context.env)) {
    return `ZK_LAB_ARCHIVE: ${archive} is ${named[1]} by its name, not ${context.version} (ZK_LAB_ANY_VERSION=1 would take it anyway)`;
  }
  return null;
}

/**
 * Says aloud when a file is not the published tarball. It is used all the same: the user chose it, and a release built or
 * packed by hand is a fair thing to run in a lab.
 */
async function compareWithPublished(context: StepContext, archive: string, version: string): Promise<void> {
  const pinned = pinnedTarball(version);
  if (pinned === null) return;
  const actual = await hashFile(archive, pinned.algorithm, context.signal);
  context.onProgress(
    actual === pinned.hex
      ? `archive: ${archive} is the published tarball`
      : `archive: ${archive} is not the tarball published as ${version} (its ${pinned.algorithm} is ${actual}); used because ZK_LAB_ARCHIVE names it`,
  );
}
