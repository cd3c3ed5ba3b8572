/** What became of a write whose answer was lost. */
import { type CallOptions, type Client, isZkError } from "@zk/client";
import { childPath } from "./paths.js";

/**
 * Resolves when every write that this session sent before has been applied or never will be.
 *
 * A write of our own comes behind them: whatever an earlier server still holds of this session is refused, because the
 * session has moved. A write that is refused does as well as any, so a znode is removed that cannot be there.
 * `sync` would not do: a leader answers its own clients' at once, whatever it has proposed and not committed.
 *
 * @param unused the path of a znode that does not exist and never will
 * @throws ZkError CONNECTION_LOSS when it must be asked again, and any other error of a write
 */
export async function settleWrites(client: Client, unused: string, call: CallOptions): Promise<void> {
  try {
    await client.remove(unused, { ...call, retry: "always" });
  } catch (error) {
    if (!isZkError(error, "NO_NODE")) throw error;
  }
}

/** A path that nobody uses, below a directory: for {@link settleWrites}. */
export function unusedPath(client: Client, directory: string): string {
  return childPath(directory, `_settle_${client.randomness.uuid()}`);
}
