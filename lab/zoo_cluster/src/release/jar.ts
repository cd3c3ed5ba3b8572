import { readFile } from "node:fs/promises";
import { crc32, inflateRawSync } from "node:zlib";
import { LabError } from "../errors.js";
import { describeError } from "./files.js";

/**
 * A reader for jars, as far as the lab needs one: the manifest's attributes, and whether every entry is whole.
 *
 * Source: PKWARE .ZIP File Format Specification 6.3.x, sections 4.3 and 4.4; JAR File Specification, "Manifest".
 */

/** Largest jar that is read, in bytes. */
export const jarBytesMax: number = 128 * 1024 * 1024;
/** Largest size that one entry may claim, in bytes. */
export const jarEntryBytesMax: number = 64 * 1024 * 1024;

const endSignature = 0x06054b50;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;
const endBytes = 22;

interface JarEntry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly localOffset: number;
}

/**
 * The main attributes of `META-INF/MANIFEST.MF`.
 *
 * @throws LabError `BAD_RELEASE` when the file is no jar or has no manifest
 */
export async function readJarManifest(path: string): Promise<ReadonlyMap<string, string>> {
  const jar = await readJar(path);
  return reading(path, () => {
    const entry = listEntries(jar).find(
      (candidate) => candidate.name.toUpperCase() === "META-INF/MANIFEST.MF",
    );
    if (!entry) throw new Error("no META-INF/MANIFEST.MF inside");
    return parseManifest(readEntry(jar, entry).toString("utf8"));
  });
}

/**
 * Reads every entry and checks its length and CRC-32.
 *
 * @throws LabError `BAD_RELEASE` naming the entry
 */
export async function verifyJar(path: string): Promise<void> {
  const jar = await readJar(path);
  reading(path, () => {
    for (const entry of listEntries(jar)) readEntry(jar, entry);
  });
}

/** Main section of a manifest: `Name: value` lines, each continued by lines that start with one blank. */
export function parseManifest(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  let last: string | null = null;
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line === "") break;
    if (line.startsWith(" ") && last !== null) {
      attributes.set(last, attributes.get(last)! + line.slice(1));
      continue;
    }
    const colon = line.indexOf(": ");
    if (colon <= 0) continue;
    last = line.slice(0, colon);
    attributes.set(last, line.slice(colon + 2));
  }
  return attributes;
}

async function readJar(path: string): Promise<Buffer> {
  try {
    const jar = await readFile(path);
    if (jar.length > jarBytesMax) throw new Error(`larger than ${jarBytesMax} bytes`);
    return jar;
  } catch (error) {
    throw badJar(path, error);
  }
}

function reading<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw badJar(path, error);
  }
}

function badJar(path: string, cause: unknown): LabError {
  return new LabError("BAD_RELEASE", `${path} is not a readable jar: ${describeError(cause)}`, { cause });
}

function listEntries(jar: Buffer): JarEntry[] {
  const end = findEnd(jar);
  const count = jar.readUInt16LE(end + 10);
  let offset = jar.readUInt32LE(end + 16);
  const entries: JarEntry[] = [];
  for (let index = 0; index < count; index += 1) {
    if (offset + 46 > end || jar.readUInt32LE(offset) !== centralSignature) {
      throw new Error("its directory of entries is damaged");
    }
    const nameBytes = jar.readUInt16LE(offset + 28);
    entries.push({
      name: jar.toString("utf8", offset + 46, offset + 46 + nameBytes),
      method: jar.readUInt16LE(offset + 10),
      crc: jar.readUInt32LE(offset + 16),
      compressedBytes: jar.readUInt32LE(offset + 20),
      bytes: jar.readUInt32LE(offset + 24),
      localOffset: jar.readUInt32LE(offset + 42),
    });
    offset += 46 + nameBytes + jar.readUInt16LE(offset + 30) + jar.readUInt16LE(offset + 32);
  }
  return entries;
}

function findEnd(jar: Buffer): number {
  const lowest = Math.max(0, jar.length - endBytes - 0xffff);
  for (let offset = jar.length - endBytes; offset >= lowest; offset -= 1) {
    // The comment's length must reach exactly to the end of the file, or these are bytes of a comment.
    if (jar.readUInt32LE(offset) !== endSignature) continue;
    if (offset + endBytes + jar.readUInt16LE(offset + 20) === jar.length) return offset;
  }
  throw new Error("its end record is missing, as in a file that was cut short");
}

function readEntry(jar: Buffer, entry: JarEntry): Buffer {
  const { localOffset } = entry;
  if (localOffset + 30 > jar.length || jar.readUInt32LE(localOffset) !== localSignature) {
    throw new Error(`entry ${entry.name} has no header where it should`);
  }
  if (entry.bytes > jarEntryBytesMax) throw new Error(`entry ${entry.name} claims ${entry.bytes} bytes`);
  const start = localOffset + 30 + jar.readUInt16LE(localOffset + 26) + jar.readUInt16LE(localOffset + 28);
  const packed = jar.subarray(start, start + entry.compressedBytes);
  if (packed.length !== entry.compressedBytes) throw new Error(`entry ${entry.name} is cut short`);
  let bytes: Buffer;
  if (entry.method === 0) bytes = packed;
  else if (entry.method === 8) bytes = inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.bytes) });
  else throw new Error(`entry ${entry.name} uses compression method ${entry.method}`);
  if (bytes.length !== entry.bytes || crc32(bytes) !== entry.crc) {
    throw new Error(`entry ${entry.name} does not have its checksum`);
  }
  return bytes;
}
