/**
 * Removes a znode of ours and says so in another, in one transaction: whoever comes next can tell a hold that was given back from
 * one that went with its session.
 */
import { type Client, isZkError } from "@zk/client";
import { type Owned, type Removal, removeBy } from "./janitor.js";

/** The znode that is told, and what. */
export interface EndMark {
  readonly path: string;
  readonly data: string | null;
  /** It is told only if it is of this version. Default: of any. */
  readonly version?: number;
}

/**
 * See the head of this file. When the mark is refused, the znode is removed without it: nobody must wait for what nobody has.
 * Never rejects.
 */
export function removeWithMark(client: Client, owned: Owned, mark: EndMark): Promise<Removal> {
  const forever = { timeoutMs: Number.POSITIVE_INFINITY };
  const { path, data, version } = mark;
  return removeBy(client, owned, async () => {
    try {
      await client
        .transaction()
        .remove(owned.path)
        .setData(path, data, version === undefined ? {} : { version })
        .commit({ ...forever, retry: "none" });
    } catch (error) {
      if (!isZkError(error) || error.operationIndex !== 1) throw error;
      await client.remove(owned.path, { ...forever, retry: "always" });
    }
  });
}
