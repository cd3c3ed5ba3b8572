import type { JuteReader } from "./reader.js";
import { JuteReader as Reader } from "./reader.js";
import { JuteWriter } from "./writer.js";

/** How one kind of value is written and read. */
export interface Codec<T> {
  /** The type's name in the server's schema, such as `ustring` or `CreateRequest`. */
  readonly name: string;
  /** The fewest bytes a value can take; this is what bounds the count of a vector. */
  readonly bytesMin: number;
  /** @throws ProtocolError when the bytes are no such value */
  read(reader: JuteReader): T;
  /** @throws EncodeError when the value has no encoding */
  write(writer: JuteWriter, value: T): void;
}

/** The bytes of one value. @throws EncodeError */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new JuteWriter();
  codec.write(writer, value);
  return writer.take();
}

/**
 * The value that `bytes` begin with. Bytes after it are accepted and ignored, as newer peers append fields.
 *
 * @throws ProtocolError
 */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  return codec.read(new Reader(bytes));
}

/** The bytes of one value as a frame: with its length in front. @throws EncodeError */
export function encodeFrame<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  codec.write(writer, value);
  writer.endFrame(start);
  return writer.take();
}
