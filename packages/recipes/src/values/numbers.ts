/** How numbers become the bytes of a znode, in the forms that other libraries read. */
import { type Codec, textCodec } from "../core/codec.js";

const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/** Four bytes, the highest first: Curator's SharedCount and DistributedAtomicInteger, kazoo's Counter with `support_curator`. */
export const intCodec: Codec<number> = {
  encode(value) {
    if (!Number.isInteger(value) || value < INT_MIN || value > INT_MAX)
      throw new RangeError(`it must be a whole number of 32 bits, not ${String(value)}`);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value);
    return bytes;
  },
  decode: (bytes) => viewOf(bytes, 4).getInt32(0),
};

/** Eight bytes, the highest first: Curator's DistributedAtomicLong. */
export const longCodec: Codec<bigint> = {
  encode(value) {
    if (typeof value !== "bigint" || value < LONG_MIN || value > LONG_MAX)
      throw new RangeError(`it must be a bigint of 64 bits, not ${String(value)}`);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, value);
    return bytes;
  },
  decode: (bytes) => viewOf(bytes, 8).getBigInt64(0),
};

/**
 * ASCII as Python prints it, such as `5`, `6.5` and `1e+16`: kazoo's Counter. Whole numbers of Python have no end, and ours are exact
 * up to 2^53: one beyond that is refused, not rounded. What has a point or an exponent is a double there too.
 */
export const decimalCodec: Codec<number> = {
  encode(value) {
    if (!Number.isFinite(value)) throw new RangeError(`it must be a finite number, not ${String(value)}`);
    const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
    return textCodec.encode(isRounded ? value.toExponential() : String(value));
  },
  decode(bytes) {
    const text = textCodec.decode(bytes);
    const value = Number(text);
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(value))
      throw new TypeError(`${JSON.stringify(text)} is no number`);
    if (/^[+-]?\d+$/.test(text) && !Number.isSafeInteger(value))
      throw new RangeError(`${text} is beyond 2^53, and would be rounded`);
    return value;
  },
};

function viewOf(bytes: Uint8Array, length: number): DataView {
  if (bytes.length !== length) throw new RangeError(`it has ${bytes.length} bytes, not ${length}`);
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}
