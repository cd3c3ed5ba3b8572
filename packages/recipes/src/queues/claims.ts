/**
 * How an item becomes one consumer's: an ephemeral znode of the same name in the directory of claims, created in one transaction
 * with a look at the item, so that nobody claims what is gone.
 *
 * The name is no consumer's own, so a claim that is there already is told apart by what it says and by its owner: after a lost
 * answer our claim is ours, and not taken for another's, as happens to others whose item then stays blocked until their own
 * session ends.
 */
import { CreateMode, isZkError, type Stat, type ZkError } from "@zk/client";
import { textCodec } from "../core/codec.js";
import { makeDirectory } from "../core/directories.js";
import { isLost } from "../core/lost.js";
import { childPath } from "../core/paths.js";
import { settleWrites, unusedPath } from "../core/settle.js";
import { telemetryOf } from "../core/telemetry.js";
import { aclOf, type QueueSetup } from "./setup.js";

/** A claim of ours. */
export interface Claim {
  readonly path: string;
  readonly sessionId: bigint;
  /** The transaction that created it: the fencing token. */
  readonly token: bigint;
  /** The bytes of the item. */
  readonly data: Uint8Array;
  /** The item's. Its version counts the deliveries before this one, as far as they are counted. */
  readonly stat: Stat;
  /** The version that the item has now. */
  readonly version: number;
}

/** What came of trying: another has the item, or it is gone. */
export type Refusal = "busy" | "gone";

const FOREVER = { timeoutMs: Number.POSITIVE_INFINITY };
const NOTHING = new Uint8Array();

/**
 * Claims an item. It goes on until it knows, however many connections are lost: whoever does not want to wait for that
 * has to see to it that a claim is removed again.
 *
 * @throws ZkError for what a server refuses, and when the session is over
 */
export async function claim(setup: QueueSetup, name: string): Promise<Claim | Refusal> {
  const { client } = setup;
  const item = childPath(setup.entries, name);
  const path = childPath(setup.claims, name);
  const { metrics } = telemetryOf(client);
  const owner = client.randomness.uuid().replaceAll("-", "");
  // A read is cheap beside a write that fails; most items that are not to be had are gone.
  const read = await readItem(setup, item);
  if (read === undefined) return "gone";
  const { data, stat } = read;
  const isCounted = Number.isFinite(setup.deliveriesMax);
  const version = isCounted ? stat.version + 1 : stat.version;
  const claimed = { path, data: data ?? NOTHING, stat, version };
  for (;;) {
    try {
      const transaction = client.transaction();
      const seen = isCounted
        ? transaction.setData(item, data, { version: stat.version })
        : transaction.check(item, { version: stat.version });
      const made = seen.create(path, owner, { mode: CreateMode.EPHEMERAL, ...aclOf(setup) });
      const [, { zxid }] = await made.commit({ ...FOREVER, retry: "none" });
      return { ...claimed, token: zxid, sessionId: client.sessionId };
    } catch (error) {
      if (!isZkError(error)) throw error;
      if (error.applied === "maybe") {
        metrics.ambiguous += 1;
        const found = await findClaim(setup, path, owner);
        if (found === "busy") return found;
        if (found !== undefined) return { ...claimed, ...found };
        continue;
      }
      const refusal = refusalOf(error);
      if (refusal === "busy") metrics.conflicts += 1;
      if (refusal !== undefined) return refusal;
      if (error.operationIndex === 1 && error.code === "NO_NODE")
        await makeDirectory(client, setup.claims, setup.acl, FOREVER);
      else if (error.code === "QUEUE_FULL") await client.drained();
      else if (!isLost(error)) throw error;
    }
  }
}

/** What a refused claim means; undefined when it is nothing about the item. */
function refusalOf({ code, operationIndex }: ZkError): Refusal | undefined {
  // Another version: somebody had it since we read it.
  if (operationIndex === 0 && code === "BAD_VERSION") return "busy";
  if (operationIndex === 0 && code === "NO_NODE") return "gone";
  return operationIndex === 1 && code === "NODE_EXISTS" ? "busy" : undefined;
}

/** The item, or undefined when it is gone. */
async function readItem(
  { client }: QueueSetup,
  item: string,
): Promise<{ readonly data: Uint8Array | null; readonly stat: Stat } | undefined> {
  for (;;) {
    try {
      return await client.getData(item, FOREVER);
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      if (isZkError(error, "QUEUE_FULL")) await client.drained();
      else if (!isLost(error)) throw error;
    }
  }
}

/** The claim whose answer was lost; undefined when it was not made and never will be, `busy` when the one there is another's. */
async function findClaim(
  { client, claims }: QueueSetup,
  path: string,
  owner: string,
): Promise<Pick<Claim, "token" | "sessionId"> | "busy" | undefined> {
  for (;;) {
    try {
      await settleWrites(client, unusedPath(client, claims), FOREVER);
      const { data, stat } = await client.getData(path, FOREVER);
      const { sessionId } = client;
      // The owner alone would not do: another consumer in this process has the same session.
      const isOurs = stat.ephemeralOwner === sessionId && textOf(data) === owner;
      return isOurs ? { token: stat.czxid, sessionId } : "busy";
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      if (isZkError(error, "QUEUE_FULL")) await client.drained();
      else if (!isLost(error)) throw error;
    }
  }
}

function textOf(data: Uint8Array | null): string | undefined {
  try {
    return data === null ? undefined : textCodec.decode(data);
  } catch {
    // Bytes that are no text are not what we wrote.
    return undefined;
  }
}
