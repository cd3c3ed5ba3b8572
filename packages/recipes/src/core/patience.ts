/**
 * How long one wait may take, and who may end it: one total deadline and one signal for all its steps together, however many
 * connections, wake-ups and retries there are.
 */
import { type CallOptions, type Client, isZkError } from "@zk/client";
import { isRecipeError, RecipeError } from "../errors.js";
import { onAbort } from "../io/on-abort.js";
import { invalid } from "./checks.js";
import { isLost } from "./lost.js";
import { telemetryOf } from "./telemetry.js";

/** Options of everything in this package that waits. */
export interface WaitOptions {
  /** Ends the wait: it rejects with ABORTED, whose `cause` is the signal's reason, and leaves nothing behind. */
  readonly signal?: AbortSignal;
  /** Milliseconds for the whole wait, retries and lost connections included. Default: none, it waits for ever. */
  readonly timeoutMs?: number;
}

/** One wait under way. Dispose of it when the wait is over, so that its timer and its listener go. */
export class Patience implements Disposable {
  readonly #client: Client;
  readonly #recipe: string;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #over = new AbortController();
  readonly #release: () => void;

  /** @throws RecipeError INVALID_ARGUMENT for a timeout that is no number of at least 0, or a signal that is none */
  constructor(
    client: Client,
    about: { readonly recipe: string; readonly path: string },
    options: WaitOptions,
  ) {
    this.#client = client;
    this.#recipe = about.recipe;
    this.#path = about.path;
    const { signal, timeoutMs = Number.POSITIVE_INFINITY } = options;
    if (typeof timeoutMs !== "number" || !(timeoutMs >= 0))
      throw invalid(about, "timeoutMs", "a number of at least 0", timeoutMs);
    if (signal !== undefined && !isSignal(signal)) throw invalid(about, "signal", "an AbortSignal", signal);
    this.#timeoutMs = timeoutMs;
    // The signal of another wait, of which this one is a part, says itself how that one ended.
    const aborted = (): void =>
      this.#over.abort(isEndOfWait(signal?.reason) ? signal?.reason : this.#abortError(signal?.reason));
    const cancelTimer = Number.isFinite(timeoutMs)
      ? client.clock.setTimer(timeoutMs, () => this.#over.abort(this.#timeoutError()))
      : (): void => {};
    const forget = signal === undefined ? undefined : onAbort(signal, aborted);
    if (signal?.aborted) aborted();
    this.#release = () => {
      cancelTimer();
      forget?.();
    };
  }

  /** Aborts when the wait must end, with the error to reject with as its reason. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** @throws RecipeError ABORTED or WAIT_TIMEOUT when the wait must end */
  check(): void {
    this.#over.signal.throwIfAborted();
  }

  /** For calls of the client that belong to the wait. */
  get call(): CallOptions {
    return { signal: this.#over.signal, timeoutMs: Number.POSITIVE_INFINITY };
  }

  /**
   * A read, as often as connections are lost, until it is answered or the wait must end.
   * @throws RecipeError ABORTED or WAIT_TIMEOUT; ZkError for whatever a server answers, and when the session is over
   */
  async read<T>(read: (call: CallOptions) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read(this.call);
      } catch (error) {
        this.check();
        if (isZkError(error, "QUEUE_FULL")) await this.race(this.#client.drained());
        else if (!isLost(error)) throw error;
        else telemetryOf(this.#client).metrics.retries += 1;
      }
    }
  }

  /**
   * A write, or whatever else is asked once.
   * @throws RecipeError ABORTED or WAIT_TIMEOUT when the wait ends under it, `applied` says whether it may have been applied;
   *   whatever the call rejects with
   */
  async ask<T>(ask: (call: CallOptions) => Promise<T>): Promise<T> {
    try {
      return await ask(this.call);
    } catch (error) {
      throw this.reasonOf(error);
    }
  }

  /** Why a call that belongs to the wait has failed: because the wait has ended, or for a reason of its own. */
  reasonOf(error: unknown): unknown {
    const { aborted, reason } = this.#over.signal;
    if (!aborted) return error;
    if (!isZkError(error) || error.applied === "no" || !isRecipeError(reason)) return reason;
    const { code, cause } = reason;
    const message = "the wait ended before it was known what became of a write";
    const about = { recipe: this.#recipe, path: this.#path };
    return new RecipeError({ code, message, ...about, applied: "maybe", cause: cause ?? error });
  }

  /**
   * The promise, or the error that ends the wait. What the promise says after that is nobody's concern.
   * @throws RecipeError ABORTED or WAIT_TIMEOUT, and whatever the promise rejects with
   */
  race<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#over;
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(signal.reason);
      if (signal.aborted) {
        promise.catch(() => {});
        return ended();
      }
      promise.then(resolve, reject).finally(onAbort(signal, ended));
    });
  }

  [Symbol.dispose](): void {
    this.#release();
  }

  #abortError(reason: unknown): RecipeError {
    return new RecipeError({
      code: "ABORTED",
      message: "the wait was aborted",
      recipe: this.#recipe,
      path: this.#path,
      cause: reason,
    });
  }

  #timeoutError(): RecipeError {
    return new RecipeError({
      code: "WAIT_TIMEOUT",
      message: `it took longer than ${this.#timeoutMs} ms`,
      recipe: this.#recipe,
      path: this.#path,
    });
  }
}

/** Signals of other libraries will do as well. */
function isSignal(value: Partial<AbortSignal> | null): boolean {
  return typeof value?.aborted === "boolean" && typeof value.addEventListener === "function";
}

function isEndOfWait(reason: unknown): boolean {
  return isRecipeError(reason, "ABORTED") || isRecipeError(reason, "WAIT_TIMEOUT");
}
