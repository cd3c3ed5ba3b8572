/** Bytes that must not leak by accident: printing, serialising or inspecting shows a mask, `reveal()` the bytes. */
export class Secret {
  readonly #bytes: Uint8Array;

  /** @param bytes copied, so that later changes by the caller change nothing here. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice();
    // What Node's `util.inspect` and `console.log` show.
    Object.defineProperty(this, Symbol.for("nodejs.util.inspect.custom"), { value: () => "[secret]" });
  }

  /** How many bytes there are. */
  get size(): number {
    return this.#bytes.length;
  }

  /** A copy of the bytes. The one way to get at them, so that every leak is an explicit call. */
  reveal(): Uint8Array {
    return this.#bytes.slice();
  }

  /** Whether both hold the same bytes. */
  equals(other: Secret): boolean {
    const theirs = other.#bytes;
    return this.#bytes.length === theirs.length && this.#bytes.every((byte, index) => byte === theirs[index]);
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }
}
