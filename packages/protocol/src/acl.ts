import type { Acl } from "./records/shared.js";

/** What an ACL entry permits, as bits of `Acl.perms`. DELETE and CREATE are about the node's children. */
export const Permission = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

/** One of the numbers of the table {@link Permission}. */
export type Permission = (typeof Permission)[keyof typeof Permission];

/** Everybody may do everything. Source: ZooKeeper 3.4.6, ZooDefs.java, Ids */
export const OPEN_ACL_UNSAFE: readonly Acl[] = frozen(Permission.ALL, "world", "anyone");

/** The identities of the creating connection may do everything; a server refuses it with INVALID_ACL if there are none. */
export const CREATOR_ALL_ACL: readonly Acl[] = frozen(Permission.ALL, "auth", "");

/** Everybody may read. */
export const READ_ACL_UNSAFE: readonly Acl[] = frozen(Permission.READ, "world", "anyone");

const LETTERS = [
  ["c", Permission.CREATE],
  ["d", Permission.DELETE],
  ["r", Permission.READ],
  ["w", Permission.WRITE],
  ["a", Permission.ADMIN],
] as const;

/**
 * Permissions as letters in the order of ZooKeeper's own command line: `cdrwa` for all, the empty text for none.
 * Bits that mean nothing are left out.
 */
export function formatPermissions(perms: number): string {
  return LETTERS.map(([letter, bit]) => ((perms & bit) === 0 ? "" : letter)).join("");
}

/** The bits of letters from `cdrwa`, in any order; null when there is any other character. */
export function parsePermissions(letters: string): number | null {
  let perms = 0;
  for (const letter of letters) {
    const entry = LETTERS.find(([known]) => known === letter);
    if (entry === undefined) return null;
    perms |= entry[1];
  }
  return perms;
}

function frozen(perms: number, scheme: string, id: string): readonly Acl[] {
  return Object.freeze([Object.freeze({ perms, id: Object.freeze({ scheme, id }) })]);
}
