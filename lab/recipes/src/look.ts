/** What tests look at. */
import { type Client, isZkError } from "@zk/client";

/** Names in a directory; none when there is no directory. */
export async function childrenOf(client: Client, path: string): Promise<readonly string[]> {
  try {
    return await client.getChildren(path);
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return [];
    throw error;
  }
}

/** The same with all that was committed before: the client may be on a server that is a little behind. */
export async function childrenNow(client: Client, path: string): Promise<readonly string[]> {
  await client.sync(path);
  return await childrenOf(client, path);
}

/** Whether the promise is settled when all that runs now has run. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}
