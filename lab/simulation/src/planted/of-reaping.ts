/** Faults in reaping. */
import { type Plant, plantsIn } from "./plant.js";

const inReaper = plantsIn("reaper");
const FILE = "reaping/sweeper.ts";

export const OF_REAPING: readonly Plant[] = [
  inReaper(
    "busy-taken-for-empty",
    "a directory that had a child meanwhile counts as empty all the time",
    FILE,
    '  return isSame("czxid") && isSame("mzxid") && isSame("pzxid") && isSame("cversion");\n',
    '  return isSame("czxid") && isSame("mzxid");\n',
  ),
  inReaper(
    "window-never-begins-anew",
    "a directory that was busy goes by the time at which it was empty first",
    FILE,
    "    if (seen === undefined || !isUnchanged(seen.stat, stat)) {\n",
    "    if (seen === undefined) {\n",
  ),
  inReaper(
    "reaped-whatever-was-written",
    "a directory goes although it was written to since the last look",
    FILE,
    "      await this.#remove(path, stat.version, patience, hold);\n",
    "      await this.#remove(path, -1, patience, hold);\n",
  ),
  inReaper(
    "deposed-reaper-goes-on",
    "a reaper whose term is over removes what it has found before",
    FILE,
    "      if (hold === undefined) return await client.remove(",
    "      if (patience !== undefined) return await client.remove(",
  ),
  inReaper(
    "contender-reaped",
    "an ephemeral znode that lasts goes as a directory does, and with it the lock",
    FILE,
    "    if (ephemeralOwner !== 0n || (dataLength > 0 && !withData)) return false;\n",
    "    if (dataLength > 0 && !withData) return false;\n",
  ),
  inReaper(
    "flag-reaped",
    "a znode that says something goes as one that says nothing",
    FILE,
    "(dataLength > 0 && !withData)",
    "(dataLength < 0 && !withData)",
  ),
  inReaper(
    "window-outlives-session",
    "what was found in one session counts in the next",
    FILE,
    "    if (this.#isOtherSession) this.#seen.clear();\n",
    "",
  ),
  inReaper(
    "window-of-first-answer",
    "the window ends with the answer to the last look, not with the question",
    FILE,
    "    const emptyMs = Math.max(0, asOfMs - seen.sinceMs);\n",
    "    const emptyMs = Math.max(0, this.#client.clock.nowMs() - seen.sinceMs);\n",
  ),
];
