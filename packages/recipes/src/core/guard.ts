/** Writes that go through only while a znode stands. */
import {
  type CallOptions,
  type Client,
  isZkError,
  type Transaction,
  type TransactionResult,
  ZkError,
} from "@zk/client";
import { withoutFirst } from "./refusals.js";

/** The znode that was to stand is gone: nothing was written. */
export class GuardFailed extends Error {
  override readonly name = "GuardFailed";
}

/**
 * Commits a transaction behind a check that a znode exists.
 *
 * The check is by path alone: a znode that somebody asked to be given back has another version and stands all the same.
 *
 * @param path a znode whose path is ours alone
 * @throws GuardFailed when it is gone
 */
export async function guardedCommit<Results extends readonly TransactionResult[]>(
  client: Client,
  path: string,
  build: (transaction: Transaction) => Transaction<Results>,
  options: CallOptions,
): Promise<Results> {
  // The type of the transaction counts operations; those of the caller begin behind the check.
  const guarded = client.transaction().check(path) as unknown as Transaction;
  try {
    const built: Transaction<Results> | undefined = build(guarded);
    if (typeof built?.commit !== "function") {
      const message =
        "the function must give the transaction back, as in (tx) => tx.setData(path, data), and at once";
      throw new ZkError({ code: "INVALID_ARGUMENT", message, operation: "transaction", path });
    }
    const results: readonly TransactionResult[] = await built.commit(options);
    return results.slice(1) as unknown as Results;
  } catch (error) {
    if (!isZkError(error)) throw error;
    const own = withoutFirst(error);
    if (own !== undefined) throw own;
    // Whoever may not read it is refused as well, and that says nothing of whether it stands.
    if (error.code !== "NO_NODE") throw error;
    throw new GuardFailed(error.message, { cause: error });
  }
}
