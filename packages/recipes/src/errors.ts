/** The one error class of the recipes. What the client or a server says passes through as it is, a `ZkError`. */

/** Every value that {@link RecipeError.code} can have. */
export const RECIPE_ERROR_CODES = [
  /** The caller's signal was aborted; `cause` is its reason. The wait has left nothing behind. */
  "ABORTED",
  /** A write was handed to the network and nothing could be learned of its fate: `applied` is `maybe`. */
  "AMBIGUOUS",
  /** Something limited is used up: a queue that is full, a barrier that has its members. */
  "CAPACITY",
  /** Bytes or a name in the recipe's directory are not of its layout. */
  "CORRUPTED",
  /** Somebody else has what was asked for, and it is not to be waited for. */
  "CONFLICT",
  /** The hold is lost: its session is over, its znode is gone, or nobody answered for too long. */
  "HOLD_LOST",
  /** The connection is lost or in doubt, so nobody can say whether the hold still stands. */
  "HOLD_SUSPECT",
  /** An argument that cannot be used. */
  "INVALID_ARGUMENT",
  /** The hold was released, or the recipe closed, before this was asked of it. */
  "RELEASED",
  /** What was asked for would wait for ever, or is never safe. */
  "REFUSED",
  /** The session is over and none came after it, or the wait was not to survive it. */
  "SESSION_EXPIRED",
  /** Nobody is there who could do it, or everybody who was tried failed. */
  "UNAVAILABLE",
  /** The time for the whole wait is used up. The wait has left nothing behind. */
  "WAIT_TIMEOUT",
] as const;

/** What went wrong, one of a closed list of literals. */
export type RecipeErrorCode = (typeof RECIPE_ERROR_CODES)[number];

/** What a {@link RecipeError} is made from. */
export interface RecipeErrorDetails {
  readonly code: RecipeErrorCode;
  readonly message: string;
  /** The recipe as its class is called, such as `Lock`. */
  readonly recipe: string;
  readonly path?: string | undefined;
  readonly applied?: "no" | "maybe";
  readonly cause?: unknown;
}

const BRAND = Symbol.for("@zk/recipes/error");

/** An error of this package. Recognise it by {@link isRecipeError} and its `code`, also across copies of the package. */
export class RecipeError extends Error {
  override readonly name: string;
  readonly code: RecipeErrorCode;
  /** The recipe as its class is called, such as `Lock`. */
  readonly recipe: string;
  /** The znode or directory that it is about, as the caller named it. */
  readonly path: string | undefined;
  /** What became of the write that this error ended: `no` unless it says `maybe`. */
  readonly applied: "no" | "maybe";

  constructor(details: RecipeErrorDetails) {
    const { code, recipe, path, message } = details;
    const fate = details.applied === "maybe" ? " (the write may have been applied)" : "";
    super(
      `${code}: ${recipe}${path === undefined ? "" : ` ${path}`}: ${message}${fate}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    // Programs that handle cancellation look at the name alone, whatever the class.
    this.name = code === "ABORTED" ? "AbortError" : "RecipeError";
    this.code = code;
    this.recipe = recipe;
    this.path = path;
    this.applied = details.applied ?? "no";
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether `value` is a {@link RecipeError} of any copy of this package, with the given code when one is named. */
export function isRecipeError<Code extends RecipeErrorCode = RecipeErrorCode>(
  value: unknown,
  code?: Code,
): value is RecipeError & { readonly code: Code } {
  if (typeof value !== "object" || value === null) return false;
  if ((value as { [BRAND]?: unknown })[BRAND] !== true) return false;
  return code === undefined || (value as RecipeError).code === code;
}
