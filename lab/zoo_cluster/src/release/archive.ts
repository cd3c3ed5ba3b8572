import { mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { LabError } from "../errors.js";
import { digestAlgorithms, type ExpectedDigest, hashFile, isDigest, parseDigestSidecar } from "./digest.js";
import { kindOf, listDirectory } from "./files.js";
import { inspectRelease, type ReleaseLayout } from "./layout.js";
import { unpackTar } from "./tar.js";
import type { Environment } from "./types.js";

/** Folders of a release that are unpacked; sources and documents, most of a 3.4 tarball, stay behind. */
const wantedFolders = new Set(["bin", "conf", "lib", "libexec", "share"]);

/**
 * Unpacks the parts of a binary release that a server needs.
 *
 * Both layouts are known: `zookeeper-3.4.6/` with the server jar at its top, and `apache-zookeeper-3.9.3-bin/` with all
 * jars in `lib/`.
 *
 * @returns the folder of the release inside `workDir`, and what is in it
 * @throws LabError `BAD_ARCHIVE` or `BAD_RELEASE`
 */
export async function unpackRelease(
  archive: string,
  workDir: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly dir: string; readonly layout: ReleaseLayout }> {
  const targetDir = join(workDir, "unpacked");
  await mkdir(targetDir);
  await unpackTar({ archive, targetDir, signal, wanted: isWanted });
  const entries = await listDirectory(targetDir);
  const [only] = entries;
  const wrapped = entries.length === 1 && only!.isDirectory() && !wantedFolders.has(only!.name);
  const dir = wrapped ? join(targetDir, only!.name) : targetDir;
  try {
    return { dir, layout: await inspectRelease(dir) };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    const reason = error.message.replaceAll(dir, basename(archive));
    throw new LabError(error.code, `${archive} holds no usable release: ${reason}`, { cause: error });
  }
}

/**
 * The digests that a file given by hand must have: `ZK_LAB_SHA512`, and what sidecar files beside it say
 * (`NAME.sha512`, `.sha256`, `.sha1`, `.md5`), as published with every release.
 *
 * @throws LabError `BAD_OPTION` for a `ZK_LAB_SHA512` that is no digest
 */
export async function expectedDigests(archive: string, env: Environment): Promise<ExpectedDigest[]> {
  const expected: ExpectedDigest[] = [];
  const given = givenDigest(env);
  if (given) expected.push(given);
  for (const algorithm of digestAlgorithms) {
    const sidecar = `${archive}.${algorithm}`;
    if ((await kindOf(sidecar)) !== "file") continue;
    const hex = parseDigestSidecar(await readFile(sidecar, "utf8"), algorithm);
    if (hex !== null) expected.push({ algorithm, hex, origin: `in ${sidecar}` });
  }
  return expected;
}

/** `ZK_LAB_SHA512`, the digest that the user vouches for, or null. @throws LabError `BAD_OPTION` when it is no digest */
export function givenDigest(env: Environment): ExpectedDigest | null {
  const value = env["ZK_LAB_SHA512"]?.trim().toLowerCase();
  if (!value) return null;
  if (!isDigest(value, "sha512")) {
    throw new LabError(
      "BAD_OPTION",
      "ZK_LAB_SHA512 must be 128 hexadecimal digits, the SHA-512 of the archive",
    );
  }
  return { algorithm: "sha512", hex: value, origin: "in ZK_LAB_SHA512" };
}

/** Compares a file with a digest. @throws LabError `DIGEST_MISMATCH` */
export async function checkDigest(
  path: string,
  expected: ExpectedDigest,
  signal?: AbortSignal,
): Promise<void> {
  const actual = await hashFile(path, expected.algorithm, signal);
  if (actual === expected.hex) return;
  throw new LabError(
    "DIGEST_MISMATCH",
    `${path} is not what it should be: its ${expected.algorithm} is ${actual}, and ${expected.hex} is ${expected.origin}. Get the file again`,
    { details: { path, actual, expected: expected.hex } },
  );
}

function isWanted(path: string): boolean {
  const parts = path.split("/");
  // Paths count from the folder that wraps a release, if there is one.
  const inner = parts.length > 1 && !wantedFolders.has(parts[0]!) ? parts.slice(1) : parts;
  if (inner.length === 1) return /\.jar$|^(?:LICENSE|NOTICE|README)/.test(inner[0]!);
  return wantedFolders.has(inner[0]!);
}
