/** How values of a program become the bytes of a znode, and back. */

/** Bytes to values and back. `decode` throws for bytes that mean nothing; the recipe says what becomes of them then. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

const encoder = new TextEncoder();
// A byte order mark is text like any other here: what was written is what is read.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as they are. Encoding throws a TypeError for what is none, such as text. */
export const bytesCodec: Codec<Uint8Array> = {
  encode(value) {
    if (isBytes(value)) return value;
    throw new TypeError(`${kindOf(value)} is no bytes; use a codec, such as textCodec or jsonCodec()`);
  },
  decode: (bytes) => bytes,
};

/** Text as UTF-8. Decoding throws a TypeError for bytes that are none, and encoding for what is no text. */
export const textCodec: Codec<string> = {
  encode(value) {
    // An encoder takes nothing for empty text, and anything else for what it is printed as.
    if (typeof value !== "string") throw new TypeError(`${kindOf(value)} is no text`);
    return encoder.encode(value);
  },
  decode: (bytes) => decoder.decode(bytes),
};

/**
 * JSON as UTF-8.
 *
 * @param check looks at what was read, and gives it as the type it has, or throws. Without it the type is believed.
 * @example
 * ```ts
 * const jobs = new Queue(client, "/queues/jobs", { codec: jsonCodec<{ id: number }>() });
 * ```
 */
export function jsonCodec<T>(check: (value: unknown) => T = (value) => value as T): Codec<T> {
  return {
    encode(value) {
      const text = JSON.stringify(value);
      // A function or undefined has no JSON, and JSON.stringify does not say so.
      if (text === undefined) throw new TypeError(`${typeof value} has no JSON`);
      return textCodec.encode(text);
    },
    decode: (bytes) => check(JSON.parse(textCodec.decode(bytes))),
  };
}

/** Also those of another realm, such as a test runner's. */
function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === "[object Uint8Array]";
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
