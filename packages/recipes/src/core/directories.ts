/** The directories of recipes, which are there when they are needed. */
import { type Acl, type CallOptions, type Client, isZkError } from "@zk/client";

/**
 * Makes a directory and what is missing above it. One that is there is fine.
 * @throws ZkError of any write but NODE_EXISTS
 */
export async function makeDirectory(
  client: Client,
  path: string,
  acl: readonly Acl[] | undefined,
  call: CallOptions,
): Promise<void> {
  try {
    await client.create(path, null, {
      ...call,
      createParents: true,
      retry: "always",
      ...(acl === undefined ? {} : { acl }),
    });
  } catch (error) {
    if (!isZkError(error, "NODE_EXISTS")) throw error;
  }
}
