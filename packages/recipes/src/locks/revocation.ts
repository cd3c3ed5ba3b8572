/**
 * Asking whoever has a lock to give it back.
 *
 * It is a request: the holder hears of it by `hold.revocation` and does what it thinks right. With `force` its contender is
 * removed after a while, and it hears of that as of any loss; what it writes through the guard is refused from then on.
 *
 * Layout: the bytes `__REVOKE__` written to the holder's znode, as Curator's Revoker does.
 *
 * Source: Curator 5.4.0, InterProcessMutex.java, makeRevocable, and LockInternals.java, REVOKE_MESSAGE
 */
import { type Client, isZkError } from "@zk/client";
import { checkRecipePath } from "../core/checks.js";
import { counted } from "../core/contention.js";
import { baseOf, type Dialect } from "../core/dialects.js";
import { Line } from "../core/line.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isRecipeError } from "../errors.js";

const MESSAGE = "__REVOKE__";
const RECIPE = "revoke";

/** Options of {@link revoke}. */
export interface RevokeOptions extends WaitOptions {
  /** Milliseconds that the holder is given. Default: until the wait ends by itself. */
  readonly graceMs?: number;
  /** Remove the holder's znode when it has not given the lock back by then. Default false. */
  readonly force?: boolean;
  /** Whose names the lock has. Default `curator`. */
  readonly dialect?: Dialect;
}

/**
 * - `free`: nobody had the lock.
 * - `released`: the holder gave it back, or lost it.
 * - `forced`: the holder's znode was removed.
 * - `ignored`: the holder still had it when its time was over.
 */
export type RevokeOutcome = "free" | "released" | "forced" | "ignored";

/** Whether these are the bytes with which a holder is asked to give back what it has. */
export function isRevocation(data: Uint8Array | null): boolean {
  return data !== null && new TextDecoder().decode(data) === MESSAGE;
}

/**
 * Asks the holder of a lock to give it back, and waits until it has.
 *
 * @param path the lock's directory
 * @throws RecipeError INVALID_ARGUMENT, ABORTED, WAIT_TIMEOUT; ZkError of any read or write
 */
export async function revoke(
  client: Client,
  path: string,
  options: RevokeOptions = {},
): Promise<RevokeOutcome> {
  checkRecipePath(RECIPE, path);
  const about = { recipe: RECIPE, path };
  using patience = new Patience(client, about, options);
  const dialect = options.dialect ?? "curator";
  const line = new Line(client, {
    recipe: RECIPE,
    directory: path,
    dialect,
    bases: [baseOf(dialect, "lock")],
  });
  return await counted(client, async () => {
    const [holder] = (await line.list(patience)).contenders;
    if (holder === undefined) return "free";
    const znode = childPath(path, holder.name);
    try {
      const { version } = await client.setData(znode, MESSAGE, { ...patience.call, retry: "always" });
      if (await isGoneInTime(client, znode, patience, options.graceMs)) return "released";
      if (options.force !== true) return "ignored";
      // By its version: were it another one by now, it would not be the one that was asked.
      await client.remove(znode, { ...patience.call, version });
      return "forced";
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return "released";
      throw error;
    }
  });
}

async function isGoneInTime(
  client: Client,
  path: string,
  patience: Patience,
  graceMs: number = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  using grace = new Patience(
    client,
    { recipe: RECIPE, path },
    { timeoutMs: graceMs, signal: patience.signal },
  );
  try {
    for (;;) {
      let tell = (): void => {};
      const changed = new Promise<void>((resolve) => {
        tell = resolve;
      });
      try {
        await grace.read((call) => client.getData(path, { ...call, watch: tell }));
        await grace.race(changed);
      } finally {
        client.unwatch(path, tell);
      }
    }
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return true;
    // The whole wait has ended, or only the holder's time.
    patience.check();
    if (isRecipeError(error, "WAIT_TIMEOUT")) return false;
    throw error;
  }
}
