/** Which servers a command means: a number, `leader` or `follower`. */

import type { Control } from "../../ensemble/control.js";
import type { ProcessEnsemble } from "../../ensemble/process-ensemble.js";
import { followersAmong, lookAtAll, pick, type Seen, waitForLeader } from "../../ensemble/readiness.js";
import { LabError } from "../../errors.js";

/** Limit in milliseconds for a leader to be found. */
const leaderTimeoutMs = 10_000;

/** A server as it was before a command changed it. */
export interface Target {
  readonly control: Control;
  readonly before: Seen;
}

/**
 * The servers that the words name, each once.
 *
 * @throws LabError `UNKNOWN_SERVER`, `BAD_OPTION`, `NO_LEADER`, `WRONG_STATE` when nobody follows.
 */
export async function findTargets(
  lab: ProcessEnsemble,
  words: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Target[]> {
  const controls = new Set<Control>();
  for (const word of words) controls.add(await findTarget(lab, word, signal));
  const seen = await lookAtAll([...controls]);
  return seen.map((before) => ({ control: before.control, before }));
}

/** `leader`, `follower` …, or how it is when it plays no part. */
export function describeTarget({ before }: Target): string {
  if (before.process !== "running") return before.process;
  return typeof before.look === "string" ? before.look.replace("-", " ") : before.look.mode;
}

async function findTarget(
  lab: ProcessEnsemble,
  word: string,
  signal: AbortSignal | undefined,
): Promise<Control> {
  if (/^\d{1,3}$/.test(word)) return pick(lab.controls, Number(word));
  if (word !== "leader" && word !== "follower") {
    throw new LabError("BAD_OPTION", `"${word}" is no server: say its number, or leader, or follower.`, {
      details: { word },
    });
  }
  const leader = await waitForLeader(lab.controls, { timeoutMs: leaderTimeoutMs, signal });
  if (word === "leader") return leader;
  const [follower] = followersAmong(await lookAtAll(lab.controls));
  if (follower === undefined) throw new LabError("WRONG_STATE", "No server follows the leader just now.");
  return follower;
}
