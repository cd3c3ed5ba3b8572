/**
 * Changes for one reader that comes for them when it likes. What it does not fetch is kept up to a bound; past it everything
 * is dropped, and the reader is told so, and given what it needs to go on.
 */

interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/** See the head of this file. */
export class ChangeStream<T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly #bufferMax: number;
  readonly #overflow: (dropped: number) => T;
  readonly #left: () => void;
  #buffer: T[] = [];
  #waiting: Waiting<T>[] = [];
  #dropped = 0;
  #ending: { readonly error?: unknown } | undefined;

  /**
   * @param bufferMax changes that are kept at most
   * @param overflow makes what the reader is told in place of what was dropped, at the moment at which it comes for it
   * @param left is called once, when nothing more is wanted
   */
  constructor(bufferMax: number, overflow: (dropped: number) => T, left: () => void) {
    this.#bufferMax = bufferMax;
    this.#overflow = overflow;
    this.#left = left;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  push(change: T): void {
    if (this.#ending !== undefined) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting.resolve({ done: false, value: change });
    if (this.#dropped === 0 && this.#buffer.length < this.#bufferMax) {
      this.#buffer.push(change);
      return;
    }
    // What comes before the gap is in the snapshot as well.
    this.#dropped += this.#buffer.length + 1;
    this.#buffer = [];
  }

  /** No more comes. What was pushed before is still read. */
  end(error?: unknown): void {
    if (this.#ending !== undefined) return;
    this.#ending = error === undefined ? {} : { error };
    const [first, ...others] = this.#waiting;
    this.#waiting = [];
    if (first !== undefined) this.#tellEnd(first);
    for (const each of others) this.#tellEnd(each);
    this.#left();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#dropped > 0) {
      const value = this.#overflow(this.#dropped);
      this.#dropped = 0;
      return Promise.resolve({ done: false, value });
    }
    const value = this.#buffer.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject };
      if (this.#ending === undefined) this.#waiting.push(waiting);
      else this.#tellEnd(waiting);
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#buffer = [];
    this.#dropped = 0;
    this.end();
    return Promise.resolve(DONE);
  }

  /** Ends it at once: what was pushed before is not read any more. */
  abort(error: unknown): void {
    this.#buffer = [];
    this.#dropped = 0;
    this.end(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** An error is told once; after it the stream is simply over. */
  #tellEnd(waiting: Waiting<T>): void {
    const ending = this.#ending;
    this.#ending = {};
    if (ending !== undefined && "error" in ending) waiting.reject(ending.error);
    else waiting.resolve(DONE);
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
