/** A stretch of time for which a latch leads: from when that is certain until it is not. */
import type { CallOptions, Transaction, TransactionResult } from "@zk/client";
import type { Hold } from "../core/hold.js";
import type { RecipeError } from "../errors.js";

/** See the head of this file. Two stretches of one term, before and after a lost connection, have the same token. */
export class Leadership {
  /** Who leads, as our znode says: the latch's `identity`. */
  readonly id: string;
  /** The fencing token of the term: the czxid of our znode. The order of tokens is the order of terms. */
  readonly token: bigint;
  /** Our znode. */
  readonly path: string;
  /** The session that owns it. */
  readonly sessionId: bigint;
  readonly #hold: Hold;
  readonly #over = new AbortController();

  /** Made by {@link LeaderLatch}. */
  constructor(id: string, hold: Hold) {
    this.id = id;
    this.token = hold.token;
    this.path = hold.path;
    this.sessionId = hold.sessionId;
    this.#hold = hold;
  }

  /** Aborts when the stretch is over: the term is lost, or in doubt with `onSuspended: "abort"`. The reason is a RecipeError. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** As {@link Hold.guard}: a transaction that goes through only if the term still stands. */
  guard<Results extends readonly TransactionResult[]>(
    build: (transaction: Transaction) => Transaction<Results>,
    options: CallOptions = {},
  ): Promise<Results> {
    return this.#hold.guard(build, options);
  }

  /** As {@link Hold.verify}: asks the server whether the term still stands. */
  verify(options: CallOptions = {}): Promise<void> {
    return this.#hold.verify(options);
  }

  /** For the latch. */
  end(reason: RecipeError): void {
    this.#over.abort(reason);
  }
}
