/** Writes that go through only while a znode stands. */
import { type CallOptions, type Client, type Transaction, type TransactionResult, ZkError } from "@zk/client";

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
    const results: readonly TransactionResult[] = await build(guarded).commit(options);
    return results.slice(1) as unknown as Results;
  } catch (error) {
    if (!(error instanceof ZkError) || error.operationIndex === undefined) throw error;
    if (error.operationIndex === 0) throw new GuardFailed(error.message, { cause: error });
    throw new ZkError({
      code: error.code,
      message: `operation ${error.operationIndex - 1} of the guarded transaction failed, so nothing was applied`,
      operation: error.operation,
      path: error.path,
      server: error.server,
      serverCode: error.serverCode,
      operationIndex: error.operationIndex - 1,
      results: error.results?.slice(1),
      cause: error,
    });
  }
}
