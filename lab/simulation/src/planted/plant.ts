/** A fault that is planted into the source of the client or the recipes: what is changed, and why that would be wrong. */

/** One place in the source. */
export interface Change {
  /** Below `packages/client/src`, or `packages/recipes/src` for a fault of a recipe. */
  readonly file: string;
  /** Text that stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** See the head of this file. */
export interface Plant {
  readonly name: string;
  /** What goes wrong, in a sentence. */
  readonly why: string;
  readonly changes: readonly Change[];
  /** The scenario that a fault of a recipe shows in; a fault without one is the client's. */
  readonly scenario?: string;
}

/** Makes plants of one change each, which show in a scenario. */
export function plantsIn(
  scenario: string,
): (name: string, why: string, file: string, find: string, replace: string) => Plant {
  return (name, why, file, find, replace) => ({ name, why, changes: [{ file, find, replace }], scenario });
}

/** The text with the change made. @throws Error unless the text to be replaced stands there exactly once */
export function changed(text: string, { file, find, replace }: Change, name: string): string {
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`${name}: ${places} places in ${file} fit, one must: ${find}`);
  return text.replace(find, () => replace);
}
