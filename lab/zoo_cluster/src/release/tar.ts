import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, open } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { LabError } from "../errors.js";
import { ByteReader } from "./byte-reader.js";
import { describeError, systemCode } from "./files.js";
import { parseTarHeader, paxPath, type TarHeader, tarBlockBytes } from "./tar-header.js";

/**
 * Unpacks `.tar.gz` and `.tar` files that may come from anybody.
 *
 * Rules: every name in the archive is checked, also of entries that are not wanted; a name that is absolute, climbs with
 * `..` or holds a backslash or a NUL ends the work. Nothing but files and directories is ever made: a link is replaced by
 * a copy of the file it names, which must be in the same archive; so no later entry can be written through a link.
 * Devices and pipes are refused. Sizes and counts have limits.
 */

/** Most entries an archive may have. */
export const tarEntriesMax = 100_000;
/** Most bytes that may be unpacked from one archive. */
export const tarBytesMax: number = 2 * 1024 * 1024 * 1024;
const nameBytesMax = 16_384;

/** What {@link unpackTar} needs. */
export interface UnpackOptions {
  /** The archive. */
  readonly archive: string;
  /** An empty directory of our own, on which nobody else works. */
  readonly targetDir: string;
  /** Which files are wanted, by their path inside the archive; directories follow from files. */
  readonly wanted: (path: string) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks the wanted files of an archive.
 *
 * @returns the number of files written
 * @throws LabError `BAD_ARCHIVE` with `details.kind` `"hostile"` or `"damaged"`
 */
export async function unpackTar(options: UnpackOptions): Promise<number> {
  const files = new Set<string>();
  const links: { path: string; target: string }[] = [];
  await eachTarEntry(options.archive, options.signal, async (entry, content) => {
    const path = safePath(entry.name);
    if (entry.kind === "link") {
      links.push({
        path,
        target: safePath(entry.linksInside ? posix.join(posix.dirname(path), entry.target) : entry.target),
      });
      return;
    }
    if (entry.kind !== "file" || !options.wanted(path)) return;
    if (path === ".") throw hostile("a file has no name");
    const target = join(options.targetDir, path);
    await mkdir(dirname(target), { recursive: true });
    await writeContent(target, entry, content, files.has(path));
    files.add(path);
  });
  for (const { path, target } of links) {
    if (!options.wanted(path)) continue;
    if (!files.has(target)) {
      const reason = `the link ${quote(path)} names ${quote(target)}, which is no unpacked file`;
      throw about(options.archive, hostile(reason));
    }
    await mkdir(dirname(join(options.targetDir, path)), { recursive: true });
    await copyFile(join(options.targetDir, target), join(options.targetDir, path));
    files.add(path);
  }
  return files.size;
}

/** One entry as {@link eachTarEntry} reports it. */
export type TarEntry = { readonly name: string; readonly mode: number; readonly bytes: number } & (
  | { readonly kind: "file" | "directory" }
  /** `linksInside` is true for symbolic links, whose target is relative to their own folder. */
  | { readonly kind: "link"; readonly target: string; readonly linksInside: boolean }
);

/** Reads an archive from front to back; `content` gives an entry's bytes and need not be used up. */
export async function eachTarEntry(
  archive: string,
  signal: AbortSignal | undefined,
  visit: (entry: TarEntry, content: () => AsyncGenerator<Uint8Array>) => Promise<void>,
): Promise<void> {
  const { reader, done } = await openArchive(archive, signal);
  try {
    let total = 0;
    let entries = 0;
    let longName: string | null = null;
    let longTarget: string | null = null;
    for (;;) {
      const block = await reader.take(tarBlockBytes);
      const header = parseTarHeader(block);
      if (header === null) break;
      entries += 1;
      total += header.bytes;
      if (entries > tarEntriesMax) throw hostile(`it has more than ${tarEntriesMax} entries`);
      if (total > tarBytesMax) throw hostile(`it unpacks to more than ${tarBytesMax} bytes`);
      const padding = (tarBlockBytes - (header.bytes % tarBlockBytes)) % tarBlockBytes;
      if (header.type === "L" || header.type === "K" || header.type === "x") {
        if (header.bytes > nameBytesMax) throw hostile("it has a name longer than any file system takes");
        const text = Buffer.from(await reader.take(header.bytes)).toString("utf8");
        if (header.type === "L") longName = text.replace(/\0.*$/s, "");
        else if (header.type === "K") longTarget = text.replace(/\0.*$/s, "");
        else ({ longName, longTarget } = extended(text, longName, longTarget));
        await reader.skip(padding);
        continue;
      }
      let left = header.bytes;
      const content = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of reader.chunks(left)) {
          left -= chunk.length;
          yield chunk;
        }
      };
      if (header.type !== "g") {
        await visit(entryOf(header, longName ?? header.name, longTarget ?? header.target), content);
        longName = null;
        longTarget = null;
      }
      await reader.skip(left + padding);
    }
    if (entries === 0) throw damaged(archive, "it is empty");
    // The checksum of a gzip stream comes at its very end, so a damaged file shows only there.
    await reader.drain(tarBytesMax);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LabError) throw about(archive, error);
    if (isDiskProblem(error)) throw error;
    throw damaged(archive, describeError(error), error);
  } finally {
    done();
  }
}

async function openArchive(
  archive: string,
  signal: AbortSignal | undefined,
): Promise<{ reader: ByteReader; done: () => void }> {
  const file = await open(archive, "r");
  const magic = Buffer.alloc(2);
  try {
    await file.read(magic, 0, 2, 0);
  } finally {
    await file.close();
  }
  const raw = createReadStream(archive, { highWaterMark: 256 * 1024, signal });
  if (magic[0] !== 0x1f || magic[1] !== 0x8b)
    return { reader: new ByteReader(raw), done: () => raw.destroy() };
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  // Errors of the file reach the reader through the stream that it reads from.
  raw.on("error", (error) => gunzip.destroy(error));
  raw.pipe(gunzip);
  return {
    reader: new ByteReader(gunzip),
    done: () => {
      raw.destroy();
      gunzip.destroy();
    },
  };
}

function extended(
  text: string,
  name: string | null,
  target: string | null,
): { longName: string | null; longTarget: string | null } {
  const records = paxPath(text);
  return { longName: records.path ?? name, longTarget: records.linkpath ?? target };
}

function entryOf(header: TarHeader, name: string, target: string): TarEntry {
  const facts = { name, mode: header.mode, bytes: header.bytes };
  if (header.type === "5" || (header.type === "0" && name.endsWith("/"))) {
    safePath(name);
    return { ...facts, kind: "directory" };
  }
  if (header.type === "0" || header.type === "7") return { ...facts, kind: "file" };
  if (header.type === "1") return { ...facts, kind: "link", target, linksInside: false };
  if (header.type === "2") {
    if (posix.isAbsolute(target))
      throw hostile(`the link ${quote(name)} names the absolute path ${quote(target)}`);
    return { ...facts, kind: "link", target, linksInside: true };
  }
  throw hostile(
    `the entry ${quote(name)} is neither a file nor a directory nor a link (type ${quote(header.type)})`,
  );
}

/** The path inside the target directory, or an error for a name that leads out of it. */
function safePath(name: string): string {
  const climbs = name.split("/").includes("..");
  if (name === "" || climbs || name.includes("\0") || name.includes("\\") || /^(?:\/|[A-Za-z]:)/.test(name)) {
    throw hostile(`the name ${quote(name)} leads out of the folder it is unpacked into`);
  }
  return posix.normalize(name).replace(/\/$/, "");
}

async function writeContent(
  target: string,
  entry: TarEntry,
  content: () => AsyncGenerator<Uint8Array>,
  again: boolean,
): Promise<void> {
  // A second entry of the same name replaces the first, as tar has it; anything else that is already there is refused.
  const mode = (entry.mode & 0o111) === 0 ? 0o644 : 0o755;
  await pipeline(content, createWriteStream(target, { flags: again ? "w" : "wx", mode }));
}

/** A full or failing disk says nothing about the archive. */
function isDiskProblem(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EPERM", "EMFILE", "ENFILE"].includes(
    systemCode(error) ?? "",
  );
}

function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

function hostile(reason: string): LabError {
  return new LabError("BAD_ARCHIVE", `refused: ${reason}`, { details: { kind: "hostile" } });
}

/** The same error with the archive's path in it, for errors raised where the path is not known. */
function about(archive: string, error: LabError): LabError {
  if (error.details["archive"] !== undefined) return error;
  return new LabError(error.code, `${archive}: ${error.message}`, { details: { ...error.details, archive } });
}

function damaged(archive: string, reason: string, cause?: unknown): LabError {
  return new LabError("BAD_ARCHIVE", `${archive} is damaged or no .tar.gz: ${reason}`, {
    details: { kind: "damaged", archive },
    ...(cause === undefined ? {} : { cause }),
  });
}
