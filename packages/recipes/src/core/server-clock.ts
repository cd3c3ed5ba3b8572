/**
 * The servers' clock, as the time of a write tells it.
 *
 * The leader stamps every write with its own clock. A write to a scratch znode, and the time it took, give the difference to the
 * clock of this process; it is kept for a while and forgotten when the connection is lost, because the next leader has a
 * clock of its own. What it does not promise: more than half the round trip of accuracy, and that a new leader's clock goes on
 * where the old one's was.
 *
 * Times are milliseconds since 1970, as in a Stat.
 */
import { type Acl, type Client, isZkError } from "@zk/client";
import { checkRecipe } from "./checks.js";
import { makeDirectory } from "./directories.js";
import { isLost } from "./lost.js";
import type { Patience } from "./patience.js";
import { onState } from "./sessions.js";

/** A measured difference is believed for so long, in milliseconds. */
const MEASURED_FOR_MS = 60_000;

const FOREVER = { timeoutMs: Number.POSITIVE_INFINITY };

interface Measured {
  /** What has to be added to the client's clock. */
  readonly offsetMs: number;
  readonly atMs: number;
}

/** See the head of this file. */
export class ServerClock {
  readonly #client: Client;
  readonly #scratch: string;
  readonly #acl: readonly Acl[] | undefined;
  #measured: Measured | undefined;
  #measuring: Promise<Measured> | undefined;
  #unsubscribe = (): void => {};

  /**
   * @param scratch a znode that is written to and means nothing; made when it is needed
   * @param acl of the scratch znode. Default: anybody may do anything.
   */
  constructor(client: Client, scratch: string, acl?: readonly Acl[]) {
    checkRecipe(client, "ServerClock", scratch);
    this.#client = client;
    this.#scratch = scratch;
    this.#acl = acl;
  }

  /**
   * What the servers' clock says now; measured first if it was not lately.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses
   */
  async nowMs(patience: Patience): Promise<number> {
    const { clock } = this.#client;
    let measured = this.#measured;
    if (measured === undefined || clock.nowMs() - measured.atMs > MEASURED_FOR_MS) {
      this.#measuring ??= this.#measure().finally(() => {
        this.#measuring = undefined;
      });
      measured = await patience.race(this.#measuring);
    }
    return clock.nowMs() + measured.offsetMs;
  }

  async #measure(): Promise<Measured> {
    const client = this.#client;
    for (;;) {
      const sentMs = client.clock.nowMs();
      let isDisturbed = false;
      const forget = onState(client, () => {
        isDisturbed = true;
      });
      try {
        const { mtime } = await client.setData(this.#scratch, null, { ...FOREVER, retry: "always" });
        // A write that waited for a connection says little of when it was made.
        if (isDisturbed) continue;
        const atMs = client.clock.nowMs();
        // The stamp is a whole number of milliseconds, rounded down.
        const measured = { offsetMs: Number(mtime) + 0.5 - (sentMs + atMs) / 2, atMs };
        this.#keep(measured);
        return measured;
      } catch (error) {
        if (isZkError(error, "NO_NODE")) await makeDirectory(client, this.#scratch, this.#acl, FOREVER);
        else if (isZkError(error, "QUEUE_FULL")) await client.drained();
        else if (!isLost(error)) throw error;
      } finally {
        forget();
      }
    }
  }

  #keep(measured: Measured): void {
    this.#unsubscribe();
    this.#measured = measured;
    this.#unsubscribe = onState(this.#client, () => {
      this.#measured = undefined;
      this.#unsubscribe();
    });
  }
}

/**
 * A moment that has passed by the leader's clock, told by the stamp of a write of our own. Whatever is stamped later is not before
 * it, as long as the leader stays: for those who must not act a part of a millisecond too early.
 *
 * @param scratch a znode that is written to and means nothing; made when it is needed
 * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses, and when the session is over
 */
export async function leaderStampMs(
  client: Client,
  scratch: string,
  acl: readonly Acl[] | undefined,
  patience: Patience,
): Promise<number> {
  for (;;) {
    try {
      return Number((await patience.read((call) => client.setData(scratch, null, call))).mtime);
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
      await patience.read((call) => makeDirectory(client, scratch, acl, call));
    }
  }
}
