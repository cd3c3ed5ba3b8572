/** Rings once when the first of several one-shot watches has something to tell. */
import type { Client, WatchEvent } from "@zk/client";
import { sleep } from "./backoff.js";
import { Patience } from "./patience.js";

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

/**
 * Resolves when the bell rings, or after a time on the client's clock.
 * @throws RecipeError ABORTED or WAIT_TIMEOUT when the wait must end before
 */
export async function rungOrAfter(
  client: Client,
  about: { readonly recipe: string; readonly path: string },
  bell: Bell,
  delayMs: number,
  patience: Patience,
): Promise<void> {
  const over = new AbortController();
  using ending = new Patience(client, about, { signal: over.signal });
  const slept = sleep(client, delayMs, ending).catch(() => {});
  try {
    await patience.race(Promise.race([bell.rung, slept]));
  } finally {
    over.abort();
  }
}
