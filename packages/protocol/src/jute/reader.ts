import { ProtocolError } from "../errors.js";
import type { Codec } from "./codec.js";
import { decodeUtf8 } from "./utf8.js";

/**
 * Reads jute values from a run of bytes, in order.
 *
 * Every declared length is compared with the bytes that are there before anything is allocated or cut. A reader holds on
 * to the bytes only until the next {@link JuteReader.reset}; what it gives out (strings, buffers) never shares memory
 * with them.
 *
 * Source: ZooKeeper 3.4.6, src/java/main/org/apache/jute/BinaryInputArchive.java
 */
export class JuteReader {
  /** Offset of the next byte to read, counted from the start of the bytes given. */
  position: number;
  private bytes: Uint8Array;
  private view: DataView;
  private end: number;

  /**
   * @param bytes what to read from
   * @param start first byte to read, 0 by default
   * @param end one past the last, `bytes.length` by default
   */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.end = Math.min(end, bytes.length);
  }

  /** Starts over on other bytes, so that one reader can serve a whole connection. Parameters as in the constructor. */
  reset(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
    const at = this.position;
    if (at + 1 > this.end) throw this.truncated(1);
    this.position = at + 1;
    return this.view.getInt8(at);
  }

  /** A signed 32-bit number. @throws ProtocolError `TRUNCATED` */
  int(): number {
    const at = this.position;
    if (at + 4 > this.end) throw this.truncated(4);
    this.position = at + 4;
    return this.view.getInt32(at);
  }

  /** A signed 64-bit number. @throws ProtocolError `TRUNCATED` */
  long(): bigint {
    const at = this.position;
    if (at + 8 > this.end) throw this.truncated(8);
    this.position = at + 8;
    return this.view.getBigInt64(at);
  }

  /** A 32-bit floating-point number. @throws ProtocolError `TRUNCATED` */
  float(): number {
    const at = this.position;
    if (at + 4 > this.end) throw this.truncated(4);
    this.position = at + 4;
    return this.view.getFloat32(at);
  }

  /** A 64-bit floating-point number. @throws ProtocolError `TRUNCATED` */
  double(): number {
    const at = this.position;
    if (at + 8 > this.end) throw this.truncated(8);
    this.position = at + 8;
    return this.view.getFloat64(at);
  }

  /** Bytes with their length in front, as a copy that the caller owns; null (-1) and empty (0) stay different.
   * @throws ProtocolError `TRUNCATED`, `LENGTH_NEGATIVE` */
  buffer(): Uint8Array | null {
    const length = this.lengthOf();
    if (length < 0) return null;
    const at = this.position;
    this.position = at + length;
    // Not `slice`: on a Node Buffer that would be a view of the same memory.
    const copy = new Uint8Array(length);
    copy.set(this.bytes.subarray(at, at + length));
    return copy;
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
  vector<T>(element: Codec<T>): T[] | null {
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

  private truncated(bytesNeeded: number): ProtocolError {
    const reason = `${bytesNeeded} bytes needed, ${this.remaining} left,`;
    return this.refuse("TRUNCATED", reason, this.position);
  }
}
