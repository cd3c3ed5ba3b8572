/** Somebody who waits until certain znodes, and what is found below them, have been read. */

/** See the head of this file. */
export class CatchUp {
  /** Resolves when everything was read. */
  readonly done: Promise<void>;
  /** How many reads of each path are to end. */
  readonly #reads = new Map<string, number>();
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who waits is told; nobody has to.
    this.done.catch(() => {});
  }

  needs(path: string): boolean {
    return this.#reads.has(path);
  }

  /** Waits for that many more reads of a path: two, when one is under way that began too early. */
  need(path: string, reads: number): void {
    if (reads > 0) this.#reads.set(path, Math.max(reads, this.#reads.get(path) ?? 0));
  }

  /** A read of the path ended. */
  read(path: string): void {
    const left = (this.#reads.get(path) ?? 0) - 1;
    if (left > 0) this.#reads.set(path, left);
    else this.forget(path);
  }

  /** The path is not looked at any more. */
  forget(path: string): void {
    this.#reads.delete(path);
    this.check();
  }

  /** What was read so far counts no more. */
  restart(root: string): void {
    this.#reads.clear();
    this.#reads.set(root, 1);
  }

  /** Ends it when nothing is left to wait for. @returns whether it is over */
  check(): boolean {
    if (this.#reads.size > 0) return false;
    this.#resolve();
    return true;
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}
