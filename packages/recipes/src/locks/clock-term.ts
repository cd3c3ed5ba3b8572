/** A lease by the servers' clock that was taken, and what its holder can do with it. */
import {
  type CallOptions,
  type Client,
  isZkError,
  type Transaction,
  type TransactionResult,
} from "@zk/client";
import { GuardFailed } from "../core/guard.js";
import { withoutFirst } from "../core/refusals.js";
import { onState } from "../core/sessions.js";
import { RecipeError } from "../errors.js";
import { encodeLeaseRecord } from "./clock-text.js";

/** The recipe as errors call it. */
export const CLOCK_LEASE = "ClockLease";

/** A lease that was taken. It is not bound to a session. */
export class ClockTerm implements AsyncDisposable {
  /** The znode that says who has it. */
  readonly path: string;
  /** The fencing token: the mzxid of that znode. */
  readonly token: bigint;
  /** When it ends, by the servers' clock: milliseconds since 1970. */
  readonly endMs: number;
  /** Its place, with the option `slots`. */
  readonly slot: number | undefined;
  readonly #client: Client;
  readonly #version: number;
  /** On the client's clock. */
  readonly #believedUntilMs: number;
  readonly #abort = new AbortController();
  #cancelTimer = (): void => {};
  readonly #forget: () => void;
  /** Its holder wants it no more. */
  #isReleased = false;
  /** The servers know. */
  #isGivenBack = false;

  /** Made by {@link ClockLease}. */
  constructor(
    client: Client,
    made: Pick<ClockTerm, "path" | "token" | "endMs" | "slot"> & {
      readonly version: number;
      readonly believedUntilMs: number;
    },
  ) {
    this.#client = client;
    this.path = made.path;
    this.token = made.token;
    this.endMs = made.endMs;
    this.slot = made.slot;
    this.#version = made.version;
    this.#believedUntilMs = made.believedUntilMs;
    // A timer of a client that is closed would keep the process until the lease ends.
    this.#forget = onState(client, () => this.#look());
    this.#arm();
  }

  /** Milliseconds for which it is still believed in; 0 when it is over. */
  get leftMs(): number {
    if (this.#isReleased || this.#abort.signal.aborted) return 0;
    return Math.max(0, this.#believedUntilMs - this.#client.clock.nowMs());
  }

  /**
   * `held` until its time is over, somebody else was found to have it, or the client is closed; `ended` from then on; `released`
   * when it was given back. Whoever closes the client without giving it back leaves it taken until its time is over.
   */
  get state(): "held" | "ended" | "released" {
    this.#look();
    if (this.#isReleased) return "released";
    return this.leftMs > 0 ? "held" : "ended";
  }

  /** Aborts when it has `ended`; the reason is a RecipeError. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Commits a transaction that goes through only if nobody has taken the lease since.
   * @throws RecipeError HOLD_LOST when its time is over, or somebody has: nothing was written. RELEASED. ZkError as of
   *   `Transaction.commit`.
   */
  async guard<Results extends readonly TransactionResult[]>(
    build: (transaction: Transaction) => Transaction<Results>,
    options: CallOptions = {},
  ): Promise<Results> {
    this.#refuseIfOver();
    const checked = this.#client.transaction().check(this.path, { version: this.#version });
    try {
      const results: readonly TransactionResult[] = await build(checked as unknown as Transaction).commit(
        options,
      );
      return results.slice(1) as unknown as Results;
    } catch (error) {
      if (!isZkError(error)) throw error;
      const own = withoutFirst(error);
      if (own !== undefined) throw own;
      if (!isZkError(error, "BAD_VERSION") && !isZkError(error, "NO_NODE")) throw error;
      const lost = this.#over("somebody else has taken it", new GuardFailed(error.message, { cause: error }));
      this.#lose(lost);
      throw lost;
    }
  }

  /**
   * Gives it back before its time. One that somebody else has meanwhile is left alone.
   * @throws ZkError for what a server refuses, or when nobody answers: it is over for us then, and for others when its time is;
   *   or call it again
   */
  async release(options: CallOptions = {}): Promise<void> {
    if (this.#isGivenBack) return;
    this.#isReleased = true;
    this.#end();
    try {
      const record = encodeLeaseRecord({ holder: "", endMs: 0 });
      await this.#client.setData(this.path, record, { ...options, version: this.#version, retry: "always" });
    } catch (error) {
      // A second try finds the version of the first one, or somebody else's.
      if (!isZkError(error, "BAD_VERSION") && !isZkError(error, "NO_NODE")) throw error;
    }
    this.#isGivenBack = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #look(): void {
    if (this.#isReleased || this.#abort.signal.aborted) return;
    if (this.#client.state === "closed") return this.#lose(this.#over("the client was closed"));
    if (this.leftMs === 0) this.#lose(this.#over("its time is over"));
  }

  /** A clock may ring earlier than it was told, of times longer than it can count. */
  #arm(): void {
    this.#cancelTimer = this.#client.clock.setTimer(this.leftMs, () => {
      this.#look();
      if (this.leftMs > 0) this.#arm();
    });
  }

  #lose(reason: RecipeError): void {
    this.#end();
    this.#abort.abort(reason);
  }

  /** Nothing is listened to any more. */
  #end(): void {
    this.#cancelTimer();
    this.#forget();
  }

  #refuseIfOver(): void {
    const { path } = this;
    if (this.state === "released") {
      throw new RecipeError({ code: "RELEASED", message: "it was released", recipe: CLOCK_LEASE, path });
    }
    if (this.#abort.signal.aborted) throw this.#abort.signal.reason;
  }

  #over(message: string, cause?: unknown): RecipeError {
    return new RecipeError({ code: "HOLD_LOST", message, recipe: CLOCK_LEASE, path: this.path, cause });
  }
}
