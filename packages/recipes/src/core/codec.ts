/** How values of a program become the bytes of a znode, and back. */

/** Bytes to values and back. `decode` throws for bytes that mean nothing; the recipe says what becomes of them then. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

const encoder = new TextEncoder();
// A byte order mark is text like any other here: what was written is what is read.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as they are. */
export const bytesCodec: Codec<Uint8Array> = {
  encode: (value) => value,
  decode: (bytes) => bytes,
};

/** Text as UTF-8. Decoding throws a TypeError for bytes that are none. */
export const textCodec: Codec<string> = {
  encode: (value) => encoder.encode(value),
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
