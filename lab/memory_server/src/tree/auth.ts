/**
 * Who a connection is, and what that permits.
 *
 * Source: ZooKeeper 3.4.6, PrepRequestProcessor.java, checkACL and fixupACL; DigestAuthenticationProvider.java;
 * IPAuthenticationProvider.java; ServerCnxn.java, addAuthInfo
 */
import type { Acl, Id } from "@zk/protocol";
import { digestOf } from "./digest-text.js";
import { ipMatches, isIpExpression, javaAddress } from "./ip-address.js";
import type { LaxAcl } from "./request-bodies.js";

/** The identity that every connection has without asking. @param address IPv4 or IPv6, without the port */
export function ipId(address: string): Id {
  return { scheme: "ip", id: javaAddress(address) };
}

/**
 * The identities that an auth packet proves, in the order in which the server adds them; those a connection already has
 * it does not get twice. Undefined: refused, with -115 and the end of the connection. A digest is never refused, whatever
 * the password: it is only another identity.
 */
export function addAuth(
  request: { readonly scheme: string | null; readonly auth: Uint8Array | null },
  about: { readonly address: string; readonly superDigest: string | undefined },
): readonly Id[] | undefined {
  if (request.scheme === "ip") return [ipId(about.address)];
  if (request.scheme !== "digest" || request.auth === null) return undefined;
  const digest = digestOf(request.auth);
  const id = { scheme: "digest", id: digest };
  return digest === about.superDigest ? [{ scheme: "super", id: "" }, id] : [id];
}

/** Whether one of `ids` has the permission `perm`. An empty list permits everything. */
export function isPermitted(acl: readonly Acl[], perm: number, ids: readonly Id[]): boolean {
  if (acl.length === 0) return true;
  if (ids.some((id) => id.scheme === "super")) return true;
  return acl.some((entry) => (entry.perms & perm) !== 0 && isAbout(entry.id, ids));
}

/** What fixing a list gives: the list to store, or an error code. */
export type FixedAcl = { readonly acl: readonly Acl[] } | { readonly err: number };

/**
 * The list as it is stored: without duplicates, and with the caller's identities, at the end, for every entry of the
 * scheme `auth`. Refused when it is empty, when a scheme is unknown, when an id is none of its scheme, or when the caller
 * has no identity that could stand for `auth` (an address can not). Null where it must not be is -5.
 */
export function fixAcl(
  list: readonly LaxAcl[] | null,
  options: { readonly ids: readonly Id[]; readonly skipAcl: boolean },
): FixedAcl {
  const entries = list === null ? undefined : withoutDuplicates(list);
  if (entries === undefined) return { err: MARSHALLING_ERROR };
  if (options.skipAcl) {
    return entries.every(hasNoNull) ? { acl: entries } : { err: MARSHALLING_ERROR };
  }
  const kept: Acl[] = [];
  const added: Acl[] = [];
  for (const entry of entries) {
    const { scheme, id } = entry.id;
    if (scheme === null || (id === null && scheme === "world")) return { err: MARSHALLING_ERROR };
    if (scheme === "auth") {
      const own = options.ids.filter((one) => one.scheme === "digest");
      if (own.length === 0) return { err: INVALID_ACL };
      for (const one of own) added.push({ perms: entry.perms, id: one });
      continue;
    }
    if (scheme !== "digest" && scheme !== "ip" && !(scheme === "world" && id === "anyone")) {
      return { err: INVALID_ACL };
    }
    if (id === null) return { err: MARSHALLING_ERROR };
    if (scheme === "digest" && !isDigestExpression(id)) return { err: INVALID_ACL };
    if (scheme === "ip" && !isIpExpression(id)) return { err: INVALID_ACL };
    kept.push({ perms: entry.perms, id: { scheme, id } });
  }
  const acl = [...kept, ...added];
  return acl.length === 0 ? { err: INVALID_ACL } : { acl };
}

function isAbout(wanted: Id, ids: readonly Id[]): boolean {
  if (wanted.scheme === "world" && wanted.id === "anyone") return true;
  if (wanted.scheme === "digest") return ids.some((id) => id.scheme === "digest" && id.id === wanted.id);
  if (wanted.scheme === "ip") return ids.some((id) => id.scheme === "ip" && ipMatches(id.id, wanted.id));
  return false;
}

/**
 * Undefined where comparing two entries meets a null that the server does not expect: it compares permissions, then
 * schemes, then ids, and asks the later entry.
 */
function withoutDuplicates(list: readonly LaxAcl[]): LaxAcl[] | undefined {
  const kept: LaxAcl[] = [];
  const idsByScheme = new Map<number, Map<string | null, Set<string | null>>>();
  for (const entry of list) {
    const { scheme, id } = entry.id;
    let schemes = idsByScheme.get(entry.perms);
    if (schemes === undefined) {
      schemes = new Map();
      idsByScheme.set(entry.perms, schemes);
    } else if (scheme === null) {
      return undefined;
    }
    let ids = schemes.get(scheme);
    if (ids === undefined) {
      ids = new Set();
      schemes.set(scheme, ids);
    } else if (id === null) {
      return undefined;
    }
    if (ids.has(id)) continue;
    ids.add(id);
    kept.push(entry);
  }
  return kept;
}

function hasNoNull(entry: LaxAcl): entry is LaxAcl & Acl {
  return entry.id.scheme !== null && entry.id.id !== null;
}

/** Two parts with a colon between them; empty parts at the end do not count. */
function isDigestExpression(id: string): boolean {
  const parts = id.split(":");
  while (parts.length > 0 && parts.at(-1) === "") parts.pop();
  return parts.length === 2;
}

const MARSHALLING_ERROR = -5;
const INVALID_ACL = -114;
