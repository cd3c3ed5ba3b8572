/**
 * One persistent watch over a whole subtree in place of a one-shot watch on each znode, where the servers have such: from 3.6.0 on.
 *
 * It lasts as long as a connection, and after that everything is to be read again. Where it cannot be had, or has to make room for
 * another watch at the root, the cache goes on with one-shot watches for the rest of its life: the two kinds do not agree at one
 * path.
 */
import { type Client, isZkError, type PersistentWatch, type PersistentWatchEvent } from "@zk/client";

/** Where a standing watch tells how it stands. */
export interface StandingWatchListener {
  heard(event: PersistentWatchEvent): void;
  /** It has gone with its connection. */
  lost(): void;
  /** It has made room for another, and there will be none. */
  replaced(): void;
}

/** See the head of this file. */
export class StandingWatch {
  readonly #client: Client;
  readonly #path: string;
  readonly #listener: StandingWatchListener;
  #watch: PersistentWatch | undefined;
  #adding: Promise<boolean> | undefined;
  #mayHave = true;
  #isOver = false;

  constructor(client: Client, path: string, listener: StandingWatchListener) {
    this.#client = client;
    this.#path = path;
    this.#listener = listener;
  }

  /** Whether it stands: no other watch is needed then. */
  get stands(): boolean {
    return this.#watch !== undefined;
  }

  /**
   * Adds it, if it does not stand and can be had.
   * @returns whether it stands
   * @throws ZkError when nobody answers, or the session is over
   */
  ready(): Promise<boolean> {
    if (this.#watch !== undefined || !this.#mayHave || this.#isOver) return Promise.resolve(this.stands);
    this.#adding ??= this.#add().finally(() => {
      this.#adding = undefined;
    });
    return this.#adding;
  }

  /** There will be none. */
  end(): void {
    this.#isOver = true;
    const watch = this.#watch;
    this.#watch = undefined;
    watch?.close();
  }

  async #add(): Promise<boolean> {
    let watch: PersistentWatch;
    try {
      const forever = { timeoutMs: Number.POSITIVE_INFINITY };
      watch = await this.#client.addWatch(this.#path, (event) => this.#listener.heard(event), forever);
    } catch (error) {
      if (!cannotBeHad(error)) throw error;
      this.#mayHave = false;
      return false;
    }
    if (this.#isOver) {
      watch.close();
      return false;
    }
    this.#watch = watch;
    const ended = (): void => this.#ended();
    if (watch.signal.aborted) ended();
    else watch.signal.addEventListener("abort", ended, { once: true });
    return this.stands;
  }

  #ended(): void {
    // We have closed it ourselves.
    if (this.#watch === undefined) return;
    this.#watch = undefined;
    if (this.#client.state !== "connected") return this.#listener.lost();
    this.#mayHave = false;
    this.#listener.replaced();
  }
}

/** The server does not know it, does not allow it, or there is a watch of another kind. */
function cannotBeHad(error: unknown): boolean {
  return (
    isZkError(error, "UNIMPLEMENTED") || isZkError(error, "WATCH_CONFLICT") || isZkError(error, "NO_AUTH")
  );
}
