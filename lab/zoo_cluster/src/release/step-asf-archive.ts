import { rm } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "../errors.js";
import { givenDigest, unpackRelease } from "./archive.js";
import { cachePlaces, commitEntry, createWorkDirectory, entryName } from "./cache.js";
import type { ExpectedDigest } from "./digest.js";
import { download } from "./download.js";
import { printable } from "./http-get.js";
import { pinnedTarball } from "./pinned-digests.js";
import { isOffline, offlineReason, type StepContext, type StepForecast, type StepResult } from "./step.js";
import { tarballName } from "./version.js";

/** Where every release is kept for good; the ordinary mirrors carry only the newest ones. */
const asfArchive = "https://archive.apache.org/dist/zookeeper";

/** Downloads the tarball from `ZK_LAB_MIRROR` or the ASF archive, and unpacks it into the cache. */
export async function tryAsfArchive(context: StepContext): Promise<StepResult> {
  const { version, env, cacheRoot, onProgress, signal } = context;
  const plan = planDownload(context);
  if ("miss" in plan) return plan;
  const { url, expected } = plan;
  const partPath = join(
    cachePlaces(cacheRoot).downloads,
    `${tarballName(version)}.tar.gz.${expected.hex.slice(0, 16)}.part`,
  );
  onProgress(`download: ${printable(url)}`);
  await download({ url, partPath, expected, env, onProgress, signal });
  const workDir = await createWorkDirectory(cacheRoot);
  try {
    const { dir: staged, layout } = await unpackRelease(partPath, workDir, signal);
    if (layout.version !== version) {
      throw new LabError(
        "BAD_RELEASE",
        `${printable(url)} holds ZooKeeper ${layout.version}, not ${version}`,
      );
    }
    const { ownScripts } = layout;
    const facts = { version, origin: "asf-archive", ownScripts, madeFrom: printable(url) } as const;
    const { dir } = await commitEntry(cacheRoot, entryName(version, "asf-archive"), staged, facts, signal);
    await rm(partPath, { force: true });
    onProgress(`download: ZooKeeper ${version} verified and unpacked`);
    return { release: { version, source: "asf-archive", origin: "asf-archive", dir, ownScripts } };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** Says whether {@link tryAsfArchive} could be tried. */
export async function forecastAsfArchive(context: StepContext): Promise<StepForecast> {
  const plan = planDownload(context);
  if ("miss" in plan) return { outcome: "miss", reason: plan.miss };
  return {
    outcome: "possible",
    reason: `${printable(plan.url)} would be downloaded and checked against the ${plan.expected.algorithm} ${plan.expected.origin}`,
  };
}

function planDownload({
  version,
  env,
}: StepContext): { url: URL; expected: ExpectedDigest } | { miss: string } {
  if (isOffline(env)) return { miss: offlineReason };
  const base = env["ZK_LAB_MIRROR"] || asfArchive;
  if (!/^https?:\/\//i.test(base) || !URL.canParse(base))
    return { miss: "ZK_LAB_MIRROR is no http or https URL" };
  const url = new URL(base);
  if (!/\.(?:tar\.gz|tgz)$/.test(url.pathname)) {
    url.pathname = `${url.pathname.replace(/\/$/, "")}/zookeeper-${version}/${tarballName(version)}.tar.gz`;
  }
  const expected = givenDigest(env) ?? pinnedTarball(version);
  if (expected !== null) return { url, expected };
  return {
    miss: `no digest of the ${version} tarball is known to the lab, and a download is not used on the word of its server: set ZK_LAB_SHA512 to the SHA-512 of ${tarballName(version)}.tar.gz (published beside it as .sha512) to allow ${printable(url)}`,
  };
}
