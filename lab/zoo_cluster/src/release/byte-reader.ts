/** Takes exact numbers of bytes from a stream of chunks; memory stays within a chunk and what is asked for. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `bytes` bytes as one array. @throws Error when the stream ends before */
  async take(bytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for await (const part of this.chunks(bytes)) parts.push(part);
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** The next `bytes` bytes in pieces. @throws Error when the stream ends before */
  async *chunks(bytes: number): AsyncGenerator<Uint8Array> {
    let left = bytes;
    while (left > 0) {
      if (this.#chunk.length === 0) await this.#fill();
      const part = this.#chunk.subarray(0, left);
      this.#chunk = this.#chunk.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  /** Drops the next `bytes` bytes. @throws Error when the stream ends before */
  async skip(bytes: number): Promise<void> {
    for await (const _part of this.chunks(bytes));
  }

  /** Reads to the end of the stream. @throws Error when more than `bytesMax` bytes are left */
  async drain(bytesMax: number): Promise<void> {
    let seen = this.#chunk.length;
    this.#chunk = new Uint8Array(0);
    for (let next = await this.#source.next(); !next.done; next = await this.#source.next()) {
      seen += next.value.length;
      if (seen > bytesMax) throw new Error(`more than ${bytesMax} bytes follow its end`);
    }
  }

  async #fill(): Promise<void> {
    const next = await this.#source.next();
    if (next.done) throw new Error("it ends in the middle, as a file that was cut short does");
    this.#chunk = next.value;
  }
}
