/** A znode's data for people: text safe for a terminal, binary as a dump; on a pipe the bytes themselves. */
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { CliError, UsageError } from "../program/errors.js";
import { utf8OrUndefined } from "./json.js";
import { decodeLz4 } from "./lz4.js";
import type { Screen } from "./screen.js";
import { visibleLines } from "./visible.js";

export const DECODINGS = ["gzip", "zlib", "brotli", "lz4"] as const;
export type Decoding = (typeof DECODINGS)[number];

/** Bytes that data may grow to when it is decompressed: a small znode can hold a large bomb. */
const DECODED_BYTES_MAX = 256 * 1024 * 1024;

/** How data is shown. */
export interface DataFormat {
  readonly hex: boolean;
  readonly base64: boolean;
  readonly raw: boolean;
}

/** @throws CliError DECODE_FAILED */
export function decodeData(bytes: Uint8Array, decoding: Decoding | undefined): Uint8Array {
  if (decoding === undefined) return bytes;
  const limits = { maxOutputLength: DECODED_BYTES_MAX };
  try {
    if (decoding === "lz4") return decodeLz4(bytes, DECODED_BYTES_MAX);
    if (decoding === "gzip") return gunzipSync(bytes, limits);
    return decoding === "zlib" ? inflateSync(bytes, limits) : brotliDecompressSync(bytes, limits);
  } catch (error) {
    throw new CliError("DECODE_FAILED", 1, `the data is not ${decoding}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** @throws UsageError when more than one format is asked for */
export function checkFormat(format: DataFormat): void {
  if ([format.hex, format.base64, format.raw].filter(Boolean).length > 1) {
    throw new UsageError("--hex, --base64 and --raw exclude each other");
  }
}

/** Prints data; awaited, it is with the reader. */
export async function printData(screen: Screen, bytes: Uint8Array, format: DataFormat): Promise<void> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (format.base64) return screen.line(buffer.toString("base64"));
  if (format.hex) {
    for (const line of hexDump(buffer)) screen.line(line);
    return;
  }
  if (format.raw || !screen.isTerminal) return await screen.write(bytes);
  const text = utf8OrUndefined(bytes);
  if (text === undefined) {
    for (const line of hexDump(buffer)) screen.line(line);
    return;
  }
  const shown = visibleLines(text);
  await screen.write(shown === "" || shown.endsWith("\n") ? shown : `${shown}\n`);
}

/** Lines as `hexdump -C` writes them. */
export function* hexDump(bytes: Uint8Array): Generator<string> {
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const pairs = [...row].map((byte) => byte.toString(16).padStart(2, "0"));
    const left = pairs.slice(0, 8).join(" ").padEnd(23);
    const right = pairs.slice(8).join(" ").padEnd(23);
    const text = [...row]
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."))
      .join("");
    yield `${at.toString(16).padStart(8, "0")}  ${left}  ${right}  |${text}|`;
  }
}
