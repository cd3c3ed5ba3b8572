/**
 * What a library has laid out below a path: znodes, modes, data, with all that differs from run to run written as a placeholder.
 *
 * | placeholder | stands for |
 * | --- | --- |
 * | ‹uuid› | a UUID with dashes, in lower case |
 * | ‹hex› | 32 hexadecimal digits, in lower case |
 * | ‹address› | the address of this machine, as Curator finds it |
 * | ‹host›-‹pid› | what kazoo calls a process that has no other name |
 * | ‹time› | `YYYY-MM-DDThh:mm:ss` |
 */
import { hostname } from "node:os";
import { isZkError } from "@zk/client";

/** Reads znodes: a part of `@zk/client`. */
export interface LayoutReader {
  getData(path: string): Promise<{
    readonly data: Uint8Array | null;
    readonly stat: { readonly ephemeralOwner: bigint };
  }>;
  getChildren(path: string): Promise<readonly string[]>;
}

/** One znode. */
export interface LaidNode {
  /** Below the path that was read. */
  readonly path: string;
  /** As a stat tells it. Of a container a stat says nothing: it looks like any persistent znode. */
  readonly mode: "persistent" | "ephemeral";
  /** Text as it is, other bytes as `hex:…`, null for no data at all. */
  readonly data: string | null;
}

/**
 * Reads everything below a path, in the order of the paths as they are written here.
 * @param address the one that stands for this machine, if the library writes one
 */
export async function readLayout(
  client: LayoutReader,
  root: string,
  address: string | null,
): Promise<LaidNode[]> {
  const found: LaidNode[] = [];
  const visit = async (path: string): Promise<void> => {
    const { data, stat } = await client.getData(path);
    const mode = stat.ephemeralOwner === 0n ? "persistent" : "ephemeral";
    if (path !== root) {
      found.push({
        path: withPlaceholders(path.slice(root.length), null),
        mode,
        data: data === null ? null : described(data, address),
      });
    }
    for (const name of await client.getChildren(path)) await visitIfThere(`${path}/${name}`);
  };
  // What goes while we look, such as a marker of ours that is swept, is not there.
  const visitIfThere = async (path: string): Promise<void> => {
    const before = found.length;
    try {
      await visit(path);
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
      found.length = before;
    }
  };
  await visit(root);
  return found.sort((a, b) => compare(a.path, b.path) || compare(a.data ?? "", b.data ?? ""));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function described(data: Uint8Array, address: string | null): string {
  const isText = data.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (!isText) return `hex:${Buffer.from(data).toString("hex")}`;
  return withPlaceholders(new TextDecoder().decode(data), address);
}

function withPlaceholders(text: string, address: string | null): string {
  const patterns: [RegExp, string][] = [
    [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "‹uuid›"],
    [/[0-9a-f]{32}/g, "‹hex›"],
    [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/g, "‹time›"],
    [new RegExp(`(?:${hostname()}|localhost)[a-z0-9.-]*-\\d+$`), "‹host›-‹pid›"],
  ];
  const plain = address !== null && text === address ? "‹address›" : text;
  return patterns.reduce((so, [pattern, placeholder]) => so.replace(pattern, placeholder), plain);
}
