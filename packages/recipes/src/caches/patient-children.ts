/**
 * The children of a znode, once they have not changed for a while: for groups that come together one by one.
 *
 * What it does not promise: that nobody comes or goes a moment later. Whoever wants to know of that keeps a
 * {@link ChildrenCache}.
 */
import { type Client, isZkError, type Stat } from "@zk/client";
import { checkInteger, checkZnodePath } from "../core/checks.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver, onState, sessionAgain } from "../core/sessions.js";

/** Options of {@link patientChildren}. */
export interface PatientChildrenOptions extends WaitOptions {
  /** Milliseconds for which nobody may have come or gone, and the connection not have been in doubt. */
  readonly quietMs: number;
}

/** What {@link patientChildren} gives. */
export interface SettledChildren {
  readonly names: readonly string[];
  /** The stat of the znode; null when there is none, and so no children. */
  readonly stat: Stat | null;
}

const RECIPE = "patientChildren";

/**
 * Resolves when the children of a znode have settled. A znode that is not there has none. Nothing is left behind then.
 *
 * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, INVALID_ARGUMENT; ZkError NO_AUTH and whatever else a read may
 *   end with
 * @example
 * ```ts
 * const { names } = await patientChildren(client, "/workers", { quietMs: 2_000, timeoutMs: 60_000 });
 * ```
 */
export async function patientChildren(
  client: Client,
  path: string,
  options: PatientChildrenOptions,
): Promise<SettledChildren> {
  const about = { recipe: RECIPE, path };
  checkZnodePath(client, RECIPE, path);
  checkInteger(about, "quietMs", options?.quietMs, { min: 0, max: 2 ** 31 - 1 });
  using patience = new Patience(client, about, options);
  for (;;) {
    let onEvent = (): void => {};
    const changed = new Promise<false>((resolve) => {
      onEvent = () => resolve(false);
    });
    try {
      const children = await list(client, path, patience, onEvent);
      if (await isQuiet(client, options.quietMs, changed, patience)) return children;
    } catch (error) {
      if (!isSessionOver(error)) throw error;
      await sessionAgain(client, patience, about);
    } finally {
      client.unwatch(path, onEvent);
    }
  }
}

async function list(
  client: Client,
  path: string,
  patience: Patience,
  watch: () => void,
): Promise<SettledChildren> {
  for (;;) {
    try {
      const { children, stat } = await patience.read((call) =>
        client.getChildrenWithStat(path, { ...call, watch }),
      );
      return { names: children, stat };
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
    }
    if ((await patience.read((call) => client.exists(path, { ...call, watch }))) === null) {
      return { names: [], stat: null };
    }
  }
}

/** Whether nothing happens for that long. A connection that is in doubt may hide something. */
async function isQuiet(
  client: Client,
  quietMs: number,
  changed: Promise<false>,
  patience: Patience,
): Promise<boolean> {
  let cancelTimer = (): void => {};
  let unsubscribe = (): void => {};
  const quiet = new Promise<boolean>((resolve) => {
    cancelTimer = client.clock.setTimer(quietMs, () => resolve(client.state === "connected"));
    unsubscribe = onState(client, () => resolve(false));
  });
  try {
    return await patience.race(Promise.race([quiet, changed]));
  } finally {
    cancelTimer();
    unsubscribe();
  }
}
