/**
 * Headers of tar archives: POSIX ustar, with the long names of GNU tar and of pax.
 *
 * Source: IEEE Std 1003.1, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar manual, "Basic Tar Format".
 */

/** Tar works in blocks of this many bytes. */
export const tarBlockBytes = 512;

/** The fields of a header that matter for unpacking. */
export interface TarHeader {
  readonly name: string;
  readonly mode: number;
  readonly bytes: number;
  /** One character; an old archive's NUL is given as `0`. */
  readonly type: string;
  /** What a link points to. */
  readonly target: string;
}

/**
 * Reads one header block.
 *
 * @returns null for a block of zeros, which ends an archive
 * @throws Error when the block is no header
 */
export function parseTarHeader(block: Uint8Array): TarHeader | null {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  if (bytes.every((byte) => byte === 0)) return null;
  let sum = 0;
  for (let index = 0; index < tarBlockBytes; index += 1)
    sum += index >= 148 && index < 156 ? 0x20 : bytes[index]!;
  if (sum !== readNumber(bytes, 148, 8)) throw new Error("a header does not have its checksum");

  const type = bytes[156] === 0 ? "0" : String.fromCharCode(bytes[156]!);
  const isUstar = bytes.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isUstar ? readText(bytes, 345, 155) : "";
  const name = readText(bytes, 0, 100);
  // Links, directories and the like have no content, whatever an old archive's size field says.
  const hasContent = !"123456".includes(type);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    mode: readNumber(bytes, 100, 8) & 0o777,
    bytes: hasContent ? readNumber(bytes, 124, 12) : 0,
    type,
    target: readText(bytes, 157, 100),
  };
}

/** `path` and `linkpath` out of a pax extended header: records of `LENGTH KEY=VALUE\n`. */
export function paxPath(text: string): { readonly path?: string; readonly linkpath?: string } {
  const found: { path?: string; linkpath?: string } = {};
  const bytes = Buffer.from(text, "utf8");
  let offset = 0;
  while (offset < bytes.length) {
    const blank = bytes.indexOf(0x20, offset);
    const length = Number(bytes.toString("latin1", offset, blank));
    if (blank < 0 || !Number.isInteger(length) || length <= 0 || offset + length > bytes.length) {
      throw new Error("an extended header is damaged");
    }
    const record = bytes.toString("utf8", blank + 1, offset + length - 1);
    const equals = record.indexOf("=");
    const key = record.slice(0, equals);
    if (key === "path" || key === "linkpath") found[key] = record.slice(equals + 1);
    if (key === "size") throw new Error("an entry is larger than this reader takes");
    offset += length;
  }
  return found;
}

function readText(bytes: Buffer, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

/** Octal digits, or the base-256 form that GNU tar writes for large values. */
function readNumber(bytes: Buffer, offset: number, length: number): number {
  const first = bytes[offset]!;
  if ((first & 0x80) !== 0) {
    let value = BigInt(first & 0x7f);
    for (let index = 1; index < length; index += 1) value = value * 256n + BigInt(bytes[offset + index]!);
    if ((first & 0x40) !== 0 || value > BigInt(Number.MAX_SAFE_INTEGER))
      throw new Error("a header has an impossible number");
    return Number(value);
  }
  const text = readText(bytes, offset, length).trim();
  if (!/^[0-7]*$/.test(text)) throw new Error("a header has a field that is no number");
  return text === "" ? 0 : Number.parseInt(text, 8);
}
