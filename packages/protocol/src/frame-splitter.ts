import { ProtocolError } from "./errors.js";

/**
 * Cuts a byte stream into frames, however it comes in.
 *
 * Rules:
 * - The splitter owns the chunks pushed into it: whoever pushes a chunk must not write to it afterwards.
 * - A frame that came within one chunk is given out as a view of that chunk; one that came in pieces is put together
 *   in memory of its own. Neither is ever written to again, so a frame stays valid for as long as it is kept.
 * - Memory follows the bytes that came, never the length they declare: at most twice the bytes received of a frame.
 * - After an error there is no telling where the next frame begins. The splitter stays dead: every call throws the
 *   same error.
 *
 * Source: ZooKeeper 3.4.6, ClientCnxnSocket.java, readLength, and NIOServerCnxn.java, readLength
 */
export class FrameSplitter {
  private readonly frameBytesMax: number;
  /** Chunks not yet used up: those from `first` on, the first of them from `offset` on. */
  private chunks: Uint8Array[] = [];
  private first = 0;
  private offset = 0;
  private chunkBytes = 0;
  /** A frame that began in an earlier chunk, its length included. */
  private partial: Uint8Array = EMPTY;
  private partialUsed = 0;
  /** Bytes taken out of the chunks since the stream began: for the place in an error. */
  private streamBytes = 0;
  private failure: ProtocolError | null = null;

  /** @param options `frameBytesMax`: longest payload taken, in bytes, {@link FRAME_BYTES_MAX_DEFAULT} by default */
  constructor(options: { readonly frameBytesMax?: number } = {}) {
    this.frameBytesMax = options.frameBytesMax ?? FRAME_BYTES_MAX_DEFAULT;
  }

  /** Takes the next bytes of the stream, any number of them. @throws ProtocolError the one it died of */
  push(chunk: Uint8Array): void {
    if (this.failure !== null) throw this.failure;
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.chunkBytes += chunk.length;
  }

  /**
   * The payload of the next frame, without its length; null when more bytes are needed.
   *
   * @throws ProtocolError `FRAME_TOO_LARGE` (with `declaredBytes` and `limitBytes`), `FRAME_LENGTH_NEGATIVE`; the offset
   * counts from the beginning of the stream
   */
  next(): Uint8Array | null {
    if (this.failure !== null) throw this.failure;
    const chunk = this.chunks[this.first];
    if (chunk === undefined) return null;
    if (this.partialUsed > 0) return this.continuePartial();
    const at = this.offset;
    const available = chunk.length - at;
    if (available >= 4) {
      const length = this.checked(lengthAt(chunk, at));
      if (available - 4 >= length) {
        this.advance(4 + length);
        return chunk.subarray(at + 4, at + 4 + length);
      }
    }
    return this.continuePartial();
  }

  /** How many bytes have come that are not yet part of a frame given out; after `next` said null, 0 means between frames. */
  get partialBytes(): number {
    return this.partialUsed + this.chunkBytes;
  }

  private continuePartial(): Uint8Array | null {
    if (!this.fill(4)) return null;
    const length = this.checked(lengthAt(this.partial, 0));
    if (!this.fill(4 + length)) return null;
    const payload = this.partial.subarray(4, 4 + length);
    this.partial = EMPTY;
    this.partialUsed = 0;
    return payload;
  }

  /** Moves bytes from the chunks to the partial frame until that has `count` of them; false when there are not enough. */
  private fill(count: number): boolean {
    while (this.partialUsed < count) {
      const chunk = this.chunks[this.first];
      if (chunk === undefined) return false;
      const taken = Math.min(count - this.partialUsed, chunk.length - this.offset);
      this.makeRoom(this.partialUsed + taken, count);
      this.partial.set(chunk.subarray(this.offset, this.offset + taken), this.partialUsed);
      this.partialUsed += taken;
      this.advance(taken);
    }
    return true;
  }

  private makeRoom(needed: number, frameBytes: number): void {
    if (needed <= this.partial.length) return;
    const grown = new Uint8Array(Math.max(needed, Math.min(needed * 2, frameBytes)));
    grown.set(this.partial.subarray(0, this.partialUsed));
    this.partial = grown;
  }

  private advance(count: number): void {
    this.offset += count;
    this.chunkBytes -= count;
    this.streamBytes += count;
    if (this.offset !== this.chunks[this.first]?.length) return;
    this.offset = 0;
    this.first++;
    if (this.first === this.chunks.length) {
      // Mostly there is one; to pop it keeps the array's memory for the next.
      if (this.first === 1) this.chunks.pop();
      else this.chunks.length = 0;
      this.first = 0;
    } else if (this.first > USED_CHUNKS_MAX && this.first * 2 > this.chunks.length) {
      // Not one by one: taking the first of a long array moves all the others.
      this.chunks = this.chunks.slice(this.first);
      this.first = 0;
    }
  }

  private checked(length: number): number {
    if (length >= 0 && length <= this.frameBytesMax) return length;
    this.failure = new ProtocolError({
      code: length < 0 ? "FRAME_LENGTH_NEGATIVE" : "FRAME_TOO_LARGE",
      reason:
        length < 0
          ? `a frame of ${length} bytes: the peer does not speak ZooKeeper, or bytes were lost,`
          : `a frame of ${length} bytes, above the limit of ${this.frameBytesMax},`,
      offset: this.streamBytes - this.partialUsed,
      declaredBytes: length,
      limitBytes: this.frameBytesMax,
    });
    this.chunks = [];
    this.partial = EMPTY;
    this.partialUsed = 0;
    this.chunkBytes = 0;
    throw this.failure;
  }
}

/**
 * Longest payload a splitter takes unless told otherwise: 16 MiB. Servers set no limit to what they send, and the reply
 * of getChildren for some hundred thousand names is far above the 1 MiB they take.
 */
export const FRAME_BYTES_MAX_DEFAULT: number = 16 * 1024 * 1024;

/** Used-up chunks stay in the queue until they are that many, and as many as the others. */
const USED_CHUNKS_MAX = 256;
const EMPTY = new Uint8Array(0);

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
