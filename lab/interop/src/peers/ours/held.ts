/** What the objects of our own peer share: waits that can be cancelled, and holds that are given back when the object is closed. */
import { type Hold, isRecipeError, type WaitOptions } from "@zk/recipes";
import { PeerError } from "../errors.js";
import type { Limit } from "../recipes.js";

/** The waits of one object. */
export class Waits {
  #over = new AbortController();
  readonly #waiting = new Set<Promise<unknown>>();

  /** Waits, and says undefined when the time was up. */
  async within<T>(limit: Limit, wait: (options: WaitOptions) => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#over;
    const options = limit.timeoutMs === undefined ? { signal } : { signal, timeoutMs: limit.timeoutMs };
    const waiting = wait(options);
    this.#waiting.add(waiting);
    try {
      return await waiting;
    } catch (error) {
      if (isRecipeError(error, "WAIT_TIMEOUT")) return undefined;
      throw error;
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  /** Ends those that are under way. */
  cancel(): void {
    this.#over.abort(new Error("cancelled"));
    this.#over = new AbortController();
  }

  /** Ends them, and resolves when they are over: one may have come to its end just then, and hold something. */
  async end(): Promise<void> {
    this.cancel();
    while (this.#waiting.size > 0) await Promise.allSettled(this.#waiting);
  }
}

/** What one object holds, the newest given back first. */
export class Holds<Held extends Pick<Hold, "release">> {
  readonly #held: Held[] = [];

  add(...held: readonly Held[]): void {
    this.#held.push(...held);
  }

  get size(): number {
    return this.#held.length;
  }

  get newest(): Held | undefined {
    return this.#held.at(-1);
  }

  /** @throws PeerError when there is none */
  async release(): Promise<void> {
    const held = this.#held.pop();
    if (held === undefined) throw new PeerError("FAILED", "there is nothing to release");
    await held.release();
  }

  async releaseAll(): Promise<void> {
    while (this.size > 0) await this.release();
  }
}

/** Both ways to close an object. */
export function closing(close: () => Promise<void>): {
  readonly close: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
} {
  return { close, [Symbol.asyncDispose]: close };
}

/** Refuses what our recipes do not have. */
export function unsupported(what: string): PeerError {
  return new PeerError("UNSUPPORTED", `@zk/recipes has no ${what}`);
}
