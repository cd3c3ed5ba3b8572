/**
 * Applies a plan, in as few transactions as servers take: mostly one, which is applied whole or not at all. ACLs of znodes that
 * are there cannot be set in a transaction; they come last, each against its version.
 */
import { type Client, CREATOR_ALL_ACL, isZkError, OPEN_ACL_UNSAFE, type ZkError } from "@zk/client";
import { parentPath } from "@zk/protocol";
import { visible } from "../output/visible.js";
import { CliError } from "../program/errors.js";
import { ExitCode, exitCodeFor } from "../program/exit-codes.js";
import type { Operation } from "./plan.js";
import { comparePaths, isOpenAcl, sameAcl, sameData } from "./tree-node.js";

/** What one transaction has at most. Half of what a server takes: paths and ACLs come on top of the data. */
const CHUNK_BYTES = 512 * 1024;
const CHUNK_OPERATIONS = 500;
/** Times that something is tried when answers are lost. */
const TRIES_MAX = 10;

/** How a plan is applied. */
export interface ApplyOptions {
  /** Whether the session has credentials: created parents are then its own until they get their ACL. */
  readonly hasCredentials: boolean;
  readonly signal: AbortSignal;
  readonly onApplied: (count: number) => void;
}

type AclOperation = Extract<Operation, { op: "acl" }>;
type TreeOperation = Exclude<Operation, AclOperation>;

/** Refusals that mean that the znodes are not those any more on which the plan rests. */
const CHANGED: readonly string[] = ["NODE_EXISTS", "NO_NODE", "BAD_VERSION", "NOT_EMPTY"];

/**
 * @throws CliError CHANGED (exit code 4) when a znode has changed since the plan was made and nothing was applied; PARTLY_DONE (9)
 *   when something was applied before it ended; ZkError when the first transaction is refused for another reason
 */
export async function applyPlan(
  client: Client,
  operations: readonly Operation[],
  options: ApplyOptions,
): Promise<void> {
  const creates = new Set(operations.filter(({ op }) => op === "create").map(({ path }) => path));
  const parents = new Set([...creates].map(parentPath).filter((path) => creates.has(path)));
  const acls: AclOperation[] = operations.filter((each) => each.op === "acl");
  const inTree = operations
    .filter((each): each is TreeOperation => each.op !== "acl")
    .map((each): TreeOperation => {
      if (each.op !== "create" || !parents.has(each.path) || isOpenAcl(each.acl)) return each;
      // Its children could not be made under an ACL that does not permit it.
      acls.push({ op: "acl", path: each.path, acl: each.acl, aversion: 0 });
      return { ...each, acl: options.hasCredentials ? CREATOR_ALL_ACL : OPEN_ACL_UNSAFE };
    });
  let applied = 0;
  const count = (more: number): void => {
    applied += more;
    options.onApplied(more);
  };
  try {
    for (const chunk of chunksOf(inTree)) {
      await commit(client, chunk, options.signal);
      count(chunk.length);
    }
    // Children before parents: an ACL that takes our rights away is set when nothing is left to do below it.
    for (const each of acls.sort((one, other) => comparePaths(other.path, one.path))) {
      await setAcl(client, each, options.signal);
      count(creates.has(each.path) ? 0 : 1);
    }
  } catch (error) {
    throw told(error, applied, operations.length);
  }
}

function* chunksOf(operations: readonly TreeOperation[]): Generator<readonly TreeOperation[]> {
  let chunk: TreeOperation[] = [];
  let bytes = 0;
  for (const each of operations) {
    const size = each.path.length + 64 + (each.op === "delete" ? 0 : (each.data?.length ?? 0));
    if (chunk.length > 0 && (chunk.length >= CHUNK_OPERATIONS || bytes + size > CHUNK_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(each);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

async function commit(client: Client, chunk: readonly TreeOperation[], signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries++) {
    const transaction = client.transaction();
    for (const each of chunk) {
      if (each.op === "create") transaction.create(each.path, each.data, { acl: each.acl });
      else if (each.op === "set") transaction.setData(each.path, each.data, { version: each.version });
      else transaction.remove(each.path, { version: each.version });
    }
    try {
      await transaction.commit({ signal });
      return;
    } catch (error) {
      if (!isUnanswered(error) || tries >= TRIES_MAX) throw named(error, chunk);
      // All of it or nothing: one look tells, unless others are at the same znodes, and then the next try is refused.
      if (await isApplied(client, chunk, signal)) return;
    }
  }
}

async function isApplied(
  client: Client,
  chunk: readonly TreeOperation[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const each of chunk) {
    const there = await client.getData(each.path, { signal }).catch((error: unknown) => {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    });
    if (each.op === "delete") {
      if (there !== undefined) return false;
    } else {
      if (there === undefined || !sameData(there.data, each.data)) return false;
      if (each.op === "set" && there.stat.version !== each.version + 1) return false;
    }
  }
  return true;
}

async function setAcl(
  client: Client,
  { path, acl, aversion }: AclOperation,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.setACL(path, acl, { version: aversion, signal });
      return;
    } catch (error) {
      if (!isUnanswered(error) || tries >= TRIES_MAX) throw error;
      const there = await client.getACL(path, { signal });
      if (sameAcl(there.acl, acl) && there.stat.aversion === aversion + 1) return;
    }
  }
}

function isUnanswered(error: unknown): error is ZkError {
  return isZkError(error, "CONNECTION_LOSS") || isZkError(error, "OPERATION_TIMEOUT");
}

/** An error of a transaction with the path of the operation that was refused. */
function named(error: unknown, chunk: readonly TreeOperation[]): unknown {
  if (!isZkError(error) || error.operationIndex === undefined) return error;
  const path = chunk[error.operationIndex]?.path;
  return path === undefined ? error : new Refused(path, error);
}

class Refused extends Error {
  readonly path: string;
  readonly error: ZkError;

  constructor(path: string, error: ZkError) {
    super(error.message);
    this.path = path;
    this.error = error;
  }
}

function told(error: unknown, applied: number, total: number): unknown {
  // Ctrl-C and --timeout have codes of their own.
  if (error instanceof CliError) return error;
  const refusal = error instanceof Refused ? error.error : isZkError(error) ? error : undefined;
  if (refusal === undefined && applied === 0) return error;
  const path = error instanceof Refused ? error.path : refusal?.path;
  const hasChanged = refusal !== undefined && CHANGED.includes(refusal.code);
  const why = hasChanged
    ? `${visible(path ?? "")} has changed since the plan was made (${refusal.code})`
    : path === undefined || refusal === undefined
      ? (error as Error).message
      : `${visible(path)}: ${refusal.code}`;
  const details = { path: path ?? null, applied, operations: total, refusal: refusal?.code ?? null };
  if (applied > 0)
    return new CliError(
      "PARTLY_DONE",
      ExitCode.PARTLY_DONE,
      `${why}; ${applied} of ${total} changes are made`,
      {
        hint: "make a new plan: what is done is left out of it",
        details,
        cause: error,
      },
    );
  if (hasChanged)
    return new CliError("CHANGED", ExitCode.CONFLICT, `${why}; nothing was changed`, {
      hint: "make a new plan and look at it again",
      details,
      cause: error,
    });
  if (!(error instanceof Refused)) return error;
  return new CliError(error.error.code, exitCodeFor(error.error), `${why}; nothing was changed`, {
    ...(error.error.code === "NO_AUTH"
      ? { hint: `zk acl ${parentPath(error.path)} shows who may; --auth-file FILE gives credentials` }
      : {}),
    details,
    cause: error.error,
  });
}
