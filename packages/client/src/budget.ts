/** The time and the signal that the steps of a compound operation share. */
import { ZkError } from "./core/index.js";
import type { CallOptions } from "./options.js";

/** Counts down from the start of the whole. */
export class Budget {
  readonly #endMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #nowMs: () => number;
  readonly #operation: string;
  readonly #path: string;

  constructor(about: {
    readonly operation: string;
    readonly path: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal | undefined;
    readonly nowMs: () => number;
  }) {
    this.#nowMs = about.nowMs;
    this.#endMs = about.nowMs() + about.timeoutMs;
    this.#signal = about.signal;
    this.#operation = about.operation;
    this.#path = about.path;
  }

  /**
   * Options for the next step.
   * @throws ZkError OPERATION_TIMEOUT when nothing is left
   */
  step(): CallOptions {
    const leftMs = this.#endMs - this.#nowMs();
    if (leftMs <= 0) {
      throw new ZkError({
        code: "OPERATION_TIMEOUT",
        message: "the time for the whole operation is used up",
        operation: this.#operation,
        path: this.#path,
      });
    }
    return this.#signal === undefined ? { timeoutMs: leftMs } : { timeoutMs: leftMs, signal: this.#signal };
  }
}
