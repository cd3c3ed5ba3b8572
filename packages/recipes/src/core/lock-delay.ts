/**
 * A pause between two holders of one line, when the first of them was lost and did not give back what it had: a process that was
 * cut off may still be at work, and what it has sent may still be on its way, when its session is over for the servers. Chubby and
 * Consul call it a lock delay.
 *
 * The directory of the line says how it stands, for contenders are gone when it is asked:
 * - `held`, by which contender: written when its turn has come, and before anybody is told that it has what it stood in line for.
 *   Who only waited was never written down, and its going means nothing.
 * - nothing: written in the transaction that removes that contender, if its hold was given back and not lost.
 * - `lapsed`: written by whoever is first in line and finds `held` by one who is gone. The pause begins with that.
 *
 * Each of the three is written only while the writer's contender stands and is the first in line, so that there is one writer. Times
 * are the leader's: the stamp of that write, and of a later one to the own contender. Whoever goes while it waits here leaves the
 * rest of the pause to the next.
 *
 * What it does not promise: anything of those who write no such thing, such as contenders of other libraries, or ours without the
 * option. They do not pause, and nobody pauses behind them. A directory that is removed takes what it says along.
 */
import { type Client, isZkError, type Transaction } from "@zk/client";
import { RecipeError } from "../errors.js";
import { Bell, rungOrAfter } from "./bell.js";
import { checkInteger } from "./checks.js";
import { removeWithMark } from "./clean-end.js";
import type { HoldDetails } from "./hold.js";
import { type Removal, removeOwned, whileConnected } from "./janitor.js";
import type { Entry, Line } from "./line.js";
import { isLost } from "./lost.js";
import type { Patience } from "./patience.js";
import { telemetryOf } from "./telemetry.js";

/** The option of everything that has such a pause. */
export interface LockDelayOptions {
  /**
   * Milliseconds that the next holder waits when the last one was lost and did not give it back: by the leader's clock, from when
   * its going was found out. All who share the path give the same, and it is for ours alone; of two the longer one counts. It costs
   * a read and a write for each holder, and needs the permission to write to the directory. Default 0: none, and nothing is
   * asked or written for it.
   */
  readonly lockDelayMs?: number;
}

/** What became of the first in line: it may have what it stands for, it is gone, or the pause is not over. */
export type Admission = "admitted" | "gone" | "paused";

/** A day. */
const DELAY_MS_MAX = 86_400_000;
const VERSION = 1;

interface Standing {
  readonly state: "held" | "lapsed";
  /** The name of the contender that has it, or had it last. */
  readonly by: string;
  readonly delayMs: number;
}

interface Found {
  readonly standing: Standing | undefined;
  readonly version: number;
  readonly stampMs: number;
}

/** See the head of this file. */
export class LockDelay {
  readonly #line: Line;
  readonly #delayMs: number;
  /** Contenders that may have been written down as holders. */
  readonly #written = new WeakSet<Entry>();

  /** @throws RecipeError INVALID_ARGUMENT. @returns undefined when there is to be no pause */
  static of(line: Line, { lockDelayMs = 0 }: LockDelayOptions): LockDelay | undefined {
    const about = { recipe: line.options.recipe, path: line.options.directory };
    checkInteger(about, "lockDelayMs", lockDelayMs, { min: 0, max: DELAY_MS_MAX });
    if (lockDelayMs === 0) return undefined;
    if (line.options.containers === true) {
      const message =
        "lockDelayMs is remembered by the directory, and one of `containers: true` goes meanwhile";
      throw new RecipeError({ code: "INVALID_ARGUMENT", message, ...about });
    }
    return new LockDelay(line, lockDelayMs);
  }

  private constructor(line: Line, delayMs: number) {
    this.#line = line;
    this.#delayMs = delayMs;
  }

  /**
   * For the first in line: writes down that it has what it stands for, as soon as that may be.
   *
   * @param isToWait whether to wait for the end of a pause
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses, and when the session is over. It does not count as
   *   a holder then; its contender is still to be removed.
   */
  async admit(entry: Entry, patience: Patience, isToWait: boolean): Promise<Admission> {
    for (;;) {
      patience.check();
      if (this.#client.sessionId !== entry.sessionId) return "gone";
      const found = await this.#read(patience);
      if (found === undefined) return "gone";
      if (found.standing?.state === "held" && found.standing.by === entry.name) return "admitted";
      using bell = new Bell(this.#client);
      const leftMs = await this.#leftMs(entry, found, patience, bell);
      if (leftMs === "gone") return "gone";
      if (leftMs === "again") continue;
      if (leftMs > 0) {
        if (!isToWait) return "paused";
        await this.#pause(leftMs, bell, patience);
        continue;
      }
      this.#written.add(entry);
      const held: Standing = { state: "held", by: entry.name, delayMs: this.#delayMs };
      const written = await this.#write(entry, found, held, patience);
      if (written === "gone") return "gone";
      if (written !== "again") return "admitted";
    }
  }

  /** Takes a contender out again that has nothing to hold. One that was written down as the holder never was it. */
  async leave(entry: Entry): Promise<void> {
    if (!this.#written.has(entry)) return await this.#line.leave(entry);
    const { sessionTimeoutMs } = this.#client;
    await whileConnected(this.#client, this.#remove(entry, "released"), sessionTimeoutMs / 3);
  }

  /** What the hold of an admitted contender is made with. */
  ending(entry: Entry): Required<Pick<HoldDetails, "remove">> {
    return { remove: (end) => this.#remove(entry, end) };
  }

  /** Removes the contender of a hold that has ended. Never rejects. */
  #remove(entry: Entry, end: "released" | "lost"): Promise<Removal> {
    if (end === "lost") return removeOwned(this.#client, entry);
    const { directory: path } = this.#line.options;
    return removeWithMark(this.#client, entry, { path, data: null });
  }

  get #client(): Client {
    return this.#line.client;
  }

  /** Undefined when there is no directory, and so no contender. */
  async #read(patience: Patience): Promise<Found | undefined> {
    const { directory } = this.#line.options;
    try {
      const { data, stat } = await patience.read((call) => this.#client.getData(directory, call));
      return { standing: decode(data), version: stat.version, stampMs: Number(stat.mtime) };
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  /** For how long it still has to wait. The bell then rings when something happens to its contender. */
  async #leftMs(
    entry: Entry,
    found: Found,
    patience: Patience,
    bell: Bell,
  ): Promise<number | "gone" | "again"> {
    const { standing, stampMs } = found;
    // What somebody else has written there says nothing of a holder.
    if (standing === undefined) return 0;
    if (standing.state === "held") {
      const lapsed = await this.#write(entry, found, { ...standing, state: "lapsed" }, patience);
      return typeof lapsed === "string" ? lapsed : "again";
    }
    const nowMs = await this.#nowMs(entry, patience, bell);
    if (nowMs === undefined) return "gone";
    if (nowMs >= stampMs) return stampMs + Math.max(standing.delayMs, this.#delayMs) - nowMs;
    // The leader's clock is behind that of the one before: the pause begins anew, by this one's.
    const again = await this.#write(entry, found, standing, patience);
    return again === "gone" ? "gone" : "again";
  }

  /**
   * The leader's clock, as it stamps a write to our own contender, which stays as it is: somebody may have written there that it is
   * to be given back. Undefined when it is gone.
   */
  async #nowMs({ path }: Entry, patience: Patience, bell: Bell): Promise<number | undefined> {
    const client = this.#client;
    for (;;) {
      try {
        const { data, stat } = await patience.read((call) => client.getData(path, call));
        const { mtime, version } = await patience.read((call) =>
          client.setData(path, data, { ...call, version: stat.version, retry: "none" }),
        );
        const { stat: now } = await patience.read((call) =>
          client.getData(path, { ...call, watch: bell.at(path) }),
        );
        if (now.version !== version) bell.ring();
        return Number(mtime);
      } catch (error) {
        if (isZkError(error, "NO_NODE")) return undefined;
        if (!isZkError(error, "BAD_VERSION")) throw error;
      }
    }
  }

  /** Writes to the directory, if it is as it was read and our contender stands. */
  async #write(
    { path: own, sessionId }: Entry,
    { version }: Found,
    standing: Standing,
    patience: Patience,
  ): Promise<undefined | "gone" | "again"> {
    const client = this.#client;
    const { directory } = this.#line.options;
    try {
      if (client.sessionId !== sessionId) return "gone";
      const checked = client.transaction().check(own) as unknown as Transaction;
      await checked
        .setData(directory, encode(standing), { version })
        .commit({ ...patience.call, retry: "none" });
      return undefined;
    } catch (error) {
      patience.check();
      if (isZkError(error, "NO_NODE")) return "gone";
      if (isZkError(error, "QUEUE_FULL")) await patience.race(client.drained());
      // What became of it is seen by reading again: nobody else writes.
      else if (!isLost(error) && !isZkError(error, "BAD_VERSION")) throw error;
      return "again";
    }
  }

  async #pause(leftMs: number, bell: Bell, patience: Patience): Promise<void> {
    const client = this.#client;
    const about = { recipe: this.#line.options.recipe, path: this.#line.options.directory };
    telemetryOf(client).tell({ type: "delayed", ...about, forMs: leftMs });
    await rungOrAfter(client, about, bell, leftMs, patience);
  }
}

function encode(standing: Standing): string {
  return JSON.stringify({ version: VERSION, ...standing });
}

/** Undefined for what is not ours: nothing at all, or what other libraries write into directories. */
function decode(data: Uint8Array | null): Standing | undefined {
  let read: unknown;
  try {
    read = JSON.parse(new TextDecoder().decode(data ?? new Uint8Array(0)));
  } catch {
    return undefined;
  }
  const { version, state, by, delayMs } = Object(read) as Record<string, unknown>;
  const isState = state === "held" || state === "lapsed";
  if (version !== VERSION || !isState || typeof by !== "string" || !Number.isFinite(delayMs))
    return undefined;
  return { state, by, delayMs: delayMs as number };
}
