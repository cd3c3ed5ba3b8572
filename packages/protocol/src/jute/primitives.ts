import { EncodeError } from "../errors.js";
import type { Codec } from "./codec.js";

/** One byte, 0 or 1. */
export const bool: Codec<boolean> = {
  name: "boolean",
  bytesMin: 1,
  read: (reader) => reader.bool(),
  write: (writer, value) => writer.bool(value),
};

/** One signed byte. */
export const byte: Codec<number> = {
  name: "byte",
  bytesMin: 1,
  read: (reader) => reader.byte(),
  write: (writer, value) => writer.byte(value),
};

/** A signed 32-bit number. */
export const int: Codec<number> = {
  name: "int",
  bytesMin: 4,
  read: (reader) => reader.int(),
  write: (writer, value) => writer.int(value),
};

/** A signed 64-bit number. */
export const long: Codec<bigint> = {
  name: "long",
  bytesMin: 8,
  read: (reader) => reader.long(),
  write: (writer, value) => writer.long(value),
};

/** A 32-bit floating-point number; no ZooKeeper record has one. */
export const float: Codec<number> = {
  name: "float",
  bytesMin: 4,
  read: (reader) => reader.float(),
  write: (writer, value) => writer.float(value),
};

/** A 64-bit floating-point number; no ZooKeeper record has one. */
export const double: Codec<number> = {
  name: "double",
  bytesMin: 8,
  read: (reader) => reader.double(),
  write: (writer, value) => writer.double(value),
};

/** Bytes or null. */
export const buffer: Codec<Uint8Array | null> = {
  name: "buffer",
  bytesMin: 4,
  read: (reader) => reader.buffer(),
  write: (writer, value) => writer.buffer(value),
};

/** Text or null. */
export const ustringOrNull: Codec<string | null> = {
  name: "ustring",
  bytesMin: 4,
  read: (reader) => reader.ustring(),
  write: (writer, value) => writer.ustring(value),
};

/** Text where null makes no sense, such as a path: null is refused with `NULL_VALUE`. */
export const ustring: Codec<string> = {
  name: "ustring",
  bytesMin: 4,
  read: (reader) => {
    const at = reader.position;
    const value = reader.ustring();
    if (value === null) throw reader.refuse("NULL_VALUE", "null, where a string is needed,", at);
    return value;
  },
  write: (writer, value) => {
    if (value === null) throw new EncodeError("null cannot be written: a string is needed");
    writer.ustring(value);
  },
};

/** A codec that is a vector, with its element open to view. */
export interface VectorCodec<V, T> extends Codec<V> {
  readonly element: Codec<T>;
}

/** Elements or null. */
export function vectorOrNull<T>(element: Codec<T>): VectorCodec<readonly T[] | null, T> {
  return {
    name: `vector<${element.name}>`,
    bytesMin: 4,
    element,
    read: (reader) => reader.vector(element),
    write: (writer, values) => writer.vector(values, element),
  };
}

/** Elements where null makes no sense, such as an ACL: null is refused with `NULL_VALUE`. */
export function vector<T>(element: Codec<T>): VectorCodec<readonly T[], T> {
  return {
    name: `vector<${element.name}>`,
    bytesMin: 4,
    element,
    read: (reader) => {
      const at = reader.position;
      const values = reader.vector(element);
      if (values === null) throw reader.refuse("NULL_VALUE", "null, where a vector is needed,", at);
      return values;
    },
    write: (writer, values) => {
      if (values === null) throw new EncodeError("null cannot be written: an array is needed");
      writer.vector(values, element);
    },
  };
}

/**
 * A last field that older peers leave out: missing reads as undefined, and undefined is not written.
 * Only sensible at the end of a record that nothing follows.
 */
export function optionalLast<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    name: codec.name,
    bytesMin: 0,
    read: (reader) => (reader.remaining === 0 ? undefined : codec.read(reader)),
    write: (writer, value) => {
      if (value !== undefined) codec.write(writer, value);
    },
  };
}
