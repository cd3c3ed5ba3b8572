/** Writes a dump as it is read: NDJSON, one JSON document, or a tar archive with a file for each znode's data. */
import { type DumpFooter, type DumpHeader, nodeToJson } from "./node-json.js";
import { TreeDigest, type TreeNode, type TreeSource } from "./tree-node.js";

export const DUMP_FORMATS = ["ndjson", "json", "tar"] as const;
export type DumpFormat = (typeof DUMP_FORMATS)[number];

/** Takes the bytes of a dump; awaited, it holds the reading back. */
export type Sink = (chunk: string | Uint8Array) => Promise<void> | void;

/** What a dump is made of. */
export interface Dump {
  readonly header: DumpHeader;
  readonly nodes: TreeSource;
  /** Asked when all znodes were read. */
  readonly changed: () => number;
  readonly denied: () => number;
  readonly onNode: () => void;
}

/** @returns the footer */
export async function writeDump(dump: Dump, format: DumpFormat, sink: Sink): Promise<DumpFooter> {
  if (format === "tar") return await writeTar(dump, sink);
  const isLines = format === "ndjson";
  await sink(
    isLines
      ? `${JSON.stringify(dump.header)}\n`
      : `{\n  "header": ${JSON.stringify(dump.header)},\n  "nodes": [\n`,
  );
  let isFirst = true;
  const footer = await digested(dump, async (node) => {
    const line = JSON.stringify(nodeToJson(node));
    await sink(isLines ? `${line}\n` : `${isFirst ? "" : ",\n"}    ${line}`);
    isFirst = false;
  });
  await sink(
    isLines ? `${JSON.stringify({ footer })}\n` : `\n  ],\n  "footer": ${JSON.stringify(footer)}\n}\n`,
  );
  return footer;
}

async function digested(dump: Dump, take: (node: TreeNode) => Promise<void>): Promise<DumpFooter> {
  const digest = new TreeDigest();
  for await (const node of dump.nodes) {
    digest.add(node);
    await take(node);
    dump.onNode();
  }
  const { nodes, bytes } = digest;
  return { nodes, bytes, sha256: digest.finish(), changed: dump.changed(), denied: dump.denied() };
}

/** `header.json`, `tree/a/b/=data` for each znode with data, then `nodes.ndjson` with all that is no data, `footer.json`. */
async function writeTar(dump: Dump, sink: Sink): Promise<DumpFooter> {
  const { pack } = await import("tar-stream");
  const archive = pack();
  const mtime = new Date(dump.header.createdAt);
  const add = (name: string, bytes: Uint8Array, at: Date): Promise<void> =>
    new Promise((resolve, reject) => {
      const done = (error?: Error | null): void => (error ? reject(error) : resolve());
      archive.entry({ name, size: bytes.length, mtime: at, mode: 0o600 }, Buffer.from(bytes), done);
    });
  const pumping = (async (): Promise<void> => {
    for await (const chunk of archive as AsyncIterable<Uint8Array>) await sink(chunk);
  })();
  // Whoever waits for an entry must hear that nobody takes the archive any more.
  pumping.catch((error: Error) => archive.destroy(error));
  const lines: string[] = [];
  await add("header.json", Buffer.from(`${JSON.stringify(dump.header)}\n`), mtime);
  const footer = await digested(dump, async (node) => {
    const { data, dataBase64, ...rest } = nodeToJson(node);
    const file = node.data === null ? null : dataFileName(node.path);
    lines.push(JSON.stringify({ ...rest, file }));
    if (node.data !== null && file !== null) await add(file, node.data, new Date(node.mtimeMs));
  });
  await add("nodes.ndjson", Buffer.from(lines.map((line) => `${line}\n`).join("")), mtime);
  await add("footer.json", Buffer.from(`${JSON.stringify({ footer })}\n`), mtime);
  archive.finalize();
  await pumping;
  return footer;
}

/** The file of a znode's data. No encoded name has a bare `=`, so no znode can take another one's file. */
export function dataFileName(path: string): string {
  const names = path.split("/").filter(Boolean).map(encodeURIComponent);
  return ["tree", ...names, "=data"].join("/");
}
