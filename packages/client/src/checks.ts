/** What a caller gives is checked before anything is sent: a 3.4.6 server checks little, and kills connections instead. */
import { type Acl, CreateMode, createModeName, findPathProblem, Permission } from "@zk/protocol";
import { ZkError } from "./core/index.js";

/** @throws ZkError INVALID_PATH */
export function checkPath(path: string, operation: string, sequential = false): void {
  const problem = findPathProblem(path, sequential ? { sequential } : undefined);
  if (problem === null) return;
  throw new ZkError({
    code: "INVALID_PATH",
    message: `${problem.reason} (at character ${problem.index})`,
    operation,
    path: typeof path === "string" ? path : String(path),
  });
}

/** @throws ZkError INVALID_ARGUMENT unless it is a whole number from -1 to 2^31-1; undefined means -1, any version */
export function checkVersion(version: number | undefined, operation: string, path: string): number {
  if (version === undefined) return -1;
  if (Number.isInteger(version) && version >= -1 && version <= 2_147_483_647) return version;
  throw invalid(`version must be a whole number, -1 for any, not ${String(version)}`, operation, path);
}

/** What kind of znode is to be made. */
export interface Kind {
  readonly flags: CreateMode;
  /** Milliseconds; undefined unless it is a mode with a time to live. */
  readonly ttl: bigint | undefined;
}

/** The longest time to live, in milliseconds: about 34 years. Source: ZooKeeper 3.5.4, EphemeralType.java */
export const TTL_MS_MAX = 0xff_ffff_ffff;

/**
 * @throws ZkError INVALID_ARGUMENT for a mode that is none, for one with a time to live without it or with one out of its range,
 *   and for a time to live with another mode
 */
export function checkKind(
  options: { readonly mode?: CreateMode; readonly ttlMs?: number },
  operation: string,
  path: string,
): Kind {
  const { mode = CreateMode.PERSISTENT, ttlMs } = options;
  const name = createModeName(mode);
  if (name === undefined)
    throw invalid(`mode ${String(mode)} is none of those in CreateMode`, operation, path);
  const hasTtl =
    mode === CreateMode.PERSISTENT_WITH_TTL || mode === CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL;
  if (!hasTtl) {
    if (ttlMs === undefined) return { flags: mode, ttl: undefined };
    const message = `ttlMs goes with the modes PERSISTENT_WITH_TTL and PERSISTENT_SEQUENTIAL_WITH_TTL, not with ${name}`;
    throw invalid(message, operation, path);
  }
  if (Number.isInteger(ttlMs) && (ttlMs as number) >= 1 && (ttlMs as number) <= TTL_MS_MAX)
    return { flags: mode, ttl: BigInt(ttlMs as number) };
  const given = ttlMs === undefined ? "is missing" : `is ${String(ttlMs)}`;
  const message = `${name} needs ttlMs, a whole number of milliseconds from 1 to ${TTL_MS_MAX}; it ${given}`;
  throw invalid(message, operation, path);
}

/** @throws ZkError INVALID_ARGUMENT for what neither asks for parents nor refuses them */
export function checkParents(parents: boolean | "containers", path: string): boolean | "containers" {
  if (typeof parents === "boolean" || parents === "containers") return parents;
  throw invalid(`createParents is true, false or "containers", not ${String(parents)}`, "create", path);
}

/** @throws ZkError INVALID_ARGUMENT for a prefix too short to be unique, or one that is no part of a name */
export function checkPrefix(prefix: string, path: string): void {
  if (typeof prefix === "string" && prefix.length >= PREFIX_LENGTH_MIN && !prefix.includes("/")) return;
  const message = `the prefix of a protected create must be a unique text of ${PREFIX_LENGTH_MIN} characters or more without "/"`;
  throw invalid(message, "create", path);
}

/** Shorter ones cannot be unique: 16 hexadecimal digits are 64 bits. */
const PREFIX_LENGTH_MIN = 16;

/** @throws ZkError INVALID_ARGUMENT for an empty list or entries that are not ACLs */
export function checkAcl(acl: readonly Acl[], operation: string, path: string): readonly Acl[] {
  if (!Array.isArray(acl) || acl.length === 0)
    throw invalid("an ACL needs at least one entry", operation, path);
  for (const entry of acl) {
    const ok =
      Number.isInteger(entry?.perms) &&
      entry.perms >= 0 &&
      entry.perms <= Permission.ALL &&
      typeof entry.id?.scheme === "string" &&
      typeof entry.id?.id === "string";
    if (!ok) throw invalid("an ACL entry is { perms: 0 to 31, id: { scheme, id } }", operation, path);
  }
  return acl;
}

function invalid(message: string, operation: string, path: string): ZkError {
  return new ZkError({ code: "INVALID_ARGUMENT", message, operation, path });
}
