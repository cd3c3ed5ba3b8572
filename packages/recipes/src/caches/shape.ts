/**
 * Which znodes below a root a cache keeps, and below which of them it looks further.
 *
 * Paths here are relative to the root, without a slash before them; the root itself is the empty string.
 */

/**
 * Which znodes are kept: a pattern, a regular expression, or a function of the path relative to the root.
 *
 * In a pattern `*` stands for any part of one name, `?` for one character of it, and a name that is `**` for any number of
 * names, none included: `*` are the children, `*` + `/config` what is called so below each child, `**` everything.
 */
export type CacheFilter = string | RegExp | ((relativePath: string) => boolean);

/** What is done with a znode. */
export interface Role {
  /** It is read, and whoever uses the cache sees it. */
  readonly keep: boolean;
  /** Its children are listed. */
  readonly descend: boolean;
}

/** How a shape is told; everything by default. */
export interface ShapeOptions {
  /** How many levels below the root are looked at; 0 is the root alone. */
  readonly depth?: number | undefined;
  readonly filter?: CacheFilter | undefined;
  /** Whether to look below a znode; asked beside the filter. */
  readonly descend?: ((relativePath: string) => boolean) | undefined;
}

/** See the head of this file. */
export class Shape {
  readonly #options: ShapeOptions;
  readonly #filter: (relativePath: string) => Role;

  constructor(options: ShapeOptions) {
    this.#options = options;
    this.#filter = toFilter(options.filter);
  }

  roleOf(relativePath: string): Role {
    const { depth = Number.POSITIVE_INFINITY, descend } = this.#options;
    const { keep, descend: mayHold } = this.#filter(relativePath);
    const isDeepest = depthOf(relativePath) >= depth;
    return { keep, descend: mayHold && !isDeepest && (descend?.(relativePath) ?? true) };
  }
}

function depthOf(relativePath: string): number {
  return relativePath === "" ? 0 : relativePath.split("/").length;
}

const EVERYTHING: Role = { keep: true, descend: true };

function toFilter(filter: CacheFilter | undefined): (relativePath: string) => Role {
  if (filter === undefined) return () => EVERYTHING;
  if (typeof filter === "function") return (path) => ({ keep: filter(path), descend: true });
  if (filter instanceof RegExp) {
    // With one of these flags the expression would remember where it last matched.
    const stateless = new RegExp(filter.source, filter.flags.replaceAll(/[gy]/g, ""));
    return (path) => ({ keep: stateless.test(path), descend: true });
  }
  const pattern = filter.split("/").map(toName);
  return (path) => follow(pattern, path === "" ? [] : path.split("/"));
}

type Name = RegExp | "**";

function toName(text: string): Name {
  if (text === "**") return "**";
  const source = text
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  return new RegExp(`^${source}$`, "u");
}

/** Walks the pattern along the names, in all ways at once. */
function follow(pattern: readonly Name[], names: readonly string[]): Role {
  let places = skipping(pattern, new Set([0]));
  for (const name of names) {
    const next = new Set<number>();
    for (const place of places) {
      const expected = pattern[place];
      if (expected === "**") next.add(place);
      else if (expected?.test(name)) next.add(place + 1);
    }
    places = skipping(pattern, next);
  }
  const keep = places.has(pattern.length);
  return { keep, descend: places.size > (keep ? 1 : 0) };
}

/** `**` may stand for nothing. */
function skipping(pattern: readonly Name[], places: Set<number>): Set<number> {
  for (const place of places) if (pattern[place] === "**") places.add(place + 1);
  return places;
}
