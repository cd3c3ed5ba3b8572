import { EncodeError, ProtocolError } from "../errors.js";
import type { Codec } from "./codec.js";
import type { JuteReader } from "./reader.js";
import type { JuteWriter } from "./writer.js";

/** One field of a record: its name and how it is written. */
export interface RecordField {
  readonly name: string;
  readonly codec: Codec<unknown>;
}

/** The codec of a record, with its fields open to view: tests compare them with the server's schema. */
export interface RecordCodec<T> extends Codec<T> {
  /** In wire order. */
  readonly fields: readonly RecordField[];
}

/**
 * A hand-written equivalent of the field list for the few records of the hot path. It only saves time: the list stays
 * the definition, a property test holds the two together, and on any error the list is run again to say which field it was.
 */
export interface RecordShortcut<T> {
  read?(reader: JuteReader): T;
  write?(writer: JuteWriter, value: T): void;
}

/**
 * Describes a record: its fields one after another, without names, tags or padding.
 *
 * @param name name in the server's schema
 * @param fields codec of each field; the order of the keys is the order on the wire
 * @param shortcut for the hot path only: see {@link RecordShortcut}
 * @example
 * const Point: Codec<{ x: number; y: number }> = record("Point", { x: jute.int, y: jute.int });
 */
export function record<T>(
  name: string,
  fields: { readonly [K in keyof T]-?: Codec<T[K]> },
  shortcut: RecordShortcut<T> = {},
): RecordCodec<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  const codecs = names.map((field) => fields[field] as Codec<T[keyof T & string]>);

  function read(reader: JuteReader): T {
    const value = {} as T;
    let index = 0;
    try {
      for (; index < codecs.length; index++) value[names[index]!] = codecs[index]!.read(reader);
    } catch (error) {
      throw error instanceof ProtocolError ? error.within(name, names[index]!) : error;
    }
    return value;
  }

  function write(writer: JuteWriter, value: T): void {
    if (typeof value !== "object" || value === null) {
      throw new EncodeError(
        `${value === null ? "null" : typeof value} cannot be written: a ${name} is needed`,
      );
    }
    let index = 0;
    try {
      for (; index < codecs.length; index++) codecs[index]!.write(writer, value[names[index]!]);
    } catch (error) {
      throw error instanceof EncodeError ? error.within(name, names[index]!) : error;
    }
  }

  const { read: readFast, write: writeFast } = shortcut;
  return {
    name,
    bytesMin: codecs.reduce((sum, codec) => sum + codec.bytesMin, 0),
    fields: names.map((field, index) => ({ name: field, codec: codecs[index] as Codec<unknown> })),
    read:
      readFast === undefined
        ? read
        : (reader) => {
            const start = reader.position;
            try {
              return readFast(reader);
            } catch {
              reader.position = start;
              return read(reader);
            }
          },
    write:
      writeFast === undefined
        ? write
        : (writer, value) => {
            const start = writer.length;
            try {
              writeFast(writer, value);
            } catch {
              writer.truncate(start);
              write(writer, value);
            }
          },
  };
}
