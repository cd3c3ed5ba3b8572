/** How a path is going to be used. */
export interface PathOptions {
  /** For a sequential create, where the server's number completes the last name: `/q/` is fine, and so is `/a/..`. */
  readonly sequential?: boolean;
}

/** What is wrong with a path. */
export interface PathProblem {
  readonly reason: string;
  /** Where in the path, in UTF-16 units. */
  readonly index: number;
}

/** A path that no server takes. Nothing was sent. */
export class PathError extends Error {
  override readonly name: string = "PathError";
  readonly code = "INVALID_PATH" as const;
  readonly path: string;
  readonly reason: string;
  /** Where in the path, in UTF-16 units. */
  readonly index: number;

  constructor(path: string, problem: PathProblem) {
    super(`invalid path ${JSON.stringify(path)}: ${problem.reason} (at index ${problem.index})`);
    this.path = path;
    this.reason = problem.reason;
    this.index = problem.index;
  }
}

/**
 * Makes sure that a path may be sent.
 *
 * The rules are those of 3.5.0 and later for every server: the few characters more that 3.4 lets through would fail
 * after an upgrade. They matter here because a 3.4.6 server checks the path only when it creates a node.
 *
 * @throws PathError `INVALID_PATH`
 */
export function validatePath(path: string, options: PathOptions = {}): void {
  const problem = findPathProblem(path, options);
  if (problem !== null) throw new PathError(String(path), problem);
}

/**
 * What is wrong with a path, null when nothing is.
 *
 * Source: ZooKeeper 3.9.3, PathUtils.java, validatePath
 */
export function findPathProblem(path: string, options: PathOptions = {}): PathProblem | null {
  if (typeof path !== "string")
    return { reason: `it is ${path === null ? "null" : typeof path}, not text`, index: 0 };
  if (path === "") return { reason: "it is empty", index: 0 };
  if (path.charCodeAt(0) !== SLASH) return { reason: "it does not start with /", index: 0 };
  // The number itself is always legal; any digit stands for it.
  const checked = options.sequential === true ? `${path}1` : path;
  if (checked === "/") return null;
  let nameStart = 1;
  for (let index = 1; index <= checked.length; index++) {
    const unit = index < checked.length ? checked.charCodeAt(index) : SLASH;
    if (unit === SLASH) {
      const problem = findNameProblem(checked, nameStart, index);
      if (problem !== null) return problem;
      nameStart = index + 1;
    } else if (isIllegal(unit)) {
      // Servers look at one half of a surrogate pair; people see the character.
      const shown = `U+${(checked.codePointAt(index) ?? unit).toString(16).toUpperCase().padStart(4, "0")}`;
      return { reason: `the character ${shown} is not allowed`, index };
    }
  }
  return null;
}

/** The path of a child: `joinPath("/a", "b")` is `/a/b`, `joinPath("/", "b")` is `/b`. Nothing is checked. */
export function joinPath(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}

/** The path one level up: `/a` for `/a/b`, `/` for `/a` and for `/` itself. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/** The last name of a path: `b` for `/a/b`, the empty text for `/`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * The number a server gave to a sequential node, null when the name does not end in one.
 *
 * It is a signed 32-bit counter printed with ten characters at least: after 2147483647 comes -2147483648, and -5 is
 * printed `-000000005`. Sorting names as text goes wrong there; sort by this number.
 *
 * Give the prefix when it is known. Without it `a-2000000000` may be `a-` and 2000000000, or `a` and -2000000000: a
 * single minus sign is then read as part of the prefix, as almost every recipe has one there, and `a--2000000000` as -2000000000.
 *
 * Source: ZooKeeper 3.4.6, PrepRequestProcessor.java, pRequest2Txn: `String.format(Locale.ENGLISH, "%010d", …)`
 *
 * @param name a name or a whole path
 * @param prefix what was given to create, in the same form (name or path) as `name`
 */
export function sequenceOf(name: string, prefix?: string): number | null {
  if (prefix !== undefined) {
    if (!name.startsWith(prefix)) return null;
    const rest = name.slice(prefix.length);
    return /^(?:\d{10}|-\d{9,10})$/.test(rest) ? inRange(Number(rest)) : null;
  }
  const match = /(-?)(-\d{9}|\d{10})$/.exec(name);
  if (match === null) return null;
  const [whole, minus, digits] = match as unknown as [string, string, string];
  const signed = Number(`${minus}${digits}`);
  if (digits.startsWith("-")) return Number(digits);
  const ambiguous = signed >= -COUNTER_MAX && signed <= -1_000_000_000;
  const before = name.charAt(name.length - whole.length - 1);
  if (minus === "-" && (signed === -COUNTER_MAX - 1 || (ambiguous && before === "-"))) return signed;
  return inRange(Number(digits));
}

const COUNTER_MAX = 2_147_483_647;
const SLASH = 0x2f;

function inRange(value: number): number | null {
  return value <= COUNTER_MAX && value >= -COUNTER_MAX - 1 ? value : null;
}

function findNameProblem(path: string, start: number, end: number): PathProblem | null {
  if (start === end) {
    return end === path.length
      ? { reason: "it ends with /", index: end - 1 }
      : { reason: "there is an empty name between two slashes", index: start };
  }
  const name = end - start <= 2 ? path.slice(start, end) : "";
  if (name === "." || name === "..") return { reason: `the name ${name} is not allowed`, index: start };
  return null;
}

/** Tested for each UTF-16 unit: surrogates are illegal, and with them every character outside of the BMP. */
function isIllegal(unit: number): boolean {
  return (
    unit <= 0x1f ||
    (unit >= 0x7f && unit <= 0x9f) ||
    (unit >= 0xd800 && unit <= 0xf8ff) ||
    (unit >= 0xfff0 && unit <= 0xffff)
  );
}
