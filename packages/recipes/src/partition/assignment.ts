/**
 * Who of the members gets which item: pure functions of the two lists, so that all who see the same lists agree without talking.
 *
 * - `balanced`: as even as can be, and of those that are so, one that moves few items when a member comes or goes.
 * - `rendezvous`: each item for itself goes to the member that it scores highest. What moves is what must, not an item more; how
 *   many each one has is left to chance. It holds for members that know different items, too.
 * - `kazoo`: the sorted items are dealt out to the sorted members in turn, as kazoo's SetPartitioner does. Nearly everything
 *   moves when a member comes or goes.
 *
 * Source of the third: kazoo 2.11 recipe/partitioner.py
 */

/**
 * Deals out items. Must depend on nothing but its arguments, and give each item to a member or leave it out.
 *
 * @param items each once, in no order that means anything
 * @param members their identities, each once, in no order that means anything; at least one
 * @returns whose an item is
 */
export type Assign = (items: readonly string[], members: readonly string[]) => ReadonlyMap<string, string>;

/** See the head of this file; or a function of your own. */
export type Assignment = "balanced" | "rendezvous" | "kazoo" | Assign;

/** The function that an assignment means; undefined when there is none of that name. */
export function assignBy(assignment: Assignment): Assign | undefined {
  return typeof assignment === "function" ? assignment : BY_NAME.get(assignment);
}

interface Wish {
  readonly item: string;
  readonly member: string;
  readonly score: number;
}

/** The strongest wishes first, of all items together, as long as a member has room. */
function balanced(items: readonly string[], members: readonly string[]): Map<string, string> {
  const wishes: Wish[] = items.flatMap((item) =>
    members.map((member) => ({ item, member, score: score(item, member) })),
  );
  wishes.sort(strongerFirst);
  const least = Math.floor(items.length / members.length);
  // So many members have one item more than the others.
  let more = items.length % members.length;
  const owners = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const { item, member } of wishes) {
    const count = counts.get(member) ?? 0;
    if (owners.has(item) || count > least || (count === least && more === 0)) continue;
    if (count === least) more -= 1;
    owners.set(item, member);
    counts.set(member, count + 1);
  }
  return owners;
}

function rendezvous(items: readonly string[], members: readonly string[]): Map<string, string> {
  return new Map(
    items.map((item) => {
      const wishes = members.map((member) => ({ item, member, score: score(item, member) }));
      return [item, wishes.reduce((a, b) => (strongerFirst(a, b) <= 0 ? a : b)).member];
    }),
  );
}

function kazoo(items: readonly string[], members: readonly string[]): Map<string, string> {
  const sorted = items.toSorted(byCodePoint);
  const workers = members.toSorted(byCodePoint);
  return new Map(sorted.map((item, index) => [item, workers[index % workers.length] as string]));
}

function strongerFirst(a: Wish, b: Wish): number {
  return b.score - a.score || byCodePoint(a.item, b.item) || byCodePoint(a.member, b.member);
}

/**
 * How strongly an item wishes for a member: 32 bits that look like chance and are the same everywhere, in all versions of this
 * package. FNV-1a over the code units of both, then a finalizer that lets each bit depend on all others.
 */
function score(item: string, member: string): number {
  let hash = 0x811c9dc5;
  // No identity and no item has a NUL: no two pairs are one text.
  const text = `${member}\0${item}`;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** As Python sorts texts; JavaScript sorts by code units, which differs beyond 2^16. */
export function byCodePoint(a: string, b: string): number {
  const left = a[Symbol.iterator]();
  const right = b[Symbol.iterator]();
  for (;;) {
    const one = left.next();
    const other = right.next();
    if (one.done === true || other.done === true)
      return Number(other.done ?? false) - Number(one.done ?? false);
    const difference = (one.value.codePointAt(0) as number) - (other.value.codePointAt(0) as number);
    if (difference !== 0) return difference;
  }
}

const BY_NAME: ReadonlyMap<string, Assign> = new Map([
  ["balanced", balanced],
  ["rendezvous", rendezvous],
  ["kazoo", kazoo],
]);
