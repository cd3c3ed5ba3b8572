/**
 * Asking whoever has a lock to give it back.
 *
 * It is a request: the holder hears of it by `hold.revocation` and does what it thinks right. With `force` its contender is
 * removed after a while, and it hears of that as of any loss; what it writes through the guard is refused from then on.
 *
 * Of a read-write lock all are asked who have it: its one writer, or the readers that no writer is before.
 *
 * Layout: the bytes `__REVOKE__` written to the holder's znode, as Curator's Revoker does.
 *
 * Source: Curator 5.4.0, InterProcessMutex.java, makeRevocable, and LockInternals.java, REVOKE_MESSAGE
 */
import { type Client, isZkError } from "@zk/client";
import { checkDialect, checkRecipe, invalid } from "../core/checks.js";
import { counted } from "../core/contention.js";
import { baseOf, type Dialect } from "../core/dialects.js";
import { Line } from "../core/line.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import type { Contender } from "../core/sequence.js";
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
 *
 * Of several readers it is the last of these that is true of one of them.
 */
export type RevokeOutcome = "free" | "released" | "forced" | "ignored";

/** Whether these are the bytes with which a holder is asked to give back what it has. */
export function isRevocation(data: Uint8Array | null): boolean {
  return data?.length === MESSAGE.length && new TextDecoder().decode(data) === MESSAGE;
}

/**
 * Asks the holder of a {@link Lock}, or those of a {@link ReadWriteLock}, to give it back, and waits until they have.
 *
 * @param path the lock's directory
 * @throws RecipeError INVALID_ARGUMENT, ABORTED, WAIT_TIMEOUT; ZkError of any read or write
 * @example
 * ```ts
 * const outcome = await revoke(client, "/locks/report", { graceMs: 5_000, force: true });
 * ```
 */
export async function revoke(
  client: Client,
  path: string,
  options: RevokeOptions = {},
): Promise<RevokeOutcome> {
  checkRecipe(client, RECIPE, path, options);
  const { dialect = "curator" } = options;
  checkDialect(RECIPE, path, dialect);
  const { graceMs = Number.POSITIVE_INFINITY } = options;
  if (!(graceMs >= 0)) throw invalid({ recipe: RECIPE, path }, "graceMs", "a number of at least 0", graceMs);
  const roles = ["lock", "read", "write"] as const;
  const bases = [...new Set(roles.map((role) => baseOf(dialect, role)))];
  const line = new Line(client, { recipe: RECIPE, directory: path, dialect, bases });
  using patience = new Patience(client, { recipe: RECIPE, path }, options);
  // Where one of them cannot be asked, the others are not waited for.
  const failed = new AbortController();
  const signal = AbortSignal.any([patience.signal, failed.signal]);
  using each = new Patience(client, { recipe: RECIPE, path }, { signal });
  return await counted(client, { recipe: RECIPE, path }, async () => {
    const holders = holdersAmong((await line.list(patience)).contenders, baseOf(dialect, "read"));
    const asked = holders.map(({ name }) => revokeOne(client, childPath(path, name), options, each));
    try {
      const outcomes = await Promise.all(asked);
      return WORST_FIRST.find((outcome) => outcomes.includes(outcome)) ?? "free";
    } finally {
      failed.abort();
      await Promise.allSettled(asked);
    }
  });
}

const WORST_FIRST: readonly RevokeOutcome[] = ["ignored", "forced", "released"];

/** The first, and if that is a reader the readers behind it as well. */
function holdersAmong(contenders: readonly Contender[], readBase: string): readonly Contender[] {
  const firstOther = contenders.findIndex(({ prefix }) => !prefix.endsWith(readBase));
  return firstOther < 0 ? contenders : contenders.slice(0, Math.max(1, firstOther));
}

async function revokeOne(
  client: Client,
  path: string,
  { graceMs, force = false }: RevokeOptions,
  patience: Patience,
): Promise<RevokeOutcome> {
  try {
    let { version, czxid } = await patience.ask((call) =>
      client.setData(path, MESSAGE, { ...call, retry: "always" }),
    );
    if (await isGoneInTime(client, path, patience, graceMs)) return "released";
    if (!force) return "ignored";
    for (;;) {
      try {
        // By its version: were it another one by now, it would not be the one that was asked.
        await patience.ask((call) => client.remove(path, { ...call, version, retry: "always" }));
        return "forced";
      } catch (error) {
        if (!isZkError(error, "BAD_VERSION")) throw error;
        // Somebody else has asked it as well.
        const stat = await patience.read((call) => client.exists(path, call));
        if (stat?.czxid !== czxid) return "released";
        ({ version, czxid } = stat);
      }
    }
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return "released";
    throw error;
  }
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
