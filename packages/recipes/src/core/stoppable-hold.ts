/** A hold whose owner can be told to stop, without taking it away: what terms and parts of a partitioned set have in common. */
import { RecipeError } from "../errors.js";
import { Hold, type HoldDetails } from "./hold.js";

/** Who tells the owner to stop, and how that is said. */
export interface StopDetails {
  readonly stop: AbortSignal | undefined;
  /** The message of the error that is then the signal's reason. */
  readonly message: string;
}

/** A {@link Hold} whose signal also aborts when its owner is told to stop. */
export class StoppableHold extends Hold {
  readonly #over = new AbortController();

  /** Made by the recipes. */
  constructor(details: HoldDetails, { stop, message }: StopDetails) {
    super(details);
    const held = super.signal;
    const lost = (): void => this.#over.abort(held.reason);
    const stopped = (): void => {
      const { recipe, path } = this;
      this.#over.abort(new RecipeError({ code: "ABORTED", message, recipe, path, cause: stop?.reason }));
    };
    held.addEventListener("abort", lost, { once: true });
    stop?.addEventListener("abort", stopped, { once: true });
    // A signal that outlives many holds must not remember them all.
    this.onState((state) => {
      if (state === "lost" || state === "released") stop?.removeEventListener("abort", stopped);
    });
    if (held.aborted) lost();
    else if (stop?.aborted === true) stopped();
  }

  /**
   * Aborts when the hold is lost, with `onSuspended: "abort"` as soon as it is in doubt, and when its owner is told to stop (the
   * code of the reason is then ABORTED): the reason is a RecipeError.
   */
  override get signal(): AbortSignal {
    return this.#over.signal;
  }
}

/** Whether a function that ran under a hold ended by the reason for which it was to end: it has not failed then. */
export function isStop(error: unknown, { signal }: Hold): boolean {
  if (!signal.aborted) return false;
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}
