/**
 * Reads a dump. All of it is read and checked before anything is changed: a dump that was cut short, or changed on its
 * way, is refused as a whole. NDJSON is read again from the file for each pass; the other forms are held in memory.
 */
import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip, gunzipSync } from "node:zlib";
import { findPathProblem } from "@zk/protocol";
import { plural } from "../output/figures.js";
import { visible } from "../output/visible.js";
import { UsageError } from "../program/errors.js";
import { whyFile } from "../program/why.js";
import { isObject } from "./desired-tree.js";
import { dataFileName } from "./dump-writer.js";
import { DUMP_SCHEMA, type DumpFooter, type DumpHeader, nodeFromJson } from "./node-json.js";
import { comparePaths, TreeDigest, type TreeNode, type TreeSource } from "./tree-node.js";

/** Bytes of a dump that is held in memory. */
const HELD_BYTES_MAX = 500 * 1024 * 1024;
/** Bytes of one line: a znode with its data, which servers limit to a megabyte unless told otherwise. */
const LINE_BYTES_MAX = 128 * 1024 * 1024;
const NEWLINE = 10;
/** Of zlib.h: what there is of a stream that is cut off is enough. */
const Z_SYNC_FLUSH = 2;

/** A dump that was read once and found whole. */
export interface CheckedDump {
  readonly header: DumpHeader;
  readonly footer: DumpFooter;
  /** What it lacks, in words; undefined when it is whole. */
  readonly partial: string | undefined;
  /** Begins at the first znode each time. */
  nodes(): TreeSource;
}

/**
 * @param name what it is called in messages
 * @throws UsageError saying what is wrong and where
 */
export async function openDump(file: string, name: string = file): Promise<CheckedDump> {
  const kind = sniff(file, name);
  if (kind !== "ndjson")
    return kind === "tar"
      ? await checkHeld(await readTar(file, name), name)
      : await checkHeld(await readJson(file, name), name);
  let header: DumpHeader | undefined;
  let footer: DumpFooter | undefined;
  const parse = async function* (isChecking: boolean): AsyncGenerator<TreeNode> {
    let number = 0;
    let isOver = false;
    for await (const line of lines(file, name)) {
      number++;
      if (line.trim() === "") continue;
      const where = `${name}, line ${number}`;
      const value = parseLine(line, where);
      if (number === 1) {
        header = checkHeader(value, where);
        continue;
      }
      if (isOver) throw new UsageError(`${where}: there is something behind the end`);
      if ("footer" in value) {
        footer = checkFooter(value["footer"], where);
        isOver = true;
        continue;
      }
      yield at(where, () => nodeFromJson(value));
    }
    if (isChecking && number === 0) throw new UsageError(`${name} is empty`);
  };
  await checkNodes(parse(true), () => footer, name);
  return {
    header: header!,
    footer: footer!,
    partial: partOf(header!, footer!, name),
    nodes: () => parse(false),
  };
}

interface Held {
  readonly header: DumpHeader;
  readonly footer: DumpFooter | undefined;
  readonly nodes: readonly TreeNode[];
}

async function checkHeld(held: Held, file: string): Promise<CheckedDump> {
  const nodes = async function* (): AsyncGenerator<TreeNode> {
    yield* held.nodes;
  };
  await checkNodes(nodes(), () => held.footer, file);
  const { header, footer } = held;
  return { header, footer: footer!, partial: partOf(header, footer!, file), nodes };
}

/** Count, order and digest. */
async function checkNodes(
  nodes: TreeSource,
  footer: () => DumpFooter | undefined,
  file: string,
): Promise<void> {
  const digest = new TreeDigest();
  let last: string | undefined;
  for await (const node of nodes) {
    if (last === undefined && node.path !== "/")
      throw new UsageError(`${file}: its first znode is ${node.path}, not the root`);
    if (last !== undefined && comparePaths(last, node.path) >= 0)
      throw new UsageError(
        `${file}: ${node.path} stands behind ${last}; znodes must be in the order of the tree`,
      );
    last = node.path;
    digest.add(node);
  }
  const end = footer();
  if (end === undefined) throw new UsageError(`${file} has no end: it was cut short`, "nothing was changed");
  const sha256 = digest.finish();
  if (end.nodes !== digest.nodes || end.sha256 !== sha256) {
    throw new UsageError(
      `${file} is not what was written: ${digest.nodes} of ${end.nodes} znodes, SHA-256 ${sha256}, not ${end.sha256}`,
      "nothing was changed",
    );
  }
}

function checkHeader(value: Record<string, unknown>, where: string): DumpHeader {
  if (value["schema"] !== DUMP_SCHEMA) {
    throw new UsageError(
      `${where}: this is no dump of zk export (schema ${JSON.stringify(value["schema"] ?? null)}, not ${DUMP_SCHEMA})`,
    );
  }
  const root = value["root"];
  if (typeof root !== "string" || findPathProblem(root) !== null)
    throw new UsageError(`${where}: "root" must be the path of what was exported`);
  return value as unknown as DumpHeader;
}

function checkFooter(value: unknown, where: string): DumpFooter {
  if (isObject(value) && typeof value["nodes"] === "number" && typeof value["sha256"] === "string")
    return value as unknown as DumpFooter;
  throw new UsageError(`${where}: the end of a dump must have counts and a SHA-256`, "nothing was changed");
}

function partOf({ selection }: DumpHeader, { denied = 0 }: DumpFooter, file: string): string | undefined {
  if (typeof selection === "string") return `${file} is a part of a tree (${visible(selection)})`;
  return denied > 0 ? `${file} lacks ${plural(denied, "znode")} that might not be read` : undefined;
}

function parseLine(line: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new UsageError(
      `${where}: ${(error as Error).message}`,
      "the dump may have been cut short; nothing was changed",
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError(`${where}: it is no object`);
  return value as Record<string, unknown>;
}

function at<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${where}: ${error.message}`, error.hint) : error;
  }
}

async function* lines(file: string, name: string): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let isFirst = true;
  const text = (bytes: Buffer): string => {
    const line = bytes.toString("utf8");
    // Editors put a mark of byte order in front.
    const plain = isFirst ? line.replace(/^\uFEFF/, "") : line;
    isFirst = false;
    return plain;
  };
  for await (const chunk of readBytes(file, name)) {
    let begin = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, begin)) {
      const tail = chunk.subarray(begin, end);
      yield text(rest.length === 0 ? tail : Buffer.concat([...rest, tail]));
      rest = [];
      restBytes = 0;
      begin = end + 1;
    }
    const left = chunk.subarray(begin);
    restBytes += left.length;
    if (restBytes > LINE_BYTES_MAX)
      throw new UsageError(`${name} has a line of more than ${LINE_BYTES_MAX} bytes`, "nothing was changed");
    if (left.length > 0) rest.push(left);
  }
  if (restBytes > 0) yield text(Buffer.concat(rest));
}

/** @throws UsageError saying why it cannot be read */
async function* readBytes(file: string, name: string): AsyncGenerator<Buffer> {
  const raw = createReadStream(file);
  // Where it fails the reader of the last part hears of it.
  const bytes = isGzip(file, name) ? pipeline(raw, createGunzip(), () => {}) : raw;
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    throw new UsageError(`${name} cannot be read: ${whyFile(error)}`, "nothing was changed");
  }
}

async function readAllBytes(file: string, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of readBytes(file, name)) {
    bytes += chunk.length;
    if (bytes > HELD_BYTES_MAX)
      throw new UsageError(
        `${name} is too large for this form (${HELD_BYTES_MAX} bytes)`,
        "NDJSON has no such limit",
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function readJson(file: string, name: string): Promise<Held> {
  const value = parseLine((await readAllBytes(file, name)).toString("utf8").replace(/^\uFEFF/, ""), name);
  const { header, nodes, footer } = value;
  if (!Array.isArray(nodes)) throw new UsageError(`${name}: "nodes" must be a list`);
  return {
    header: checkHeader((header ?? {}) as Record<string, unknown>, name),
    footer: footer === undefined ? undefined : checkFooter(footer, name),
    nodes: nodes.map((node, index) => at(`${name}, node ${index}`, () => nodeFromJson(node))),
  };
}

async function readTar(file: string, name: string): Promise<Held> {
  const files = new Map<string, Buffer>();
  const { extract } = await import("tar-stream");
  const archive = extract();
  archive.on("entry", (entry, stream, next) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk) => chunks.push(chunk as Buffer));
    stream.on("end", () => {
      files.set(entry.name, Buffer.concat(chunks));
      next();
    });
    stream.resume();
  });
  const bytes = await readAllBytes(file, name);
  await new Promise<void>((resolve, reject) => {
    archive.once("finish", resolve);
    archive.once("error", (error) =>
      reject(new UsageError(`${name} is no whole tar archive: ${error.message}`)),
    );
    archive.end(bytes);
  });
  const text = (entry: string): string => {
    const found = files.get(entry);
    if (found === undefined)
      throw new UsageError(
        `${name}: ${entry} is missing; the archive was cut short, or is none of zk export`,
      );
    return found.toString("utf8");
  };
  const header = checkHeader(parseLine(text("header.json"), `${name}, header.json`), name);
  const footerName = `${name}, footer.json`;
  const footer = checkFooter(parseLine(text("footer.json"), footerName)["footer"], footerName);
  const nodes = text("nodes.ndjson")
    .split("\n")
    .filter(Boolean)
    .map((line, index) => {
      const where = `${name}, nodes.ndjson, line ${index + 1}`;
      const { file: dataName, ...rest } = parseLine(line, where);
      const node = at(where, () => nodeFromJson({ ...rest, data: null }));
      if (dataName === null) return node;
      const data = files.get(dataFileName(node.path));
      if (data === undefined)
        throw new UsageError(`${where}: the file ${dataFileName(node.path)} is missing`);
      return { ...node, data };
    });
  return { header, footer, nodes };
}

/** The form of a dump by its first bytes, whatever its name. */
function sniff(file: string, name: string): "ndjson" | "json" | "tar" {
  let head = firstBytes(file, name);
  if (isCompressed(head)) {
    try {
      head = gunzipSync(head, { finishFlush: Z_SYNC_FLUSH });
    } catch {
      // What is wrong with it is said when all of it is read.
    }
  }
  if (head.toString("latin1", 257, 262) === "ustar") return "tar";
  if (/^(\uFEFF)?\{\s*\n/.test(head.toString("utf8", 0, 512))) return "json";
  return /\.tar(\.gz)?$|\.tgz$/.test(file) ? "tar" : "ndjson";
}

function isGzip(file: string, name: string): boolean {
  return isCompressed(firstBytes(file, name));
}

function isCompressed(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

function firstBytes(file: string, name: string): Buffer {
  const head = Buffer.alloc(4096);
  try {
    const handle = openSync(file, "r");
    try {
      return head.subarray(0, readSync(handle, head));
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw new UsageError(`${name} cannot be read: ${whyFile(error)}`);
  }
}
