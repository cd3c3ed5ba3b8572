/**
 * The counter from which a server takes the numbers of sequential children. It counts creates and is no part of a znode's
 * data, so a copy begins at the number of its children: a restored queue may give a number out again. The counter is
 * advanced by creating and deleting a child, again and again, in transactions.
 * Source: ZooKeeper 3.4.6, PrepRequestProcessor.java, pRequest2Txn, and DataTree.java, createNode.
 */
import { randomUUID } from "node:crypto";
import { type Client, isZkError } from "@zk/client";
import { joinPath } from "@zk/protocol";
import { nextSequence } from "../output/json.js";
import { CliError } from "../program/errors.js";

/** Creates in one transaction; each brings a delete. */
const PAIRS = 250;

/** A znode whose counter should stand further on. */
export interface Lagging {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** Where the counter of a znode stands; undefined when it is gone. */
export async function readSequence(
  client: Client,
  path: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const stat = await client.exists(path, { signal });
  return stat === null ? undefined : nextSequence(stat);
}

/** @throws CliError SEQUENCE_TOO_FAR; ZkError */
export async function advanceSequence(
  client: Client,
  { path, to }: Lagging,
  options: {
    readonly max: number;
    readonly signal: AbortSignal;
    readonly onAdvanced: (count: number) => void;
  },
): Promise<void> {
  const child = joinPath(path, `zk-sequence-${randomUUID()}`);
  for (;;) {
    // Read again each time: others create as well, and a lost answer may have been a success.
    const from = await readSequence(client, path, options.signal);
    if (from === undefined || from >= to) return;
    if (to - from > options.max) {
      throw new CliError(
        "SEQUENCE_TOO_FAR",
        9,
        `the counter of ${path} stands at ${from} and should at ${to}; that takes ${to - from} creates`,
        { hint: "--sequence-max allows more" },
      );
    }
    const count = Math.min(PAIRS, to - from);
    const transaction = client.transaction();
    for (let index = 0; index < count; index++) transaction.create(child).remove(child);
    try {
      await transaction.commit({ signal: options.signal });
      options.onAdvanced(count);
    } catch (error) {
      if (!isZkError(error, "CONNECTION_LOSS")) throw error;
    }
  }
}
