/**
 * A transaction that leaves a trace which nobody else could have left, such as an ephemeral znode with a name of its own. When
 * the answer is lost, the trace decides.
 *
 * It ends with an answer or with the session, and cannot be given up in between: whoever does not want to wait hands the
 * promise to the janitor. See {@link commitOnce} for what leaves no trace of its own.
 */
import { type CallOptions, type Client, isZkError, ZkError } from "@zk/client";
import { isLost } from "./lost.js";
import { settleWrites, unusedPath } from "./settle.js";
import { telemetryOf } from "./telemetry.js";

/** What to commit, and how to find it again. */
export interface CertainCommit<T> {
  /** The session that it belongs to: it is not sent in a later one. */
  readonly sessionId: bigint;
  /** A directory, for a write that settles those before it. */
  readonly directory: string;
  /** Builds the transaction and commits it; called again when it was not applied. */
  readonly commit: (call: CallOptions) => Promise<T>;
  /** Looks for the trace, when nothing is under way any more: undefined says that nothing was applied. */
  readonly find: (call: CallOptions) => Promise<T | undefined>;
}

const FOREVER: CallOptions = { timeoutMs: Number.POSITIVE_INFINITY };

/**
 * Commits, and finds out what became of it.
 *
 * @throws ZkError for what a server refuses, nothing was applied then; SESSION_EXPIRED, CLOSED and the like, `applied` says
 *   what is known
 */
export async function commitCertainly<T>(client: Client, about: CertainCommit<T>): Promise<T> {
  for (;;) {
    refuseInAnother(client, about.sessionId);
    try {
      return await about.commit({ ...FOREVER, retry: "none" });
    } catch (error) {
      if (isZkError(error, "QUEUE_FULL")) await client.drained();
      else if (!isLost(error)) throw error;
      else {
        const { metrics } = telemetryOf(client);
        if (isZkError(error) && error.applied === "maybe") {
          metrics.ambiguous += 1;
          const found = await findOut(client, about);
          if (found !== undefined) return found;
        }
        metrics.retries += 1;
      }
    }
  }
}

async function findOut<T>(client: Client, about: CertainCommit<T>): Promise<T | undefined> {
  const unused = unusedPath(client, about.directory);
  for (;;) {
    refuseInAnother(client, about.sessionId);
    try {
      await settleWrites(client, unused, FOREVER);
      return await about.find(FOREVER);
    } catch (error) {
      if (isZkError(error, "QUEUE_FULL")) await client.drained();
      else if (!isLost(error)) throw error;
    }
  }
}

function refuseInAnother(client: Client, sessionId: bigint): void {
  if (client.sessionId === sessionId) return;
  const message = "the session ended before it was known what became of a transaction";
  throw new ZkError({ code: "SESSION_EXPIRED", message, operation: "transaction" });
}
