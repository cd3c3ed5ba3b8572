/** Deletes a subtree, deepest first, in transactions that a server takes; goes on where somebody else was faster. */
import { type Client, isZkError } from "@zk/client";

/** Deletes in one transaction. Far below the size of a packet, and short for the leader. */
const BATCH = 200;

/** How it went on. */
export interface DeleteOptions {
  readonly signal: AbortSignal;
  readonly onDeleted?: (count: number) => void;
}

/**
 * @param paths parents before their children, as a walk gives them
 * @returns how many were deleted
 * @throws ZkError NOT_EMPTY when somebody creates faster than we delete, or any error of a write
 */
export async function deletePaths(
  client: Client,
  paths: readonly string[],
  options: DeleteOptions,
): Promise<number> {
  let deleted = 0;
  for (let end = paths.length; end > 0; end -= BATCH) {
    const batch = paths.slice(Math.max(0, end - BATCH), end).reverse();
    deleted += await deleteBatch(client, batch, options);
  }
  return deleted;
}

async function deleteBatch(
  client: Client,
  paths: readonly string[],
  { signal, onDeleted }: DeleteOptions,
): Promise<number> {
  const transaction = client.transaction();
  for (const path of paths) transaction.remove(path);
  try {
    await transaction.commit({ signal });
    onDeleted?.(paths.length);
    return paths.length;
  } catch (error) {
    if (!isZkError(error, "NO_NODE") && !isZkError(error, "NOT_EMPTY") && !isZkError(error, "NO_AUTH"))
      throw error;
  }
  // Somebody changes the same subtree: one by one, each with what came below it meanwhile.
  let deleted = 0;
  for (const path of paths) {
    try {
      deleted += await client.removeRecursive(path, { signal });
      onDeleted?.(1);
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
    }
  }
  return deleted;
}
