import { EncodeError } from "../errors.js";
import { encodeUtf8Into } from "./utf8.js";

const INITIAL_BYTES = 256;
/** Up to here a writer keeps its memory, and `take` copies; above, `take` hands the memory over and starts small again. */
const KEEP_BYTES_MAX = 65_536;
/** After so many oversized lends in a row memory is given up. */
const OVERSIZED_LENDS_MAX = 64;

/** What a vector has to know of its elements to write them; every `Codec` does. */
export interface WritableElement<T> {
  /** The type's name in the server's schema. */
  readonly name: string;
  /** @throws EncodeError when the value has no encoding */
  write(writer: JuteWriter, value: T): void;
}

/**
 * Writes jute values one after another into memory that grows as needed.
 *
 * Values are checked: what has no encoding is an {@link EncodeError}, never a silently different number. After an error
 * the bytes already written stay; {@link JuteWriter.truncate} forgets them.
 *
 * Source: ZooKeeper 3.4.6, src/java/main/org/apache/jute/BinaryOutputArchive.java
 */
export class JuteWriter {
  private bytes: Uint8Array;
  private view: DataView;
  private used = 0;
  private lent: Memory | undefined;
  private spare: Memory | undefined;
  /** How many times in a row much more memory was lent than was used. */
  private oversized = 0;
  private readonly initialBytes: number;

  /** @param initialBytes memory to begin with, 256 by default */
  constructor(initialBytes: number = INITIAL_BYTES) {
    this.initialBytes = Math.max(16, initialBytes);
    this.bytes = new Uint8Array(this.initialBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  /** How many bytes have been written since the writer was made or last emptied. */
  get length(): number {
    return this.used;
  }

  /** One byte, 0 or 1. @throws EncodeError when it is no boolean */
  bool(value: boolean): void {
    if (typeof value !== "boolean") throw unfit(value, "a boolean");
    const at = this.reserve(1);
    this.bytes[at] = value ? 1 : 0;
  }

  /** One signed byte, -128 to 127. @throws EncodeError */
  byte(value: number): void {
    if (typeof value !== "number" || (value << 24) >> 24 !== value)
      throw unfit(value, "a whole number from -128 to 127");
    const at = this.reserve(1);
    this.bytes[at] = value;
  }

  /** A signed 32-bit number. @throws EncodeError */
  int(value: number): void {
    if (typeof value !== "number" || (value | 0) !== value)
      throw unfit(value, "a whole number from -2147483648 to 2147483647");
    const at = this.reserve(4);
    this.view.setInt32(at, value);
  }

  /** A signed 64-bit number. @throws EncodeError */
  long(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
      throw unfit(value, "a bigint from -2^63 to 2^63 - 1");
    }
    const at = this.reserve(8);
    this.view.setBigInt64(at, value);
  }

  /** A 32-bit floating-point number. @throws EncodeError when it is no number */
  float(value: number): void {
    if (typeof value !== "number") throw unfit(value, "a number");
    const at = this.reserve(4);
    this.view.setFloat32(at, value);
  }

  /** A 64-bit floating-point number. @throws EncodeError when it is no number */
  double(value: number): void {
    if (typeof value !== "number") throw unfit(value, "a number");
    const at = this.reserve(8);
    this.view.setFloat64(at, value);
  }

  /** Bytes with their length in front; null is written as length -1. @throws EncodeError */
  buffer(value: Uint8Array | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    if (!(value instanceof Uint8Array)) throw unfit(value, "a Uint8Array or null");
    const at = this.reserve(4 + value.length);
    this.view.setInt32(at, value.length);
    this.bytes.set(value, at + 4);
  }

  /** Text as UTF-8 with its byte length in front; null is written as length -1. @throws EncodeError */
  ustring(value: string | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    if (typeof value !== "string") throw unfit(value, "a string or null");
    const at = this.reserve(4 + value.length * 3);
    const end = encodeUtf8Into(value, this.bytes, at + 4);
    this.view.setInt32(at, end - at - 4);
    this.used = end;
  }

  /** Elements with their count in front; null is written as count -1. @throws EncodeError */
  vector<T>(values: readonly T[] | null, element: WritableElement<T>): void {
    if (values === null) {
      this.int(-1);
      return;
    }
    if (!Array.isArray(values)) throw unfit(values, "an array or null");
    this.int(values.length);
    for (let index = 0; index < values.length; index++) {
      try {
        element.write(this, values[index] as T);
      } catch (error) {
        throw error instanceof EncodeError ? error.within(`vector<${element.name}>`, `[${index}]`) : error;
      }
    }
  }

  /** Leaves room for a frame's length. Returns what {@link JuteWriter.endFrame} wants. */
  beginFrame(): number {
    return this.reserve(4);
  }

  /**
   * Writes the length of the frame that began at `start` in front of it.
   *
   * @param start what {@link JuteWriter.beginFrame} returned
   * @returns the length of the payload in bytes, not counting the length itself
   */
  endFrame(start: number): number {
    const payloadBytes = this.used - start - 4;
    this.view.setInt32(start, payloadBytes);
    return payloadBytes;
  }

  /** Forgets what was written after the first `length` bytes, as when a request turns out to be too large. */
  truncate(length: number): void {
    if (length < 0 || length > this.used)
      throw new RangeError(`cannot truncate ${this.used} bytes to ${length}`);
    this.used = length;
  }

  /** Everything written so far, as bytes the writer will never touch again; the writer is empty afterwards. */
  take(): Uint8Array {
    const used = this.used;
    this.used = 0;
    if (this.bytes.length <= KEEP_BYTES_MAX) return this.bytes.slice(0, used);
    const given = used * 2 < this.bytes.length ? this.bytes.slice(0, used) : this.bytes.subarray(0, used);
    this.bytes = new Uint8Array(this.initialBytes);
    this.view = new DataView(this.bytes.buffer);
    return given;
  }

  /**
   * Everything written so far, as a view of the writer's own memory; the writer is empty afterwards and goes on in other
   * memory. Cheaper than {@link JuteWriter.take} for bytes that are soon done with: give them back, and two pieces of
   * memory serve by turns.
   */
  lend(): Uint8Array {
    const { bytes, view, used } = this;
    this.lent = { bytes, view };
    const next = this.spare ?? memory(this.bytesToGoOnWith());
    this.spare = undefined;
    this.bytes = next.bytes;
    this.view = next.view;
    this.used = 0;
    return bytes.subarray(0, used);
  }

  /** The bytes of the last {@link JuteWriter.lend} are done with: the writer may write over them. */
  giveBack(bytes: Uint8Array): void {
    const { lent } = this;
    if (lent === undefined || lent.bytes.buffer !== bytes.buffer) return;
    this.lent = undefined;
    // Memory from a burst is not kept for ever, but it may be needed again soon.
    const isFitting = bytes.length * 8 >= lent.bytes.length || lent.bytes.length <= KEEP_BYTES_MAX;
    this.oversized = isFitting ? 0 : this.oversized + 1;
    if (this.oversized < OVERSIZED_LENDS_MAX) this.spare = lent;
  }

  /** Enough for as much as the last time; half of what there was, when that was far too much. */
  private bytesToGoOnWith(): number {
    const size = this.bytes.length;
    return this.used * 8 >= size ? size : Math.max(this.initialBytes, size >>> 1);
  }

  private reserve(count: number): number {
    const at = this.used;
    const end = at + count;
    if (end > this.bytes.length) this.grow(end);
    this.used = end;
    return at;
  }

  private grow(bytesNeeded: number): void {
    const grown = new Uint8Array(Math.max(bytesNeeded, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

interface Memory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

function memory(length: number): Memory {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
}

function unfit(value: unknown, wanted: string): EncodeError {
  const shown =
    typeof value === "string" ? "a string" : typeof value === "object" ? "an object" : String(value);
  return new EncodeError(`${value === null ? "null" : shown} cannot be written: ${wanted} is needed`);
}
