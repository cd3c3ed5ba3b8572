/**
 * How the members of a group are named.
 *
 * - `curator`: `<path>/<member id>`, the data is the payload, as Apache Curator's GroupMember. An id can be had once.
 * - `party`: `<path>/<32 hex digits>__party__`, the data is the id, as kazoo's Party. There is no payload.
 * - `shallowParty`: `<path>/<32 hex digits>-<id>`, as kazoo's ShallowParty: a list of names is a list of members. The data is the
 *   payload, if it is not the id, which kazoo writes there too.
 *
 * All three are read, whatever is written. A name that is of neither party is a member in the layout of Curator.
 *
 * Source: Curator 5.4.0 GroupMember.java; kazoo 2.11 recipe/party.py
 */

/** How a group's members are written. */
export type GroupLayout = "curator" | "party" | "shallowParty";

/** What a child of a group's directory says. */
export interface MemberName {
  readonly layout: GroupLayout;
  /** Undefined where the data has it. */
  readonly id: string | undefined;
}

const PARTY = /^[0-9a-f]{32}__party__$/;
const SHALLOW = /^[0-9a-f]{32}-/;
const SHALLOW_PREFIX_LENGTH = 33;

/** Reads the name of a child. */
export function readMemberName(name: string): MemberName {
  if (PARTY.test(name)) return { layout: "party", id: undefined };
  if (SHALLOW.test(name)) return { layout: "shallowParty", id: name.slice(SHALLOW_PREFIX_LENGTH) };
  return { layout: "curator", id: name };
}

/** The name of a member's znode. @param uuid is fresh for each membership */
export function memberName(layout: GroupLayout, id: string, uuid: string): string {
  const hex = uuid.replaceAll("-", "");
  if (layout === "party") return `${hex}__party__`;
  return layout === "shallowParty" ? `${hex}-${id}` : id;
}

/** What is wrong with an id in this layout; undefined when nothing is. */
export function faultOfMemberId(layout: GroupLayout, id: string): string | undefined {
  if (typeof id !== "string") return "must be a string";
  if (layout === "party") return undefined;
  if (id.includes("/")) return 'must not contain "/", since it is the name of a znode';
  if (layout === "shallowParty") return undefined;
  if (id === "" || id === "." || id === "..") return "must be a name that a znode can have";
  return readMemberName(id).layout === "curator"
    ? undefined
    : "must not look like the name of kazoo's parties";
}
