import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Digest algorithms that the lab reads; the first two are what it writes and pins. */
export const digestAlgorithms = ["sha512", "sha256", "sha1", "md5"] as const;

/** Name of a digest algorithm. */
export type DigestAlgorithm = (typeof digestAlgorithms)[number];

/** A digest that a file must have. */
export interface ExpectedDigest {
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hexadecimal. */
  readonly hex: string;
  /** Where the value comes from, for messages. */
  readonly origin: string;
}

const hexLength: Readonly<Record<DigestAlgorithm, number>> = { sha512: 128, sha256: 64, sha1: 40, md5: 32 };

/** Digest of a file's bytes in lower-case hexadecimal, read as a stream. */
export async function hashFile(
  path: string,
  algorithm: DigestAlgorithm = "sha256",
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024, signal })) {
    hash.update(chunk as Uint8Array);
  }
  return hash.digest("hex");
}

/** Digest of bytes or text in lower-case hexadecimal. */
export function hashBytes(bytes: Uint8Array | string, algorithm: DigestAlgorithm = "sha256"): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

/** True when `hex` has the length and the letters of a digest of that algorithm. */
export function isDigest(hex: string, algorithm: DigestAlgorithm): boolean {
  return hex.length === hexLength[algorithm] && /^[0-9a-f]+$/.test(hex);
}

/**
 * Reads the digest out of a sidecar file such as `zookeeper-3.4.6.tar.gz.sha1`.
 *
 * Apache projects have published three forms: the bare hexadecimal digits, `digits  name`, and `name: DIGITS` with
 * the digits in upper-case groups over several lines.
 *
 * @returns null when no digest of that algorithm can be found
 */
export function parseDigestSidecar(text: string, algorithm: DigestAlgorithm): string | null {
  const first = /^\s*([0-9A-Fa-f]+)\b/.exec(text)?.[1]?.toLowerCase();
  if (first !== undefined && isDigest(first, algorithm)) return first;
  const colon = text.indexOf(":");
  const grouped = text
    .slice(colon + 1)
    .replace(/\s+/g, "")
    .toLowerCase();
  return isDigest(grouped, algorithm) ? grouped : null;
}
