/**
 * A create that survives a lost reply: neither a second node nor an ownerless one is left behind.
 *
 * The name carries a fresh UUID, `_c_<uuid>-<name>`, the form that other ZooKeeper libraries use, or a unique prefix of the
 * caller's. When the reply is lost, the parent is looked through for it: found, the node is ours; not found, it is created again. Before that, a write
 * of our own goes through the quorum: see {@link settle}.
 * A node of an ephemeral mode is only adopted under the session that made it.
 *
 * When the search itself fails, for want of time say, the error says `maybe`, and we go on looking behind the caller's
 * back to take the node away again. What it cannot do: after the session is over nobody looks any more, and a node of a
 * persistent mode may stay.
 */
import { baseName, joinPath, parentPath } from "@zk/protocol";
import type { Budget } from "./budget.js";
import { isOver, isZkError, type SessionState, ZkError } from "./core/index.js";
import type { CallOptions, CreateResult } from "./options.js";

/** What the search for a lost create needs of its client. */
export interface ProtectedHost {
  readonly sessionId: bigint;
  readonly state: SessionState;
  getChildren(path: string, options: CallOptions): Promise<readonly string[]>;
  exists(
    path: string,
    options: CallOptions,
  ): Promise<{ readonly czxid: bigint; readonly ephemeralOwner: bigint } | null>;
  remove(path: string, options: CallOptions): Promise<void>;
  drained(): Promise<void>;
}

/** Creates once what may be asked for several times. */
export async function protectedCreate(
  client: ProtectedHost,
  about: {
    readonly path: string;
    /** Unique to this call: whatever begins with it was made by it. */
    readonly prefix: string;
    readonly budget: Budget;
    readonly isEphemeral: boolean;
    readonly createOnce: (path: string) => Promise<CreateResult>;
  },
): Promise<CreateResult> {
  const parent = parentPath(about.path);
  const { prefix } = about;
  const path = joinPath(parent, prefix + baseName(about.path));
  for (;;) {
    const session = client.sessionId;
    try {
      return await about.createOnce(path);
    } catch (error) {
      if (!isZkError(error) || error.applied === "no") throw error;
      if (error.code !== "CONNECTION_LOSS") {
        // The caller waits no longer, but the node may yet appear: see that it does not stay.
        if (!isOver(client.state)) void sweep(client, parent, prefix);
        throw error;
      }
    }
    try {
      const found = await find(client, parent, prefix, about.budget);
      if (found === undefined) continue;
      if (!about.isEphemeral || found.ephemeralOwner === session)
        return { path: found.path, zxid: found.czxid };
      await removeFound(client, found.path, about.budget.step());
    } catch (error) {
      if (!isOver(client.state)) void sweep(client, parent, prefix);
      throw isZkError(error) ? unresolved(error, path) : error;
    }
  }
}

async function find(
  client: ProtectedHost,
  parent: string,
  prefix: string,
  budget: Budget,
): Promise<{ readonly path: string; readonly czxid: bigint; readonly ephemeralOwner: bigint } | undefined> {
  for (;;) {
    try {
      await settle(client, parent, prefix, budget.step());
      const names = await client.getChildren(parent, budget.step());
      const name = names.find((child) => child.startsWith(prefix));
      if (name === undefined) return undefined;
      const path = joinPath(parent, name);
      const stat = await client.exists(path, budget.step());
      return stat === null ? undefined : { path, czxid: stat.czxid, ephemeralOwner: stat.ephemeralOwner };
    } catch (error) {
      // Without its parent the node cannot be there.
      if (isZkError(error, "NO_NODE")) return undefined;
      // The budget says how long to go on, however many connections are lost meanwhile.
      if (!isZkError(error, "CONNECTION_LOSS")) throw error;
    }
  }
}

/**
 * Resolves when the lost create has happened here or never will: a write comes behind all that was taken from this session
 * before, and whatever an earlier server still holds is refused, because the session has moved. A write that is refused does
 * as well as any, so a znode is removed that cannot be there.
 *
 * `sync` would not do. A leader answers its own clients' at once, whatever it has proposed and not committed.
 *
 * Source: ZooKeeper 3.4.6, ProposalRequestProcessor.java, processRequest, and CommitProcessor.java, matchSyncs
 */
async function settle(
  client: ProtectedHost,
  parent: string,
  prefix: string,
  step: CallOptions,
): Promise<void> {
  // The prefix alone: a protected create puts a name behind it.
  await removeFound(client, joinPath(parent, prefix), step);
}

/** What ended the search says nothing of the create; this does. */
function unresolved(error: ZkError, path: string): ZkError {
  return new ZkError({
    code: error.code,
    message: `the reply was lost, and the search for the znode failed: ${error.message}`,
    applied: "maybe",
    operation: "create",
    path,
    server: error.server,
    serverCode: error.serverCode,
    cause: error,
  });
}

async function removeFound(client: ProtectedHost, path: string, step: CallOptions): Promise<void> {
  try {
    await client.remove(path, { ...step, retry: "always" });
  } catch (error) {
    if (!isZkError(error, "NO_NODE")) throw error;
  }
}

/** Looks for an abandoned node until it is certain that none is left, or the session is over and its nodes with it. */
async function sweep(client: ProtectedHost, parent: string, prefix: string): Promise<void> {
  const forever = { timeoutMs: Number.POSITIVE_INFINITY };
  while (!isOver(client.state)) {
    try {
      await settle(client, parent, prefix, forever);
      const names = (await client.getChildren(parent, forever)).filter((child) => child.startsWith(prefix));
      for (const name of names) await removeFound(client, joinPath(parent, name), forever);
      return;
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return;
      // After a lost connection it is looked for again; after anything else (NO_AUTH, say) nothing more can be done.
      if (!isZkError(error, "CONNECTION_LOSS") && !isZkError(error, "QUEUE_FULL")) return;
      await client.drained();
    }
  }
}
