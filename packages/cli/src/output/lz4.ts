/**
 * LZ4 frames, read. Node has no LZ4, and what npm has is compiled for each platform or stands still (decision 0014).
 *
 * Format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md (frame, version 1.6.x) and lz4_Block_format.md beside it.
 * Checksums are compared wherever a frame has them.
 */
import { xxHash32 } from "./xx-hash-32.js";

const MAGIC = 0x184d2204;
/** Sixteen numbers for frames that readers pass over. */
const SKIPPED_MAGIC = 0x184d2a50;
const STORED = 0x80000000;
/** Of a match; what is said of its length comes on top. */
const MATCH_BYTES_MIN = 4;
/** How far back the blocks of one frame may look into earlier ones. */
const WINDOW_BYTES = 65_536;

/**
 * The content of one frame, or of several behind each other.
 * @param bytesMax what it may grow to
 * @throws RangeError where the bytes are no such frames, damaged, cut short, or too large when decompressed
 */
export function decodeLz4(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const input = new Input(bytes);
  const output = new Output(bytesMax);
  do readFrame(input, output);
  while (!input.isAtEnd);
  return output.bytes;
}

class Input {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  word(): number {
    this.take(4);
    return this.#view.getUint32(this.at - 4, true);
  }

  take(count: number): Uint8Array {
    if (this.at + count > this.#bytes.length) throw new RangeError("it ends too early");
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }

  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.at);
  }
}

class Output {
  readonly #max: number;
  #bytes = new Uint8Array(1024);
  length = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  append(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What stands so far back again; it may reach into what is being written. */
  repeat(distance: number, count: number, earliest: number): void {
    const from = this.length - distance;
    if (distance === 0 || from < earliest) throw new RangeError("it refers to what is not there");
    this.#grow(count);
    for (let index = 0; index < count; index += 1)
      this.#bytes[this.length + index] = this.#bytes[from + index] as number;
    this.length += count;
  }

  #grow(count: number): void {
    const wanted = this.length + count;
    if (wanted > this.#max) throw new RangeError(`it is larger than ${this.#max} bytes`);
    if (wanted <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.min(this.#max, Math.max(wanted, this.#bytes.length * 2)));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

function readFrame(input: Input, output: Output): void {
  const magic = input.word();
  if ((magic & 0xfffffff0) >>> 0 === SKIPPED_MAGIC) {
    input.take(input.word());
    return;
  }
  if (magic !== MAGIC) throw new RangeError("it does not begin as a frame does");
  const head = readHead(input);
  const start = output.length;
  for (let size = input.word(); size !== 0; size = input.word()) {
    const length = size & ~STORED;
    if (length > head.blockBytesMax) throw new RangeError("a block is larger than the frame says");
    const block = input.take(length);
    if (head.hasBlockChecksums) check(block, input.word());
    const before = output.length;
    if (size >= STORED) output.append(block);
    else readBlock(new Input(block), output, head.isLinked ? start : before);
    if (output.length - before > head.blockBytesMax)
      throw new RangeError("a block is larger than the frame says");
  }
  const content = output.bytes.subarray(start);
  if (head.hasContentChecksum) check(content, input.word());
  if (head.contentBytes !== undefined && head.contentBytes !== BigInt(content.length))
    throw new RangeError("it is not as long as it says");
}

interface Head {
  readonly isLinked: boolean;
  readonly hasBlockChecksums: boolean;
  readonly hasContentChecksum: boolean;
  readonly contentBytes: bigint | undefined;
  readonly blockBytesMax: number;
}

function readHead(input: Input): Head {
  const start = input.at;
  const flags = input.byte();
  const sizes = input.byte();
  if (flags >> 6 !== 1 || (flags & 0b10) !== 0) throw new RangeError("it is of another version");
  const sizeCode = (sizes >> 4) & 0b111;
  if (sizeCode < 4 || (sizes & 0b1000_1111) !== 0) throw new RangeError("it is of another version");
  let contentBytes: bigint | undefined;
  if ((flags & 0b1000) !== 0) {
    const low = BigInt(input.word());
    contentBytes = (BigInt(input.word()) << 32n) | low;
  }
  if ((flags & 0b1) !== 0) throw new RangeError("it needs a dictionary");
  const sum = (xxHash32(input.since(start)) >>> 8) & 0xff;
  if (input.byte() !== sum) throw new RangeError("its head is damaged");
  return {
    isLinked: (flags & 0b10_0000) === 0,
    hasBlockChecksums: (flags & 0b1_0000) !== 0,
    hasContentChecksum: (flags & 0b100) !== 0,
    contentBytes,
    // 64 KiB, 256 KiB, 1 MiB, 4 MiB.
    blockBytesMax: 2 ** (8 + 2 * sizeCode),
  };
}

/** @param earliest where in the output the block may begin to look back */
function readBlock(block: Input, output: Output, earliest: number): void {
  for (;;) {
    const token = block.byte();
    output.append(block.take(lengthOf(token >> 4, block)));
    // The last sequence has no match.
    if (block.isAtEnd) return;
    const low = block.byte();
    const distance = low | (block.byte() << 8);
    const count = lengthOf(token & 0xf, block) + MATCH_BYTES_MIN;
    output.repeat(distance, count, Math.max(earliest, output.length - WINDOW_BYTES));
  }
}

/** Fifteen says that more bytes follow, as long as they are full. */
function lengthOf(nibble: number, block: Input): number {
  let length = nibble;
  if (nibble < 15) return length;
  for (;;) {
    const more = block.byte();
    length += more;
    if (more < 255) return length;
  }
}

function check(bytes: Uint8Array, sum: number): void {
  if (xxHash32(bytes) !== sum) throw new RangeError("it is damaged: a checksum differs");
}
