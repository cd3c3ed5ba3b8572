/** The check itself: schedules on two targets, until one shows a difference or all are done. */
import { TargetError } from "./admin.js";
import type { Finding } from "./describe.js";
import { generateSchedule } from "./generator.js";
import type { Schedule } from "./operations.js";
import type { RunOptions } from "./run-schedule.js";
import { Runner } from "./runner.js";
import { shrinkSchedule } from "./shrink.js";
import { compareTraces } from "./trace.js";
import type { Target } from "./wire.js";

/** What is to be checked. */
export interface CheckOptions {
  readonly seed: number;
  /** Operations in all. */
  readonly operations: number;
  /** Operations of one schedule; each has its own sessions and its own root. Default: {@link episodeLength}. */
  readonly episodeLength?: number;
  /** Sessions are spread over all servers. Default: false. */
  readonly isSpread?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** How far a check is. */
export type Progress =
  | { readonly phase: "running"; readonly operations: number; readonly entries: number }
  | { readonly phase: "shrinking"; readonly tries: number; readonly length: number };

/** What came of a check. */
export interface CheckResult {
  /** Operations run on both. */
  readonly operations: number;
  readonly episodes: number;
  /** Answers, notifications and endings compared. */
  readonly entries: number;
  /** Undefined: both said the same all along. */
  readonly found: Found | undefined;
}

/** A difference and the smallest schedule that shows it. */
export interface Found extends Finding {
  /** The schedule in which it was found. */
  readonly original: Schedule;
  /** The difference did not show again when its schedule was repeated: `schedule` is then the original one. */
  readonly isFleeting: boolean;
}

/** Operations of one schedule unless told. */
export const episodeLength = 250;

/** Two targets that are to do the same. */
export class Comparison {
  readonly #expected: Runner;
  readonly #actual: Runner;

  /** @param targets `expected` is right, whatever it does */
  constructor(targets: { readonly expected: Target; readonly actual: Target }) {
    this.#expected = new Runner(targets.expected);
    this.#actual = new Runner(targets.actual);
  }

  /**
   * Runs generated schedules until one shows a difference, and shrinks that.
   *
   * @throws TargetError when a server can not go on; the signal's reason
   */
  async check(options: CheckOptions): Promise<CheckResult> {
    const length = Math.min(options.episodeLength ?? episodeLength, options.operations);
    const servers = options.isSpread ? this.#expected.target.servers : 1;
    let [operations, episodes, entries] = [0, 0, 0];
    while (operations < options.operations) {
      const schedule = generateSchedule({ seed: options.seed, episode: episodes, length, servers });
      const finding = await this.compare(schedule, options);
      episodes++;
      operations += schedule.operations.length;
      if ("difference" in finding) {
        return { operations, episodes, entries, found: await this.#shrink(finding, options) };
      }
      entries += finding.entries;
      options.onProgress?.({ phase: "running", operations, entries });
    }
    return { operations, episodes, entries, found: undefined };
  }

  /** Runs one schedule on both. */
  async compare(
    schedule: Schedule,
    options: RunOptions = {},
  ): Promise<Finding | { readonly entries: number }> {
    const run = (runner: Runner): Promise<PromiseSettledResult<Awaited<ReturnType<Runner["run"]>>>[]> =>
      Promise.allSettled([runner.run(schedule, options)]);
    // Both to their end, even when one fails: the sessions of the other are closed then.
    const [[left], [right]] = await Promise.all([run(this.#expected), run(this.#actual)]);
    for (const outcome of [left, right]) {
      if (outcome?.status === "rejected" && outcome.reason instanceof TargetError) {
        outcome.reason.schedule = schedule;
      }
    }
    if (left?.status !== "fulfilled") throw left?.reason;
    if (right?.status !== "fulfilled") throw right?.reason;
    const difference = compareTraces(left.value, right.value);
    if (difference === undefined) return { entries: left.value.length };
    return {
      schedule,
      expected: { name: this.#expected.target.name, trace: left.value },
      actual: { name: this.#actual.target.name, trace: right.value },
      difference,
    };
  }

  /** Ends the sessions behind the scenes; the targets stay. */
  async close(): Promise<void> {
    await Promise.all([this.#expected.close(), this.#actual.close()]);
  }

  async #shrink(first: Finding, options: CheckOptions): Promise<Found> {
    const original = first.schedule;
    const { signal, isSpread = false, onProgress } = options;
    const differs = async (candidate: Schedule): Promise<number> => {
      const finding = await this.compare(candidate, { signal, isSpread });
      return "difference" in finding ? finding.difference.step : -1;
    };
    if ((await differs(original)) < 0) return { ...first, original, isFleeting: true };
    const schedule = await shrinkSchedule(original, {
      differs,
      onTry: (tries, length) => onProgress?.({ phase: "shrinking", tries, length }),
    });
    // For the reader notifications belong to the operation that caused them; for the search that was too slow.
    for (const isPrecise of [true, false]) {
      const finding = await this.compare(schedule, { signal, isSpread, isPrecise });
      if ("difference" in finding) return { ...finding, original, isFleeting: false };
    }
    return { ...first, original, isFleeting: true };
  }
}
