/** What a caller gives is checked when a recipe is made, not when it is used. */
import type { Client } from "@zk/client";
import { RecipeError } from "../errors.js";

/**
 * A path that can be the directory of a recipe. The client checks the rest of its syntax when it is used.
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
  try {
    // Of all that takes a path this alone asks nobody; there is no such watch.
    client.unwatch(path, nobody);
  } catch (cause) {
    const message = `${JSON.stringify(path)} is not the path of a znode`;
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
  throw new RecipeError({
    code: "INVALID_ARGUMENT",
    message: `${name} must be a whole number from ${min} to ${max}, not ${String(value)}`,
    ...about,
  });
}
