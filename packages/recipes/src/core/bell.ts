/** Rings once when the first of several one-shot watches has something to tell. */
import type { Client, WatchEvent } from "@zk/client";

/** See the head of this file. Dispose of it when nobody waits for it any more, so that its watches go. */
export class Bell implements Disposable {
  readonly #client: Client;
  readonly #rung: Promise<void>;
  #ring: () => void = () => {};
  readonly #watched: string[] = [];
  readonly #onEvent = (_event: WatchEvent): void => this.#ring();

  constructor(client: Client) {
    this.#client = client;
    this.#rung = new Promise((resolve) => {
      this.#ring = resolve;
    });
  }

  /** For the next read of a znode: its option `watch`. */
  at(path: string): (event: WatchEvent) => void {
    this.#watched.push(path);
    return this.#onEvent;
  }

  /** Resolves when it rings: something happened at one of the places, or the session is over. */
  get rung(): Promise<void> {
    return this.#rung;
  }

  /** Rings now: what is to be waited for has happened already. */
  ring(): void {
    this.#ring();
  }

  [Symbol.dispose](): void {
    for (const path of this.#watched) this.#client.unwatch(path, this.#onEvent);
  }
}
