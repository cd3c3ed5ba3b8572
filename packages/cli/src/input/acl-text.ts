/** Access control lists as ZooKeeper writes them: `world:anyone:cdrwa,digest:bob:HASH:r`. */
import { type Acl, digestId } from "@zk/client";
import { formatPermissions, parsePermissions } from "@zk/protocol";
import { UsageError } from "../program/errors.js";

/** One entry as text. */
export function formatAcl({ perms, id }: Acl): string {
  return `${id.scheme}:${id.id}:${formatPermissions(perms)}`;
}

export function formatAcls(acl: readonly Acl[]): string {
  return acl.map(formatAcl).join(",");
}

/**
 * Entries with commas between them. `password:USER:PASSWORD:PERMS` becomes the digest that a server compares.
 * @throws UsageError that never repeats a password
 */
export function parseAcls(text: string): Acl[] {
  return text.split(",").map((part, index) => {
    const [first, last] = [part.indexOf(":"), part.lastIndexOf(":")];
    if (first <= 0 || last === first) {
      throw new UsageError(
        `entry ${index + 1} of the ACL must be SCHEME:ID:PERMISSIONS`,
        "for example world:anyone:r, auth::cdrwa, ip:10.0.0.0/8:rw, digest:USER:HASH:cdrwa",
      );
    }
    const scheme = part.slice(0, first);
    const id = part.slice(first + 1, last);
    const perms = parsePermissions(part.slice(last + 1));
    if (perms === null || perms === 0) {
      throw new UsageError(
        `the permissions of entry ${index + 1} of the ACL must be letters of cdrwa, not ${JSON.stringify(part.slice(last + 1))}`,
      );
    }
    if (scheme === "password") {
      const [user = "", ...password] = id.split(":");
      if (user === "" || password.length === 0)
        throw new UsageError("password: needs USER:PASSWORD:PERMISSIONS");
      return { perms, id: { scheme: "digest", id: digestId(user, password.join(":")) } };
    }
    return { perms, id: { scheme, id } };
  });
}
