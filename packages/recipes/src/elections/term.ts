/** The time for which one candidate leads. */
import { Hold, type HoldDetails } from "../core/hold.js";
import { RecipeError } from "../errors.js";

/** What a {@link Term} is made from besides its hold. */
export interface TermDetails {
  /** Who leads, as our znode says. */
  readonly id: string;
  /** The number of our znode. */
  readonly serial: number;
  /** Tells the leader to stop, without taking the term from it. */
  readonly stop?: AbortSignal;
}

/** A term of leadership: a {@link Hold} whose signal also aborts when the leader is told to stop. */
export class Term extends Hold {
  /** Who leads, as our znode says: the election's `identity`. */
  readonly id: string;
  /** The number that the server gave our znode. For people; the order across time is the token's. */
  readonly serial: number;
  readonly #over = new AbortController();

  /** Made by elections, when it is our turn. */
  constructor(details: HoldDetails, { id, serial, stop }: TermDetails) {
    super(details);
    this.id = id;
    this.serial = serial;
    const held = super.signal;
    const lost = (): void => this.#over.abort(held.reason);
    const stopped = (): void => this.#over.abort(this.#stopped(stop?.reason));
    held.addEventListener("abort", lost, { once: true });
    stop?.addEventListener("abort", stopped, { once: true });
    // A signal that outlives many terms must not remember them all.
    this.onState((state) => {
      if (state === "lost" || state === "released") stop?.removeEventListener("abort", stopped);
    });
    if (held.aborted) lost();
    else if (stop?.aborted === true) stopped();
  }

  /**
   * Aborts when the term is lost, with `onSuspended: "abort"` as soon as it is in doubt, and when the leader is told to stop
   * (the code of the reason is then ABORTED): the reason is a RecipeError.
   */
  override get signal(): AbortSignal {
    return this.#over.signal;
  }

  #stopped(cause: unknown): RecipeError {
    const message = "the leader was told to stop";
    return new RecipeError({ code: "ABORTED", message, recipe: this.recipe, path: this.path, cause });
  }
}
