/** The one transaction that makes permits and gives up the turn at the door, while that turn is ours. */
import type { Acl, Client, Transaction, TransactionResult } from "@zk/client";
import { commitCertainly } from "../core/certain.js";
import { type Owned, removeWhenMade, whileConnected } from "../core/janitor.js";
import type { Entry } from "../core/line.js";
import { childPath, nameOf } from "../core/paths.js";
import type { SemaphoreLayout } from "./semaphore-layout.js";

/** A permit that was made. */
export interface Made extends Owned {
  readonly token: bigint;
  readonly slot: number | undefined;
}

/** What is to be made, and behind whose turn. */
export interface Making {
  readonly entry: Entry;
  readonly layout: SemaphoreLayout;
  readonly acl: readonly Acl[] | undefined;
  readonly wanted: readonly {
    /** Up to the number, if it gets one; nobody else's begins like it. */
    readonly path: string;
    readonly data: string;
    readonly slot: number | undefined;
  }[];
}

/**
 * Makes the permits, all or none. It goes on until it knows what became of the transaction, or the session is over.
 * @throws ZkError NO_NODE when the turn is not ours any more, or the directory is gone; and as {@link commitCertainly}
 */
export function makePermits(client: Client, about: Making): Promise<readonly Made[]> {
  const { entry, layout, acl, wanted } = about;
  const options = acl === undefined ? { mode: layout.mode } : { mode: layout.mode, acl };
  const made = (path: string, token: bigint, index: number): Made => ({
    path,
    token,
    sessionId: entry.sessionId,
    slot: wanted[index]?.slot,
  });
  return commitCertainly<readonly Made[]>(client, {
    sessionId: entry.sessionId,
    directory: layout.leases,
    commit: async (call) => {
      let transaction = client.transaction().check(entry.path) as unknown as Transaction;
      for (const { path, data } of wanted) {
        transaction = transaction.create(path, data, options) as unknown as Transaction;
      }
      const results: readonly TransactionResult[] = await transaction.remove(entry.path).commit(call);
      return results
        .filter((result) => result.type === "create")
        .map(({ path, zxid }, index) => made(path, zxid, index));
    },
    find: async (call) => {
      const names = await client.getChildren(layout.leases, call);
      const found: Made[] = [];
      for (const [index, { path }] of wanted.entries()) {
        const name = names.find((child) => child.startsWith(nameOf(path)));
        if (name === undefined) continue;
        const at = childPath(layout.leases, name);
        const stat = await client.exists(at, call);
        if (stat !== null) found.push(made(at, stat.czxid, index));
      }
      if (found.length === wanted.length) return found;
      // Some of them, or none: if they were made somebody has removed the others, and they are not what was asked for.
      await whileConnected(
        client,
        removeWhenMade(client, Promise.resolve(found)),
        client.sessionTimeoutMs / 3,
      );
      return undefined;
    },
  });
}
