/**
 * How contenders are named. Libraries that name them alike exclude each other on one path; others do not.
 *
 * - `curator` writes `_c_<uuid>-lock-<number>`, as Apache Curator and go-zookeeper do.
 * - `kazoo` writes `<32 hex digits>__lock__<number>`, as kazoo does.
 *
 * Source: Curator 5.4.0 StandardLockInternalsDriver.java, ProtectedUtils.java; kazoo 2.11 recipe/lock.py
 */
import type { Client } from "@zk/client";
import { type Contender, inOrder, parseContender } from "./sequence.js";

/** Whose names a recipe writes. */
export type Dialect = "curator" | "kazoo";

/** What a contender is after. */
export type Role = "lock" | "read" | "write" | "latch" | "lease";

const BASES: Readonly<Record<Dialect, Readonly<Partial<Record<Role, string>>>>> = {
  curator: { lock: "lock-", read: "__READ__", write: "__WRIT__", latch: "latch-", lease: "lease-" },
  kazoo: { lock: "__lock__", read: "__rlock__", write: "__lock__" },
};

/** Every base name that is known to belong to a library, and to which. */
const FAMILIES: readonly { readonly base: string; readonly family: string; readonly is: RegExp }[] = [
  { base: "lock-", family: "curator", is: /^(.*-)?lock-$/ },
  { base: "latch-", family: "curator", is: /^(.*-)?latch-$/ },
  { base: "lease-", family: "curator", is: /^(.*-)?lease-$/ },
  { base: "__READ__", family: "curator", is: /^(.*-)?__READ__$/ },
  { base: "__WRIT__", family: "curator", is: /^(.*-)?__WRIT__$/ },
  { base: "__lock__", family: "kazoo", is: /^[0-9a-f]{32}__lock__$/ },
  { base: "__rlock__", family: "kazoo", is: /^[0-9a-f]{32}__rlock__$/ },
  { base: "ex", family: "zk-ruby", is: /^ex$/ },
  { base: "sh", family: "zk-ruby", is: /^sh$/ },
  { base: "x-", family: "zookeeper-java", is: /^x--?\d+-$/ },
];

/** What a recipe puts right before the number. @throws TypeError for a role that the dialect does not have */
export function baseOf(dialect: Dialect, role: Role): string {
  const base = BASES[dialect][role];
  if (base === undefined) throw new TypeError(`there is no ${role} in the dialect of ${dialect}`);
  return base;
}

/** A fresh name up to the number: a prefix that is unique, and the base. */
export function freshName(
  client: Client,
  dialect: Dialect,
  role: Role,
): { readonly prefix: string; readonly base: string } {
  const uuid = client.randomness.uuid();
  const prefix = dialect === "curator" ? `_c_${uuid}-` : uuid.replaceAll("-", "");
  return { prefix, base: baseOf(dialect, role) };
}

/** Which library writes such names; undefined for one that we do not know. */
export function familyOf(contender: Contender): string | undefined {
  return FAMILIES.find(({ is }) => is.test(contender.prefix))?.family;
}

/** The children of a directory, sorted into those that take part and those that do not. */
export interface Lineup {
  /** Who takes part, first come first. */
  readonly contenders: readonly Contender[];
  /** Children that end in a number as contenders do and are not ours to wait for, such as those of another library. */
  readonly ignored: readonly Contender[];
  /** Children that are no contenders of anybody. */
  readonly foreign: readonly string[];
}

/**
 * Sorts children.
 *
 * @param bases the base names that take part; undefined lets everything take part that ends in a number
 */
export function lineUp(names: readonly string[], bases: readonly string[] | undefined): Lineup {
  const taking: Contender[] = [];
  const ignored: Contender[] = [];
  const foreign: string[] = [];
  for (const name of names) {
    const any = parseContender(name);
    const ours =
      bases === undefined
        ? any
        : bases.map((base) => parseContender(name, base)).find((found) => found !== undefined);
    if (ours !== undefined) taking.push(ours);
    else if (any !== undefined) ignored.push(any);
    else foreign.push(name);
  }
  return { contenders: inOrder(taking), ignored, foreign };
}
