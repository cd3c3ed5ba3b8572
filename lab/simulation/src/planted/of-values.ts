/** Faults in numbers, transactions, values, latches and multi-locks, among them those that other libraries had. */
import { type Plant, plantsIn } from "./plant.js";

const inNumbers = plantsIn("numbers");
const inShared = plantsIn("shared");
const inSharedCount = plantsIn("shared-count");
const inLatch = plantsIn("latch");
const inMultiLock = plantsIn("multi-lock");

export const OF_VALUES: readonly Plant[] = [
  inNumbers(
    "added-twice",
    "a change whose answer was lost is made again (Curator, kazoo)",
    "core/exactly-once.ts",
    "        return stat?.czxid;\n",
    "        return undefined;\n",
  ),
  inNumbers(
    "range-begins-too-early",
    "the first number of a range is the last one of the range before",
    "values/ids.ts",
    "    this.#next = pre + 1n;\n",
    "    this.#next = pre;\n",
  ),
  inNumbers(
    "refusal-called-made",
    "a transaction that was refused, because what it had read is not so any more, is called made",
    "stm/atomically.ts",
    '      if (isZkError(error) && error.operationIndex !== undefined && CONFLICTS.has(error.code))\n        return "conflict";\n',
    "      if (isZkError(error) && error.operationIndex !== undefined && CONFLICTS.has(error.code))\n        return undefined;\n",
  ),
  inNumbers(
    "lost-commit-repeated",
    "a transaction whose answer was lost is taken for one that somebody else was quicker than",
    "stm/atomically.ts",
    "          await this.#findOut(beforeZxid, error);\n",
    "",
  ),
  inNumbers(
    "compared-once",
    "who has seen the number that is to be replaced, and was too late, replaces the one that came instead",
    "values/atomic.ts",
    "      isExpected = pre === expected;\n",
    "      isExpected ||= pre === expected;\n",
  ),
  inNumbers(
    "write-over-nothing",
    "who writes a number, whatever is there, is told that nothing was",
    "values/atomic.ts",
    "      pre = takesAnything ? this.#numberOrZero(seen) : this.#numberOf(seen);\n",
    "      pre = takesAnything ? this.#kind.zero : this.#numberOf(seen);\n",
  ),
  inNumbers(
    "integer-unwrapped",
    "a number of 32 bits that is to go on at its other end is refused there",
    "values/atomic.ts",
    "      wrap: (value) => value | 0,\n",
    "      wrap: (value) => value,\n",
  ),
  inShared(
    "value-goes-back",
    "an older value that is read late is shown again",
    "values/shared-value.ts",
    "    if (this.#current !== undefined && this.#current.mzxid >= now.mzxid) return;\n",
    "",
  ),
  inShared(
    "compared-by-version",
    "a value is taken for the one that was seen because its version is the same (Curator)",
    "values/shared-value.ts",
    "seen?.stat.mzxid === expected?.mzxid;",
    "seen?.stat.version === expected?.version;",
  ),
  inShared(
    "bad-configuration-shown",
    "data that the schema does not accept takes the place of the last good configuration",
    "config/watched-config.ts",
    "      return this.#bad(data, error, stat.version, stat.mzxid);\n",
    "      value = {};\n",
  ),
  inShared(
    "change-overwrites",
    "a change of a configuration overwrites what somebody else has changed meanwhile",
    "config/update.ts",
    "      const stored = await change((await config.readIn(tx)) ?? config.default);\n",
    "      const read = await atomically(client, (other) => config.readIn(other));\n      const stored = await change(read.value ?? config.default);\n",
  ),
  inSharedCount(
    "counted-without-marker",
    "an addition whose answer was lost is made again (Curator, kazoo)",
    "core/exactly-once.ts",
    "        return stat?.czxid;\n",
    "        return undefined;\n",
  ),
  inSharedCount(
    "session-ends-directory",
    "a write that is made once fails when the session ends while the directory of its markers is being made",
    "core/exactly-once.ts",
    '      if (isZkError(error, "SESSION_EXPIRED"))\n        return sessionAgain(this.#client, this.#patience, this.#options);\n',
    "",
  ),
  inSharedCount(
    "added-to-what-is-shown",
    "what is added to is the number that is shown, which may be an older one",
    "values/shared-count.ts",
    "    const now = await this.update((value = this.#seed) => this.#sum(value, delta), options);\n",
    "    const now = await this.update((value = this.#seed) => this.#sum(this.current?.value ?? value, delta), options);\n",
  ),
  inSharedCount(
    "empty-is-zero",
    "an empty znode, which others make first, is taken for a 0 and not for the seed",
    "values/shared-count.ts",
    "(value = this.#seed) => this.#sum(value, delta)",
    "(value) => this.#sum(value === this.#seed ? 0 : (value ?? 0), delta)",
  ),
  inSharedCount(
    "counted-round",
    "a sum beyond the range goes on at its other end",
    "values/numbers.ts",
    "    if (!Number.isInteger(value) || value < INT_MIN || value > INT_MAX)\n",
    "    if (!Number.isInteger(value))\n",
  ),
  inLatch(
    "latch-leads-in-doubt",
    "a latch leads on while the connection is lost",
    "elections/leader-latch.ts",
    '        else if (state === "suspect" && this.#options.onSuspended !== "wait") this.#endStretch(this.#doubt());\n',
    "",
  ),
  inLatch(
    "latch-gives-up",
    "a latch that has lost its term is no candidate any more (Curator)",
    "elections/leader-latch.ts",
    "    await releaseForCertain(client, hold, patience);\n",
    "    await patience.race(new Promise(() => {}));\n",
  ),
  inLatch(
    "latch-closed-while-leading",
    "a latch that is closed while it leads leaves its candidate in line",
    "elections/leader-latch.ts",
    "      if (this.#stop.signal.aborted) await hold.release().catch(() => {});\n",
    "",
  ),
  inMultiLock(
    "taken-as-named",
    "several locks are taken in the order in which they are named",
    "locks/multi-lock.ts",
    "    this.paths = [...new Set(paths)].sort();\n",
    "    this.paths = [...new Set(paths)];\n",
  ),
  inMultiLock(
    "some-kept",
    "who cannot have all of several locks keeps those that it has",
    "locks/multi-lock.ts",
    "      await releaseAll([...holds.values()]);\n",
    "",
  ),
  inMultiLock(
    "guard-checks-one",
    "a guarded write goes through when one of several locks stands",
    "core/joint-hold.ts",
    "        for (const { path } of others) checked = checked.check(path) as unknown as Transaction;\n",
    '        for (const _ of others) checked = checked.check("/") as unknown as Transaction;\n',
  ),
];
