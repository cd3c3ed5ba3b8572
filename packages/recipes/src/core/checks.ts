/** What a caller gives is checked when a recipe is made, not when it is used. */
import type { Client } from "@zk/client";
import { RecipeError } from "../errors.js";

/**
 * A path that can be the directory of a recipe, as far as can be told without a client; see {@link checkRecipe}.
 * @throws RecipeError INVALID_ARGUMENT
 */
export function checkRecipePath(recipe: string, path: string): void {
  if (typeof path === "string" && path.startsWith("/") && path !== "/" && !path.endsWith("/")) return;
  throw new RecipeError({
    code: "INVALID_ARGUMENT",
    message: `a recipe needs a path of its own, such as "/locks/report", not ${JSON.stringify(path)}`,
    recipe,
  });
}

/**
 * A path that can be of a znode, the root included.
 * @throws RecipeError INVALID_ARGUMENT
 */
export function checkZnodePath(client: Client, recipe: string, path: string): void {
  checkClient(client, recipe);
  try {
    // Of all that takes a path this alone asks nobody; there is no such watch.
    client.unwatch(path, nobody);
  } catch (cause) {
    // What was asked for is nobody's concern, what is wrong with the path is.
    const [reason] = (cause as Error).message.split(": ").slice(-1);
    const message = `${JSON.stringify(path)} is not the path of a znode: ${reason}`;
    throw new RecipeError({ code: "INVALID_ARGUMENT", message, recipe, cause });
  }
}

function nobody(): void {}

/** @throws RecipeError INVALID_ARGUMENT unless it is a whole number from `min` to `max` */
export function checkInteger(
  about: { readonly recipe: string; readonly path: string },
  name: string,
  value: number,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw invalid(about, name, `a whole number from ${min} to ${max}`, value);
}

/**
 * What every recipe is made from. Options that many recipes have are checked here: a name that is misspelt would otherwise mean
 * the default, or less than that.
 * @throws RecipeError INVALID_ARGUMENT
 */
export function checkRecipe(client: Client, recipe: string, path: string, options: object | null = {}): void {
  checkRecipePath(recipe, path);
  checkZnodePath(client, recipe, path);
  const about = { recipe, path };
  if (typeof options !== "object" || options === null) throw invalid(about, "options", "an object", options);
  const { onSuspended, contenders, identity } = options as CommonOptions;
  checkOneOf(about, "onSuspended", onSuspended, ["abort", "wait"]);
  checkOneOf(about, "contenders", contenders, ["own", "any"]);
  if (identity !== undefined && typeof identity !== "string")
    throw invalid(about, "identity", "text", identity);
}

/** Options that mean the same wherever there are any of them. */
interface CommonOptions {
  readonly onSuspended?: unknown;
  readonly contenders?: unknown;
  readonly identity?: unknown;
}

/** @throws RecipeError INVALID_ARGUMENT unless it is a client, of whatever copy of its package */
export function checkClient(client: Client, recipe: string): void {
  const { getData, clock } = (client ?? {}) as Partial<Client>;
  if (typeof getData === "function" && typeof clock?.nowMs === "function") return;
  const what = client === null || typeof client !== "object" ? String(client) : "something else";
  const message = `a recipe needs a client, such as createClient of @zk/client makes, not ${what}`;
  throw new RecipeError({ code: "INVALID_ARGUMENT", message, recipe });
}

/** @throws RecipeError INVALID_ARGUMENT unless it is left out or one of the literals */
export function checkOneOf(
  about: { readonly recipe: string; readonly path: string },
  name: string,
  value: unknown,
  literals: readonly [string, ...string[]],
): void {
  if (value === undefined || (literals as readonly unknown[]).includes(value)) return;
  throw invalid(about, name, literals.map((each) => JSON.stringify(each)).join(" or "), value);
}

/** Of a recipe whose names another library may share. @throws RecipeError INVALID_ARGUMENT for an unknown dialect */
export function checkDialect(recipe: string, path: string, dialect: unknown): void {
  checkOneOf({ recipe, path }, "dialect", dialect, ["curator", "kazoo"]);
}

/** An argument, what it must be, and what it is. */
export function invalid(
  about: { readonly recipe: string; readonly path: string },
  name: string,
  wanted: string,
  value: unknown,
): RecipeError {
  const given = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new RecipeError({
    code: "INVALID_ARGUMENT",
    message: `${name} must be ${wanted}, not ${given}`,
    ...about,
  });
}
