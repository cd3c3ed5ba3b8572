import type { Codec } from "./codec.js";
import {
  bool,
  buffer,
  byte,
  double,
  float,
  int,
  long,
  optionalLast,
  ustring,
  ustringOrNull,
  type VectorCodec,
  vector,
  vectorOrNull,
} from "./primitives.js";

/** The building blocks of records, for describing one's own with `record()`. */
export interface JuteTypes {
  readonly bool: Codec<boolean>;
  readonly byte: Codec<number>;
  readonly int: Codec<number>;
  readonly long: Codec<bigint>;
  readonly float: Codec<number>;
  readonly double: Codec<number>;
  readonly buffer: Codec<Uint8Array | null>;
  /** Text; null is refused. */
  readonly ustring: Codec<string>;
  readonly ustringOrNull: Codec<string | null>;
  /** Elements; null is refused. */
  vector<T>(element: Codec<T>): VectorCodec<readonly T[], T>;
  vectorOrNull<T>(element: Codec<T>): VectorCodec<readonly T[] | null, T>;
  /** A last field that may be missing. */
  optionalLast<T>(codec: Codec<T>): Codec<T | undefined>;
}

/** The building blocks of records; see {@link JuteTypes}. */
export const jute: JuteTypes = {
  bool,
  byte,
  int,
  long,
  float,
  double,
  buffer,
  ustring,
  ustringOrNull,
  vector,
  vectorOrNull,
  optionalLast,
};
