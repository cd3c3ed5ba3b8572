/** JSON of what commands return: 64-bit numbers are text in hexadecimal, data is text or base64, each shape has a name. */
import type { Stat } from "@zk/client";
import { hex, isoTime } from "./figures.js";

/** The name and version of a command's shape. */
export function schemaOf(command: string): string {
  return `zk.${command.replaceAll(" ", "-")}/1`;
}

/** What `JSON.stringify` is to do with values that JSON has not. */
export function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? hex(value) : value;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that bytes are, or undefined when they are not UTF-8. */
export function utf8OrUndefined(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Data of a znode in JSON: `data` when it is text or null, else `dataBase64`. */
export function jsonData(
  bytes: Uint8Array | null,
): { readonly data: string | null } | { readonly dataBase64: string } {
  if (bytes === null) return { data: null };
  const text = utf8OrUndefined(bytes);
  return text === undefined ? { dataBase64: Buffer.from(bytes).toString("base64") } : { data: text };
}

/** The next number that a server will append below a znode: the count of creates, which no stat shows by itself. */
export function nextSequence(stat: Pick<Stat, "cversion" | "numChildren">): number {
  return (stat.cversion + stat.numChildren) / 2;
}

/** A stat in JSON. */
export function jsonStat(stat: Stat): Record<string, unknown> {
  return {
    czxid: hex(stat.czxid),
    mzxid: hex(stat.mzxid),
    pzxid: hex(stat.pzxid),
    ctime: isoTime(stat.ctime),
    mtime: isoTime(stat.mtime),
    version: stat.version,
    cversion: stat.cversion,
    aversion: stat.aversion,
    ephemeralOwner: stat.ephemeralOwner === 0n ? null : hex(stat.ephemeralOwner),
    dataLength: stat.dataLength,
    numChildren: stat.numChildren,
    nextSequence: nextSequence(stat),
  };
}
