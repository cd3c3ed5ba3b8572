/** Pauses between tries that fail again and again: each about twice as long as the one before, up to a limit. */
import type { Client } from "@zk/client";
import type { Patience } from "./patience.js";

/** The shortest and the longest pause, in milliseconds. */
export interface BackoffLimits {
  /** The first pause. Default 100. */
  readonly firstMs?: number;
  /** No pause is longer. Default 10 000. */
  readonly maxMs?: number;
}

/** See the head of this file. */
export class Backoff {
  readonly #client: Client;
  readonly #firstMs: number;
  readonly #maxMs: number;
  #failures = 0;

  constructor(client: Client, { firstMs = 100, maxMs = 10_000 }: BackoffLimits = {}) {
    this.#client = client;
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  /** Milliseconds until the next try. Between half and all of the step, so that those who failed together come back apart. */
  nextMs(): number {
    const stepMs = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return stepMs * (0.5 + (this.#client.randomness.seed() >>> 0) / 2 ** 33);
  }

  /** The last try was a success: the next pause is the first one again. */
  calm(): void {
    this.#failures = 0;
  }

  /**
   * Pauses.
   * @throws RecipeError ABORTED or WAIT_TIMEOUT when the wait must end
   */
  async pause(patience: Patience): Promise<void> {
    await sleep(this.#client, this.nextMs(), patience);
  }
}

/**
 * Resolves after a time on the client's clock.
 * @throws RecipeError ABORTED or WAIT_TIMEOUT when the wait must end before
 */
export async function sleep(client: Client, delayMs: number, patience: Patience): Promise<void> {
  let cancelTimer = (): void => {};
  try {
    await patience.race(
      new Promise<void>((resolve) => {
        cancelTimer = client.clock.setTimer(delayMs, resolve);
      }),
    );
  } finally {
    cancelTimer();
  }
}
