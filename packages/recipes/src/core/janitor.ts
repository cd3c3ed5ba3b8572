/**
 * Removes what a recipe left: znodes of waits that were given up, of holds that were released or lost. It goes on, whatever
 * happens to connections, until the server says that the znode is gone, or the session is over and the znode with it.
 *
 * Only for ephemeral znodes of names that nobody else uses: a name of a uuid, or one that is ours as long as our session
 * lives.
 */
import { type Client, isZkError } from "@zk/client";
import { isOver, onState } from "./sessions.js";
import { telemetryOf } from "./telemetry.js";

/**
 * How a removal ended: the server said that the znode is gone, or the session that owned it ended, or it cannot be done
 * (no permission, children).
 */
export type Removal =
  | { readonly outcome: "removed" | "sessionOver" }
  | { readonly outcome: "failed"; readonly error: unknown };

/** An ephemeral znode and the session that owns it. */
export interface Owned {
  readonly path: string;
  readonly sessionId: bigint;
}

/** Removes a znode of ours. Never rejects. */
export async function removeOwned(client: Client, owned: Owned): Promise<Removal> {
  const { metrics } = telemetryOf(client);
  metrics.janitorTaken += 1;
  metrics.janitorPending += 1;
  const removal = await remove(client, owned);
  metrics.janitorPending -= 1;
  if (removal.outcome === "failed") {
    metrics.janitorFailed += 1;
    telemetryOf(client).tell({ type: "leftBehind", path: owned.path, error: removal.error });
  }
  return removal;
}

/** Removes the znode that a creation under way will have made, if it makes one. Never rejects. */
export async function removeWhenMade(client: Client, making: Promise<Owned>): Promise<Removal> {
  const { metrics } = telemetryOf(client);
  metrics.janitorTaken += 1;
  metrics.janitorPending += 1;
  let removal: Removal;
  try {
    removal = await remove(client, await making);
  } catch {
    // It was not made, or the client itself looks for it: a protected create sees to that.
    removal = { outcome: "removed" };
  }
  metrics.janitorPending -= 1;
  return removal;
}

/**
 * Waits until the janitor is done, but no longer than it can be: not while the connection is lost, and at most `limitMs`.
 * @returns how it ended, or undefined when the janitor goes on alone
 */
export function whileConnected(
  client: Client,
  removal: Promise<Removal>,
  limitMs: number,
): Promise<Removal | undefined> {
  return new Promise((resolve) => {
    const done = (ended: Removal | undefined): void => {
      cancelTimer();
      unsubscribe();
      resolve(ended);
    };
    const look = (): void => {
      // A session that is over has taken the znode along; the janitor says so in a moment.
      if (client.state !== "connected" && !isOver(client.state)) done(undefined);
    };
    const cancelTimer = client.clock.setTimer(limitMs, () => done(undefined));
    const unsubscribe = onState(client, look);
    removal.then(done);
    look();
  });
}

async function remove(client: Client, { path, sessionId }: Owned): Promise<Removal> {
  for (;;) {
    if (isOver(client.state) || client.sessionId !== sessionId) return { outcome: "sessionOver" };
    try {
      await client.remove(path, { retry: "always", timeoutMs: Number.POSITIVE_INFINITY });
      return { outcome: "removed" };
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return { outcome: "removed" };
      if (isZkError(error, "QUEUE_FULL")) await client.drained();
      else if (isOver(client.state) || client.sessionId !== sessionId) return { outcome: "sessionOver" };
      else if (!isZkError(error, "CONNECTION_LOSS")) return { outcome: "failed", error };
    }
  }
}
