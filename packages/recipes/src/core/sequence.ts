/**
 * The order of contenders: the numbers that a server appends to the names of sequential znodes.
 *
 * Rules that every recipe stands on:
 * - The number is the parent's signed 32-bit count of children ever created, printed with ten characters at least. After
 *   2147483647 comes -2147483648 (eleven characters), and from -999999999 on it is a minus sign and nine digits.
 *   So names are never sorted as text, and the order of numbers goes round a circle.
 * - The count starts again when the parent is deleted and made anew. It orders contenders; it is no fencing token.
 * - A name that ends in no such number is not a contender, whoever put it there.
 *
 * Source: ZooKeeper 3.4.6, PrepRequestProcessor.java, pRequest2Txn: `String.format(Locale.ENGLISH, "%010d", …)`
 */

/** A child that takes part, and its place in the order. */
export interface Contender {
  /** The name of the znode, without the path of its parent. */
  readonly name: string;
  /** What stands before the number: an id if the recipe writes one, then the recipe's base name. */
  readonly prefix: string;
  /** The signed 32-bit number that the server appended. */
  readonly serial: number;
}

/** Where a contender stands among the others. */
export interface Place {
  /** How many contenders are ahead, those included that do not block it; 0 for the first. */
  readonly ahead: number;
  /** The nearest contender ahead that blocks it: the one to watch. Without one it is this contender's turn. */
  readonly blockedBy: Contender | undefined;
}

/**
 * Reads the number at the end of a contender's name.
 *
 * Without the base name some names have two readings: `a-2000000000` may be `a-` and 2000000000, or `a` and -2000000000.
 * The base names of the known libraries are tried first; otherwise the positive reading is taken.
 *
 * @param name the name of a child
 * @param base what the recipe puts right before the number, such as `lock-`; an id may stand before it. Names with
 *   another base are then no contenders.
 * @returns the contender, or undefined for a child that is none
 */
export function parseContender(name: string, base?: string): Contender | undefined {
  const readings = possibleReadings(name);
  if (base !== undefined) return readings.find(({ prefix }) => prefix.endsWith(base));
  return readings.find(({ prefix }) => knownPrefixes.some((known) => known.test(prefix))) ?? readings.at(-1);
}

/**
 * Whether `a` is before (negative), after (positive) or at (0) the place of `b` on the circle of 32-bit numbers.
 *
 * The shorter way round decides, so the answer is right as long as fewer than 2^31 children were created between the two.
 * Two numbers exactly half the circle apart have no order of their own; the positive one then comes first, as it does in the
 * life of every parent.
 */
export function compareSerials(a: number, b: number): number {
  const difference = (a - b) | 0;
  if (difference === -SERIALS_HALF) return b - a;
  return difference;
}

/**
 * The contenders among the children of a znode, first come first.
 *
 * @param names all children, in any order
 * @param base see {@link parseContender}
 * @returns equal numbers, which only names made by hand can have, in the order of their names
 */
export function sortContenders(names: Iterable<string>, base?: string): Contender[] {
  const contenders: Contender[] = [];
  for (const name of names) {
    const contender = parseContender(name, base);
    if (contender !== undefined) contenders.push(contender);
  }
  return inOrder(contenders);
}

/** Contenders, or others that have a number, in their order; see {@link sortContenders}. */
export function inOrder<T extends Pick<Contender, "name" | "serial">>(contenders: readonly T[]): T[] {
  return startAtOldest(
    contenders.toSorted((a, b) => a.serial - b.serial || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
  );
}

/**
 * Where one contender stands.
 *
 * @param contenders in order, as {@link sortContenders} gives them
 * @param name the contender asked about
 * @param blocks whether someone ahead blocks it; by default everyone does. A reader of a read-write lock is blocked by
 *   writers only.
 * @returns undefined when the contender is not there: its znode was deleted, and its turn will never come
 */
export function placeOf(
  contenders: readonly Contender[],
  name: string,
  blocks: (ahead: Contender) => boolean = () => true,
): Place | undefined {
  const ahead = contenders.findIndex((contender) => contender.name === name);
  if (ahead < 0) return undefined;
  return { ahead, blockedBy: contenders.slice(0, ahead).findLast(blocks) };
}

/** Prints a number as the server does: ten characters at least, the minus sign among them. */
export function formatSerial(serial: number): string {
  return serial < 0 ? `-${String(-serial).padStart(9, "0")}` : String(serial).padStart(10, "0");
}

/** Reads what is a number as a server prints it, and nothing else. */
export function parseSerial(text: string): number | undefined {
  const serial = Number(text);
  // Comparing with what the server would print also turns away blanks, exponents, fractions and numbers too large.
  return (serial | 0) === serial && formatSerial(serial) === text ? serial : undefined;
}

const SERIALS_HALF = 2 ** 31;

// What stands before the number in the names that the common libraries write. Each is whole up to the number, so that the
// `sh` of a shared lock is not found at the end of `push`.
const knownPrefixes = [
  /^(.*-)?(lock-|latch-|lease-|__READ__|__WRIT__)$/, // Curator, go-zookeeper, ZooKeeper's own documentation
  /^[0-9a-f]{32}__r?lock__$/, // kazoo
  /^(ex|sh|sem)$/, // zk-ruby
  /^x--?\d+-$/, // the lock recipe that comes with ZooKeeper: x-<session id>-
  /^(.*-)?(read-|write-|n_)$/, // ZooKeeper's documentation
];

/** Every way to read a name as a prefix and a number that a server could have printed, the longest number first. */
function possibleReadings(name: string): Contender[] {
  const readings: Contender[] = [];
  for (const length of [11, 10]) {
    if (name.length < length) continue;
    const serial = parseSerial(name.slice(-length));
    if (serial === undefined) continue;
    readings.push({ name, prefix: name.slice(0, -length), serial });
  }
  return readings;
}

/**
 * Numbers on a circle have no first one; the one after the widest gap is. Whenever fewer than 2^31 children were created
 * between the oldest and the newest contender, this is the order of {@link compareSerials}, and for any other set it
 * still is one order, where a sort by pairs would go round in circles.
 */
function startAtOldest<T extends { readonly serial: number }>(ascending: T[]): T[] {
  const last = ascending.at(-1);
  if (last === undefined) return ascending;
  let widest = 0;
  let oldest = 0;
  let previous = last.serial - 2 * SERIALS_HALF;
  for (const [index, { serial }] of ascending.entries()) {
    if (serial - previous > widest) {
      widest = serial - previous;
      oldest = index;
    }
    previous = serial;
  }
  return [...ascending.slice(oldest), ...ascending.slice(0, oldest)];
}
