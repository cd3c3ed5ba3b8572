/** A value that code called from within a scope finds again, across every `await`. */
import { AsyncLocalStorage } from "node:async_hooks";

/** See the head of this file. */
export class AsyncScope<T> {
  readonly #storage = new AsyncLocalStorage<T>();

  /** The value of the innermost scope that the running code was called from. */
  get current(): T | undefined {
    return this.#storage.getStore();
  }

  /** Calls the function in a scope of its own. */
  run<R>(value: T, work: () => R): R {
    return this.#storage.run(value, work);
  }
}
