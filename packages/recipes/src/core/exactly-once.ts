/**
 * A transaction that is applied exactly once, however many answers are lost on the way.
 *
 * A marker, a znode with a name of its own, is created in the same transaction. When the answer is lost, the marker's existence
 * decides, in this session or the next one: it is there, so the transaction was applied; it is not there, and by now nothing
 * that was sent before can be applied any more, so it is sent again.
 *
 * What it costs: a create in each transaction, and a remove after it that nobody waits for. What it does not promise: that no
 * marker stays. A process that dies between the two leaves its marker behind; {@link sweepMarkers} removes those of long ago.
 */
import {
  type Acl,
  type Client,
  isZkError,
  type Transaction,
  type TransactionResult,
  type ZkError,
} from "@zk/client";
import { isRecipeError, RecipeError } from "../errors.js";
import { makeDirectory } from "./directories.js";
import { isLost } from "./lost.js";
import { childPath } from "./paths.js";
import type { Patience } from "./patience.js";
import { withoutFirst } from "./refusals.js";
import { isOver, sessionAgain } from "./sessions.js";
import { settleWrites, unusedPath } from "./settle.js";
import { telemetryOf } from "./telemetry.js";

/** What was done once. */
export interface Once<Results> {
  /** What the transaction did; undefined when its answer was lost and only the marker tells that it was applied. */
  readonly results: Results | undefined;
  /** The transaction's zxid. */
  readonly zxid: bigint;
}

/** Whose transaction it is, and where its marker goes. */
export interface OnceOptions {
  readonly recipe: string;
  /** What it is about, for errors. */
  readonly path: string;
  /** The directory of the markers; made when it is needed. Those who share a recipe's path may share it. */
  readonly markers: string;
  /** Of the markers and their directory. Default: anybody may do anything. */
  readonly acl?: readonly Acl[] | undefined;
}

/** A marker decides for this long, in milliseconds: an answer that is not found out by then is ambiguous. */
const MARKER_DECIDES_MS = 3_600_000;
/** A marker of a process that died is removed when it is so old, in milliseconds of the servers' time. */
const MARKER_SWEPT_MS = 24 * MARKER_DECIDES_MS;

/**
 * Commits a transaction exactly once.
 *
 * @param build adds the writes, and gives the transaction back; called again for each try
 * @throws ZkError with the code of the write that was refused, its `operationIndex` counted from the first of the caller's;
 *   nothing was applied then. RecipeError ABORTED, WAIT_TIMEOUT or SESSION_EXPIRED, whose `applied` says `maybe` when the
 *   wait ended before the answer was found out; AMBIGUOUS when it cannot be found out any more.
 */
export async function commitOnce<Results extends readonly TransactionResult[]>(
  client: Client,
  options: OnceOptions,
  build: (transaction: Transaction) => Transaction<Results>,
  patience: Patience,
): Promise<Once<Results>> {
  const { acl } = options;
  const marker = childPath(options.markers, client.randomness.uuid());
  const once = new OnceAttempt(client, options, marker, patience);
  for (;;) {
    patience.check();
    try {
      // The type of the transaction counts operations; those of the caller begin behind the marker's.
      const marked = client
        .transaction()
        .create(marker, null, acl === undefined ? {} : { acl }) as unknown as Transaction;
      const results: readonly TransactionResult[] = await build(marked).commit({
        ...patience.call,
        retry: "none",
      });
      forgetMarker(client, marker);
      const [made] = results as readonly [TransactionResult, ...TransactionResult[]];
      return { results: results.slice(1) as unknown as Results, zxid: made.zxid };
    } catch (error) {
      if (!isZkError(error)) throw error;
      if (error.applied === "no") await once.refused(error);
      else {
        const zxid = await once.findOut(error);
        if (zxid !== undefined) {
          forgetMarker(client, marker);
          return { results: undefined, zxid };
        }
        telemetryOf(client).metrics.retries += 1;
      }
    }
  }
}

/** One transaction under way. */
class OnceAttempt {
  readonly #client: Client;
  readonly #options: OnceOptions;
  readonly #marker: string;
  readonly #patience: Patience;

  constructor(client: Client, options: OnceOptions, marker: string, patience: Patience) {
    this.#client = client;
    this.#options = options;
    this.#marker = marker;
    this.#patience = patience;
  }

  /** Resolves when it is worth another try: nothing was applied. */
  async refused(error: ZkError): Promise<void> {
    const client = this.#client;
    this.#patience.check();
    if (error.operationIndex === 0 && error.code === "NO_NODE") return this.#makeDirectory();
    if (error.operationIndex !== undefined) throw withoutFirst(error) ?? error;
    if (error.code === "QUEUE_FULL") return this.#patience.race(client.drained());
    if (error.code === "SESSION_EXPIRED") return sessionAgain(client, this.#patience, this.#options);
    if (!isLost(error)) throw error;
    telemetryOf(client).metrics.retries += 1;
  }

  /**
   * Finds out what became of a transaction whose answer was lost.
   * @returns its zxid, or undefined when it was not applied and never will be
   */
  async findOut(lost: ZkError): Promise<bigint | undefined> {
    const client = this.#client;
    telemetryOf(client).metrics.ambiguous += 1;
    const sinceMs = client.clock.nowMs();
    for (;;) {
      try {
        // After the end of a session nothing of it is applied any more; within one, a write of ours has to come behind it.
        if (isOver(client.state)) await sessionAgain(client, this.#patience, this.#options);
        await settleWrites(client, unusedPath(client, this.#options.markers), this.#patience.call);
        const stat = await client.exists(this.#marker, this.#patience.call);
        if (client.clock.nowMs() - sinceMs > MARKER_DECIDES_MS && stat === null) throw this.#ambiguous(lost);
        return stat?.czxid;
      } catch (error) {
        if (this.#patience.signal.aborted) throw this.#undecided(this.#patience.signal.reason, lost);
        if (isRecipeError(error, "SESSION_EXPIRED")) throw this.#undecided(error, lost);
        if (isZkError(error, "QUEUE_FULL")) await this.#patience.race(client.drained());
        else if (!isLost(error) && !isZkError(error, "SESSION_EXPIRED")) {
          if (!isZkError(error)) throw error;
          throw this.#ambiguous(error);
        }
      }
    }
  }

  async #makeDirectory(): Promise<void> {
    const { markers, acl } = this.#options;
    try {
      await makeDirectory(this.#client, markers, acl, this.#patience.call);
    } catch (error) {
      // Whatever becomes of the directory: of the transaction nothing was applied, and it is tried again.
      this.#patience.check();
      if (isZkError(error, "SESSION_EXPIRED"))
        return sessionAgain(this.#client, this.#patience, this.#options);
      if (isZkError(error, "QUEUE_FULL")) return this.#patience.race(this.#client.drained());
      throw error;
    }
    void sweepMarkers(this.#client, markers).catch(() => {
      // Tidying up is nobody's concern here; the next one who finds the directory missing tries again.
    });
  }

  #ambiguous(cause: ZkError): RecipeError {
    const { recipe, path } = this.#options;
    const message = "the answer was lost, and what became of the write cannot be found out";
    return new RecipeError({ code: "AMBIGUOUS", message, recipe, path, applied: "maybe", cause });
  }

  /** The wait ended first. */
  #undecided(ending: unknown, lost: ZkError): unknown {
    // If it was applied after all, its marker must not stay.
    forgetMarker(this.#client, this.#marker);
    if (!isRecipeError(ending)) return ending;
    const { recipe, path } = this.#options;
    const message = "the wait ended before it was found out what became of a write whose answer was lost";
    return new RecipeError({
      code: ending.code,
      message,
      recipe,
      path,
      applied: "maybe",
      cause: ending.cause ?? lost,
    });
  }
}

/**
 * Removes markers that processes left which died long ago.
 *
 * @param markers the directory of the markers
 * @returns how many were removed
 * @throws ZkError of any read or write; a directory that is not there is fine
 */
export async function sweepMarkers(client: Client, markers: string): Promise<number> {
  let removed = 0;
  try {
    // The servers' clock, told by a write of our own: what it says of the markers is of the same clock.
    const nowMs = (await client.setData(markers, null, { retry: "always" })).mtime;
    for (const name of await client.getChildren(markers)) {
      const marker = childPath(markers, name);
      const stat = await client.exists(marker);
      if (stat === null || nowMs - stat.ctime < BigInt(MARKER_SWEPT_MS)) continue;
      await settleWrites(client, marker, {});
      removed += 1;
    }
  } catch (error) {
    if (!isZkError(error, "NO_NODE")) throw error;
  }
  return removed;
}

/** Nobody waits for it; it goes on over lost connections. A marker that stays is swept one day. */
function forgetMarker(client: Client, marker: string): void {
  const { metrics } = telemetryOf(client);
  metrics.janitorTaken += 1;
  metrics.janitorPending += 1;
  client
    .remove(marker, { retry: "always", timeoutMs: Number.POSITIVE_INFINITY })
    .catch((error: unknown) => {
      if (isZkError(error, "NO_NODE")) return;
      metrics.janitorFailed += 1;
      telemetryOf(client).tell({ type: "leftBehind", path: marker, error });
    })
    .finally(() => {
      metrics.janitorPending -= 1;
    });
}
