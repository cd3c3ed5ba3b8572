/** Faults in the delay behind holders that were lost: it is missing, or it is where it should not be. */
import { type Plant, plantsIn } from "./plant.js";

const inLockDelay = plantsIn("lock-delay");

export const OF_DELAYS: readonly Plant[] = [
  inLockDelay(
    "delay-not-waited-for",
    "whoever comes behind a holder that was lost finds that out, and has the lock at once",
    "core/lock-delay.ts",
    "return stampMs + Math.max(standing.delayMs, this.#delayMs) - nowMs;",
    "return stampMs - nowMs;",
  ),
  inLockDelay(
    "holder-not-written-down",
    "a holder is not written down, so that nobody knows of it when it is lost",
    "core/lock-delay.ts",
    "      this.#written.add(entry);\n",
    '      if (leftMs === 0) return "admitted";\n      this.#written.add(entry);\n',
  ),
  inLockDelay(
    "lost-lock-called-given-back",
    "a lock that was lost, and is still used for a moment, is called given back when its contender is removed",
    "core/lock-delay.ts",
    '    if (end === "lost") return removeOwned(this.#client, entry);\n',
    "",
  ),
  inLockDelay(
    "given-back-lock-delays",
    "a lock that was given back counts as lost",
    "core/lock-delay.ts",
    "return removeWithMark(this.#client, entry, { path, data: null });",
    "return removeOwned(this.#client, entry);",
  ),
  inLockDelay(
    "given-up-lock-delays",
    "who gives up while it is written down as the holder, which it never was, counts as lost",
    "core/lock-delay.ts",
    "if (!this.#written.has(entry)) return",
    "if (entry !== undefined) return",
  ),
  inLockDelay(
    "delay-by-own-clock",
    "the end of a delay is waited for by the own clock, which may jump, and not asked for again",
    "core/lock-delay.ts",
    "        await this.#pause(leftMs, bell, patience);\n        continue;\n",
    "        await this.#pause(leftMs, bell, patience);\n",
  ),
];
