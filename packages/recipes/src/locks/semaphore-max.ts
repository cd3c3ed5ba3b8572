/**
 * How many permits a semaphore has: a number that all agree on, or a znode that says it and can be changed while they are in
 * use. The znode has the layout of Curator's SharedCount: four bytes, big-endian.
 *
 * Source: Curator 5.4.0 SharedCount.java
 */
import { type Acl, type Client, isZkError } from "@zk/client";
import type { Bell } from "../core/bell.js";
import type { Patience } from "../core/patience.js";
import { RecipeError } from "../errors.js";

/** How many permits there are: a number, or the path of a znode that says it, and what it says if we have to make it. */
export type MaxPermits = number | { readonly path: string; readonly initial: number };

/** The number as a SharedCount has it. */
export function encodeCount(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

/**
 * Reads the number, and makes the znode if it is not there.
 *
 * @param bell rings when it changes
 * @throws RecipeError CORRUPTED, ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses
 */
export async function readCount(
  client: Client,
  { path, initial }: { readonly path: string; readonly initial: number },
  about: { readonly recipe: string; readonly path: string; readonly acl?: readonly Acl[] | undefined },
  patience: Patience,
  bell: Bell,
): Promise<number> {
  for (;;) {
    try {
      const { data, stat } = await patience.read((call) =>
        client.getData(path, { ...call, watch: bell.at(path) }),
      );
      if (data?.length === 4) return new DataView(data.buffer, data.byteOffset).getInt32(0);
      if (data !== null && data.length > 0) {
        const message = `${path} has ${data.length} bytes, not the 4 of a count`;
        throw new RecipeError({ code: "CORRUPTED", message, recipe: about.recipe, path: about.path });
      }
      // Another library makes it first and fills it then; whoever comes first gives it its value.
      await patience.read((call) =>
        client.setData(path, encodeCount(initial), { ...call, version: stat.version }),
      );
    } catch (error) {
      if (isZkError(error, "NO_NODE")) await make(client, path, initial, about.acl, patience);
      else if (!isZkError(error, "BAD_VERSION")) throw error;
    }
  }
}

async function make(
  client: Client,
  path: string,
  initial: number,
  acl: readonly Acl[] | undefined,
  patience: Patience,
): Promise<void> {
  const options = acl === undefined ? {} : { acl };
  try {
    await patience.read((call) =>
      client.create(path, encodeCount(initial), { ...call, ...options, createParents: true }),
    );
  } catch (error) {
    if (!isZkError(error, "NODE_EXISTS")) throw error;
  }
}

/**
 * Sets the number. The last one to do so wins.
 * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses
 */
export async function writeCount(
  client: Client,
  path: string,
  value: number,
  acl: readonly Acl[] | undefined,
  patience: Patience,
): Promise<void> {
  for (;;) {
    try {
      await client.setData(path, encodeCount(value), { ...patience.call, retry: "always" });
      return;
    } catch (error) {
      patience.check();
      if (isZkError(error, "NO_NODE")) await make(client, path, value, acl, patience);
      else if (!isZkError(error, "CONNECTION_LOSS")) throw error;
    }
  }
}
