/**
 * Those who wait for the same thing, such as an item or a place: few of them watch for it, the others wait for their turn to watch.
 * However many wait, one change wakes a few, and each who gets what it wants makes room for the next.
 *
 * They stand in several lines and not in one: the first of a line may be stopped without anybody noticing before its session
 * ends, and only those behind it wait for that.
 */
import type { Acl, Client } from "@zk/client";
import { Line } from "../core/line.js";
import { childPath } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { telemetryOf } from "../core/telemetry.js";

/** Lines, and so how many are woken by one change at most. */
const LINES = 3;

/** See the head of this file. */
export class WaitingRoom {
  readonly #client: Client;
  readonly #lines: readonly Line[];

  /** @param directory of the lines; made when it is needed */
  constructor(client: Client, recipe: string, directory: string, acl: readonly Acl[] | undefined) {
    this.#client = client;
    this.#lines = Array.from({ length: LINES }, (_, index) => {
      const line = childPath(directory, String(index));
      return new Line(client, { recipe, directory: line, dialect: "curator", bases: ["lock-"], acl });
    });
  }

  /**
   * Does the work when it is our turn to watch, and leaves the line behind it.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses, and SESSION_EXPIRED; what the work throws
   */
  async whenFirst<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
    const line = await this.#shortest(patience);
    const entry = await line.enter("lock", "", patience);
    let result: T;
    try {
      // One whose znode was taken away watches too: that is one more, and no harm.
      await line.turn(entry, patience);
      result = await work();
    } catch (error) {
      await line.leave(entry);
      throw error;
    }
    // Who has what it waited for need not wait for that.
    void line.leave(entry);
    return result;
  }

  async #shortest(patience: Patience): Promise<Line> {
    const stats = await Promise.all(
      this.#lines.map(({ options }) => patience.read((call) => this.#client.exists(options.directory, call))),
    );
    const lengths = stats.map((stat) => stat?.numChildren ?? 0);
    const shortest = Math.min(...lengths);
    const candidates = this.#lines.filter((_, index) => lengths[index] === shortest);
    const chance = (this.#client.randomness.seed() >>> 0) % candidates.length;
    return candidates[chance] as Line;
  }
}

/** Waits for one of the events that a watch hears of. Dispose of it to take the watch back. */
export class Change implements Disposable {
  /** For reads: sets the watch. */
  readonly watch: () => void;
  readonly #client: Client;
  readonly #paths: readonly string[];
  readonly #happened: Promise<void>;

  /** @param paths where the watch is set */
  constructor(client: Client, paths: readonly string[]) {
    this.#client = client;
    this.#paths = paths;
    let happen = (): void => {};
    this.#happened = new Promise((resolve) => {
      happen = resolve;
    });
    this.watch = () => happen();
  }

  /**
   * Resolves when something happened, or when the time has come.
   * @param limitMs infinity for no such time
   * @throws RecipeError ABORTED, WAIT_TIMEOUT
   */
  async happened(patience: Patience, limitMs: number): Promise<void> {
    let cancelTimer = (): void => {};
    const time = new Promise<void>((resolve) => {
      // Timers of hosts have a limit of their own; to wake up in vain once an hour does no harm.
      if (limitMs < Number.POSITIVE_INFINITY)
        cancelTimer = this.#client.clock.setTimer(Math.min(Math.max(limitMs, 0), HOUR_MS), resolve);
    });
    try {
      await patience.race(Promise.race([this.#happened, time]));
      telemetryOf(this.#client).metrics.wakeUps += 1;
    } finally {
      cancelTimer();
    }
  }

  [Symbol.dispose](): void {
    for (const path of this.#paths) this.#client.unwatch(path, this.watch);
  }
}

const HOUR_MS = 3_600_000;
