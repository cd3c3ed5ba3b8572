/**
 * A create that survives a lost reply: neither a second node nor an ownerless one is left behind.
 *
 * The name carries a fresh UUID, `_c_<uuid>-<name>`, the form that other ZooKeeper libraries use. When the reply is lost,
 * the parent is looked through for that UUID: found, the node is ours; not found, it is created again. `sync` comes
 * first, because the server we are on now may not have applied the create that another one took.
 * A node of an ephemeral mode is only adopted under the session that made it.
 */
import { baseName, joinPath, parentPath } from "@zk/protocol";
import type { Budget } from "./budget.js";
import type { Client, CreateResult } from "./client.js";
import { isOver, isZkError } from "./core/index.js";

/** Creates once what may be asked for several times. */
export async function protectedCreate(
  client: Client,
  about: {
    readonly path: string;
    readonly uuid: string;
    readonly budget: Budget;
    readonly isEphemeral: boolean;
    readonly createOnce: (path: string) => Promise<CreateResult>;
  },
): Promise<CreateResult> {
  const parent = parentPath(about.path);
  const prefix = `_c_${about.uuid}-`;
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
    const found = await find(client, parent, prefix, about.budget);
    if (found === undefined) continue;
    if (about.isEphemeral && found.ephemeralOwner !== session) {
      await removeFound(client, found.path);
      continue;
    }
    return { path: found.path, zxid: found.czxid };
  }
}

async function find(
  client: Client,
  parent: string,
  prefix: string,
  budget: Budget,
): Promise<{ readonly path: string; readonly czxid: bigint; readonly ephemeralOwner: bigint } | undefined> {
  try {
    await client.sync(parent, budget.step());
    const name = (await client.getChildren(parent, budget.step())).find((child) => child.startsWith(prefix));
    if (name === undefined) return undefined;
    const path = joinPath(parent, name);
    const stat = await client.exists(path, budget.step());
    return stat === null ? undefined : { path, czxid: stat.czxid, ephemeralOwner: stat.ephemeralOwner };
  } catch (error) {
    // Without its parent the node cannot be there.
    if (isZkError(error, "NO_NODE")) return undefined;
    if (!isOver(client.state)) void sweep(client, parent, prefix);
    throw error;
  }
}

async function removeFound(client: Client, path: string): Promise<void> {
  try {
    await client.remove(path, { retry: "always" });
  } catch (error) {
    if (!isZkError(error, "NO_NODE")) throw error;
  }
}

/** Looks for an abandoned node until it is certain that none is left, or the session is over and its nodes with it. */
async function sweep(client: Client, parent: string, prefix: string): Promise<void> {
  const forever = { timeoutMs: Number.POSITIVE_INFINITY };
  while (!isOver(client.state)) {
    try {
      // Replies come in order: once sync is answered, the lost create was taken or never will be.
      await client.sync(parent, forever);
      const names = (await client.getChildren(parent, forever)).filter((child) => child.startsWith(prefix));
      for (const name of names) await removeFound(client, joinPath(parent, name));
      return;
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return;
      // After a lost connection it is looked for again; after anything else (NO_AUTH, say) nothing more can be done.
      if (!isZkError(error, "CONNECTION_LOSS") && !isZkError(error, "QUEUE_FULL")) return;
      await client.drained();
    }
  }
}
