import { ProtocolError } from "../errors.js";
import { decodeUtf8 } from "./utf8.js";

/** What a vector has to know of its elements to read them; every `Codec` does. */
export interface ReadableElement<T> {
  /** The type's name in the server's schema. */
  readonly name: string;
  /** The fewest bytes an element can take; this is what bounds the count of a vector. */
  readonly bytesMin: number;
  /** @throws ProtocolError when the bytes are no such value */
  read(reader: JuteReader): T;
}

/**
 * Reads jute values from a run of bytes, in order.
 *
 * Every declared length is compared with the bytes that are there before anything is allocated or cut. A reader holds on
 * to the bytes only until the next {@link JuteReader.reset}; what it gives out never shares memory with
 * them, unless {@link JuteReader.buffers} asks for views.
 *
 * Source: ZooKeeper 3.4.6, src/java/main/org/apache/jute/BinaryInputArchive.java
 */
export class JuteReader {
  /** Offset of the next byte to read, counted from the start of the bytes given. */
  position: number;
  /**
   * What {@link JuteReader.buffer} gives. `copy`, the default: memory of its own, which the caller may keep and change
   * without a thought. `view`: the bytes where they are, for 60 ns instead of about 1 µs; a view keeps all the memory
   * around it alive and changes with it, so use it only on bytes that are never written again, such as frames of a
   * `FrameSplitter`.
   */
  buffers: "copy" | "view" = "copy";
  private bytes: Uint8Array;
  private end: number;

  /**
   * @param bytes what to read from
   * @param start first byte to read, 0 by default
   * @param end one past the last, `bytes.length` by default
   */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = Math.min(end, bytes.length);
  }

  /** Starts over on other bytes, so that one reader can serve a whole connection. Parameters as in the constructor. */
  reset(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.bytes = bytes;
    this.position = start;
    this.end = Math.min(end, bytes.length);
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.end - this.position;
  }

  /** One byte, true unless it is zero. @throws ProtocolError `TRUNCATED` */
  bool(): boolean {
    return this.byte() !== 0;
  }

  /** One signed byte. @throws ProtocolError `TRUNCATED` */
  byte(): number {
    return (this.bytes[this.take(1)]! << 24) >> 24;
  }

  /** A signed 32-bit number. @throws ProtocolError `TRUNCATED` */
  int(): number {
    const at = this.take(4);
    const bytes = this.bytes;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  /** A signed 64-bit number. @throws ProtocolError `TRUNCATED` */
  long(): bigint {
    this.loadEight();
    return EIGHT_VIEW.getBigInt64(0);
  }

  /** A 32-bit floating-point number. @throws ProtocolError `TRUNCATED` */
  float(): number {
    EIGHT_VIEW.setInt32(0, this.int());
    return EIGHT_VIEW.getFloat32(0);
  }

  /** A 64-bit floating-point number. @throws ProtocolError `TRUNCATED` */
  double(): number {
    this.loadEight();
    return EIGHT_VIEW.getFloat64(0);
  }

  /** Bytes with their length in front, as {@link JuteReader.buffers} says; null (-1) and empty (0) stay different.
   * @throws ProtocolError `TRUNCATED`, `LENGTH_NEGATIVE` */
  buffer(): Uint8Array | null {
    const length = this.lengthOf();
    if (length < 0) return null;
    const at = this.position;
    this.position = at + length;
    return this.buffers === "copy" ? copyOf(this.bytes, at, at + length) : viewOf(this.bytes, at, length);
  }

  /** UTF-8 text with its byte length in front; null and empty stay different, bytes that are no UTF-8 read as U+FFFD.
   * @throws ProtocolError `TRUNCATED`, `LENGTH_NEGATIVE` */
  ustring(): string | null {
    const length = this.lengthOf();
    if (length < 0) return null;
    const at = this.position;
    this.position = at + length;
    return decodeUtf8(this.bytes, at, at + length);
  }

  /** Elements with their count in front; null and empty stay different.
   *
   * The count is first compared with the bytes left: an element takes `bytesMin` bytes at least, and one byte is asked
   * for even where that is 0, so that a short frame can never claim two thousand million elements.
   * @throws ProtocolError `TRUNCATED`, `LENGTH_NEGATIVE`, `COUNT_TOO_LARGE`, and whatever the element throws */
  vector<T>(element: ReadableElement<T>): T[] | null {
    const at = this.position;
    const count = this.int();
    if (count === -1) return null;
    if (count < 0) throw this.refuse("LENGTH_NEGATIVE", `a vector count of ${count}`, at);
    const bytesLeft = this.remaining;
    if (count * Math.max(1, element.bytesMin) > bytesLeft) {
      const reason = `a vector of ${count} ${element.name}, which cannot fit in the ${bytesLeft} bytes left,`;
      throw this.refuse("COUNT_TOO_LARGE", reason, at);
    }
    const values: T[] = [];
    for (let index = 0; index < count; index++) {
      try {
        values.push(element.read(this));
      } catch (error) {
        throw error instanceof ProtocolError ? error.within(`vector<${element.name}>`, `[${index}]`) : error;
      }
    }
    return values;
  }

  /** The typed error for a value at `offset`; for codecs of one's own. */
  refuse(code: ProtocolError["code"], reason: string, offset: number): ProtocolError {
    return new ProtocolError({ code, reason, offset });
  }

  private lengthOf(): number {
    const at = this.position;
    const length = this.int();
    if (length > this.end - this.position) {
      const reason = `a length of ${length}, with ${this.remaining} bytes left,`;
      throw this.refuse("TRUNCATED", reason, at);
    }
    if (length < -1) throw this.refuse("LENGTH_NEGATIVE", `a length of ${length}`, at);
    return length;
  }

  private loadEight(): void {
    const at = this.take(8);
    const bytes = this.bytes;
    EIGHT[0] = bytes[at]!;
    EIGHT[1] = bytes[at + 1]!;
    EIGHT[2] = bytes[at + 2]!;
    EIGHT[3] = bytes[at + 3]!;
    EIGHT[4] = bytes[at + 4]!;
    EIGHT[5] = bytes[at + 5]!;
    EIGHT[6] = bytes[at + 6]!;
    EIGHT[7] = bytes[at + 7]!;
  }

  /** Moves past `count` bytes and gives the offset of the first. */
  private take(count: number): number {
    const at = this.position;
    if (count > this.end - at) {
      throw this.refuse("TRUNCATED", `${count} bytes needed, ${this.remaining} left,`, at);
    }
    this.position = at + count;
    return at;
  }
}

/*
 * Numbers are put together from bytes, and those of eight bytes moved here first, rather than read by a DataView of the
 * frame: making a DataView for each frame costs more than all the rest of reading its header and a Stat.
 */
const EIGHT = new Uint8Array(8);
const EIGHT_VIEW = new DataView(EIGHT.buffer);

/** The method of the plain array: `slice` of a Node Buffer is a view of the same memory. */
const slice = Uint8Array.prototype.slice;

function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = slice.call(bytes, start, end);
  return copy.constructor === Uint8Array ? copy : viewOf(copy, 0, copy.length);
}

/** A plain Uint8Array even where `bytes` is a Node Buffer. */
function viewOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
}
