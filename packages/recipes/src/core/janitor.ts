/**
 * Removes what a recipe left: znodes of waits that were given up, of holds that were released or lost. It goes on, whatever
 * happens to connections, until the server says that the znode is gone, or the session is over and the znode with it.
 *
 * Only for ephemeral znodes of names that nobody else uses, such as those with a uuid; {@link removeExactly} is for others.
 */
import { type Client, isZkError } from "@zk/client";
import { Backoff } from "./backoff.js";
import { isLost } from "./lost.js";
import { isOver, onState } from "./sessions.js";
import { telemetryOf } from "./telemetry.js";

/**
 * How a removal ended: the server said that the znode is gone, or the session that owned it ended, or the server does not let us.
 * That last is told, and it is tried again, because permissions come back and others wait for the znode: `later` says how that ends.
 */
export type Removal =
  | { readonly outcome: "removed" | "sessionOver" }
  | { readonly outcome: "failed"; readonly error: unknown; readonly later: Promise<Removal> };

/** An ephemeral znode and the session that owns it. */
export interface Owned {
  readonly path: string;
  readonly sessionId: bigint;
}

/** Removes a znode of ours. Never rejects. */
export function removeOwned(client: Client, owned: Owned): Promise<Removal> {
  return removeBy(client, owned, () => removeOnce(client, owned));
}

/**
 * Removes a znode of a name that others may use as well, such as the id of a member: only the very znode that we made. If ours
 * is gone and another has been made in its place, that one stays. Never rejects.
 *
 * A server compares versions and not czxids, so the two are compared here, and the version there. What that leaves open: another
 * znode with the same version that takes the place of ours within one round trip, which needs somebody who removed ours by hand; who takes over sees to it that the versions differ.
 */
export function removeExactly(client: Client, owned: Owned & { readonly czxid: bigint }): Promise<Removal> {
  const forever = { timeoutMs: Number.POSITIVE_INFINITY };
  return removeBy(client, owned, async () => {
    for (;;) {
      // The server that we are on may not know yet what others did.
      await client.sync(owned.path, forever);
      const stat = await client.exists(owned.path, forever);
      if (stat?.czxid !== owned.czxid) return;
      try {
        return await client.remove(owned.path, { ...forever, version: stat.version, retry: "none" });
      } catch (error) {
        // Its data was changed in between.
        if (!isZkError(error, "BAD_VERSION")) throw error;
      }
    }
  });
}

/** Removes the znodes that a write under way will have made, if it makes any. Never rejects. */
export async function removeWhenMade(
  client: Client,
  making: Promise<Owned | readonly Owned[]>,
): Promise<Removal> {
  let made: Owned | readonly Owned[];
  const { metrics } = telemetryOf(client);
  metrics.janitorPending += 1;
  try {
    made = await making;
  } catch {
    // It was not made, or the client itself looks for it: a protected create sees to that.
    return { outcome: "removed" };
  } finally {
    metrics.janitorPending -= 1;
  }
  return await removeAll(client, "path" in made ? [made] : made);
}

/** Removes znodes of ours. Never rejects. @returns what became of the one that fared worst */
export async function removeAll(client: Client, owned: readonly Owned[]): Promise<Removal> {
  const removals = await Promise.all(owned.map((each) => removeOwned(client, each)));
  return (
    removals.find(({ outcome }) => outcome === "failed") ?? removals[0] ?? { outcome: "removed" as const }
  );
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

function removeOnce(client: Client, { path }: Owned): Promise<void> {
  return client.remove(path, { retry: "always", timeoutMs: Number.POSITIVE_INFINITY });
}

/**
 * Calls the attempt until it resolves, which says that the znode is gone, or until the session is over. Never rejects.
 * @param attempt is called again after it rejected with CONNECTION_LOSS or QUEUE_FULL; NO_NODE is a success
 */
export async function removeBy(client: Client, owned: Owned, attempt: () => Promise<void>): Promise<Removal> {
  const { metrics } = telemetryOf(client);
  metrics.janitorTaken += 1;
  metrics.janitorPending += 1;
  const removal = await remove(client, owned, attempt);
  metrics.janitorPending -= 1;
  if (removal.outcome !== "failed") return removal;
  metrics.janitorFailed += 1;
  telemetryOf(client).tell({ type: "leftBehind", path: owned.path, error: removal.error });
  return { ...removal, later: removeAfterAll(client, owned, attempt) };
}

/** Tries again and again what the server does not let us, with pauses that grow, until it does or the session is over. */
async function removeAfterAll(client: Client, owned: Owned, attempt: () => Promise<void>): Promise<Removal> {
  const backoff = new Backoff(client);
  for (;;) {
    await pauseInSession(client, owned, backoff.nextMs());
    const removal = await remove(client, owned, attempt);
    if (removal.outcome !== "failed") return removal;
  }
}

/** Resolves after a time, or when the session is over. */
function pauseInSession(client: Client, { sessionId }: Owned, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancelTimer();
      unsubscribe();
      resolve();
    };
    const cancelTimer = client.clock.setTimer(delayMs, done);
    const look = (): void => {
      if (isOver(client.state) || client.sessionId !== sessionId) done();
    };
    const unsubscribe = onState(client, look);
    look();
  });
}

async function remove(
  client: Client,
  { sessionId }: Owned,
  attempt: () => Promise<void>,
): Promise<Exclude<Removal, { readonly outcome: "failed" }> | { outcome: "failed"; error: unknown }> {
  for (;;) {
    if (isOver(client.state) || client.sessionId !== sessionId) return { outcome: "sessionOver" };
    try {
      await attempt();
      return { outcome: "removed" };
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return { outcome: "removed" };
      if (isZkError(error, "QUEUE_FULL")) await client.drained();
      else if (isOver(client.state) || client.sessionId !== sessionId) return { outcome: "sessionOver" };
      else if (!isLost(error)) return { outcome: "failed", error };
    }
  }
}
