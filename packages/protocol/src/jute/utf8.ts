/**
 * UTF-8 without TextEncoder and TextDecoder, which belong to no JavaScript standard and which this package therefore
 * does not know. Both directions give what those two give: bytes that are no UTF-8 read as U+FFFD (one for each maximal
 * subpart), a lone surrogate is written as U+FFFD. Reading is lenient on purpose: one oddly named node must not cost the
 * connection.
 */

/** Up to here a text is looked at as ASCII first, which names and paths nearly always are. */
const SHORT_BYTES_MAX = 64;
/** Characters appended with one call; small enough for any engine's argument limit. */
const CHUNK_UNITS = 4096;
const REPLACEMENT = 0xfffd;

/**
 * One array for each short length, filled anew for each text. Handing such an array to String.fromCharCode is twice as
 * fast as adding up characters, and gives a flat string where adding up gives a tree.
 */
const SHORT_UNITS: readonly number[][] = Array.from({ length: SHORT_BYTES_MAX + 1 }, (_, length) =>
  new Array<number>(length).fill(0),
);

/**
 * Reads UTF-8.
 *
 * @param bytes where to read
 * @param start first byte
 * @param end one past the last byte; must not lie outside of `bytes`
 */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length > SHORT_BYTES_MAX) return decodeLong(bytes, start, end);
  const units = SHORT_UNITS[length]!;
  for (let index = 0; index < length; index++) {
    const byte = bytes[start + index]!;
    if (byte > 0x7f) return decodeLong(bytes, start, end);
    units[index] = byte;
  }
  return String.fromCharCode(...units);
}

function decodeLong(bytes: Uint8Array, start: number, end: number): string {
  const units = new Uint16Array(Math.min(end - start, CHUNK_UNITS) + 1);
  let text = "";
  let filled = 0;
  let at = start;
  while (at < end) {
    if (filled >= CHUNK_UNITS) {
      text += unitsToString(units, filled);
      filled = 0;
    }
    const lead = bytes[at++]!;
    if (lead < 0x80) {
      units[filled++] = lead;
      continue;
    }
    // The second byte's range depends on the lead: that is what keeps overlong forms and surrogates out.
    let more = 0;
    let lower = 0x80;
    let upper = 0xbf;
    let point = 0;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
      point = lead & 0x1f;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      point = lead & 0x0f;
      if (lead === 0xe0) lower = 0xa0;
      if (lead === 0xed) upper = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      point = lead & 0x07;
      if (lead === 0xf0) lower = 0x90;
      if (lead === 0xf4) upper = 0x8f;
    } else {
      units[filled++] = REPLACEMENT;
      continue;
    }
    while (more > 0 && at < end) {
      const next = bytes[at]!;
      if (next < lower || next > upper) break;
      lower = 0x80;
      upper = 0xbf;
      point = (point << 6) | (next & 0x3f);
      at++;
      more--;
    }
    if (more > 0) {
      units[filled++] = REPLACEMENT;
    } else if (point > 0xffff) {
      units[filled++] = 0xd800 + ((point - 0x10000) >> 10);
      units[filled++] = 0xdc00 + ((point - 0x10000) & 0x3ff);
    } else {
      units[filled++] = point;
    }
  }
  return text + unitsToString(units, filled);
}

function unitsToString(units: Uint16Array, filled: number): string {
  return String.fromCharCode.apply(null, units.subarray(0, filled) as unknown as number[]);
}

/**
 * Writes UTF-8.
 *
 * @param text what to write
 * @param bytes where to; must have room for three bytes per UTF-16 unit of `text`
 * @param start where the first byte goes
 * @returns one past the last byte written
 */
export function encodeUtf8Into(text: string, bytes: Uint8Array, start: number): number {
  let at = start;
  for (let index = 0; index < text.length; index++) {
    let unit = text.charCodeAt(index);
    if (unit < 0x80) {
      bytes[at++] = unit;
      continue;
    }
    if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
      continue;
    }
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const low = unit <= 0xdbff && index + 1 < text.length ? text.charCodeAt(index + 1) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        bytes[at++] = 0xf0 | (point >> 18);
        bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
        bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
        bytes[at++] = 0x80 | (point & 0x3f);
        index++;
        continue;
      }
      unit = REPLACEMENT;
    }
    bytes[at++] = 0xe0 | (unit >> 12);
    bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
    bytes[at++] = 0x80 | (unit & 0x3f);
  }
  return at;
}

/** The UTF-8 bytes of a text, such as the `user:password` of a digest. */
export function utf8Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  return bytes.slice(0, encodeUtf8Into(text, bytes, 0));
}

/** The text of UTF-8 bytes; bytes that are no UTF-8 become U+FFFD. */
export function utf8Text(bytes: Uint8Array): string {
  return decodeUtf8(bytes, 0, bytes.length);
}
