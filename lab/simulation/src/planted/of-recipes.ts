/** Faults in the lock and in what every recipe stands on, among them those that other libraries had. */
import { type Plant, plantsIn } from "./plant.js";

const inLock = plantsIn("lock");

export const OF_RECIPES: readonly Plant[] = [
  inLock(
    "wake-up-is-turn",
    "who is woken takes the lock without looking again",
    "core/line.ts",
    "      telemetryOf(this.client).metrics.wakeUps += 1;\n",
    "      return true;\n",
  ),
  inLock(
    "contender-unprotected",
    "a contender whose answer was lost is created again, and the first one stays in line",
    "core/line.ts",
    "        protected: { prefix },\n",
    '        retry: "always",\n',
  ),
  inLock(
    "abort-leaves-contender",
    "a wait that is given up while its contender is being created forgets of it",
    "core/line.ts",
    "      if (patience.signal.aborted) await this.#leaveBehind(removeWhenMade(client, making));\n",
    "",
  ),
  inLock(
    "timeout-leaves-contender",
    "a wait that ends in line leaves its contender there",
    "core/contention.ts",
    "          if (entry !== undefined) await (options.delay ?? line).leave(entry);\n",
    "",
  ),
  inLock(
    "try-leaves-contender",
    "a lock that is not to be had at once leaves a contender in line",
    "core/contention.ts",
    "    await (options.delay ?? line).leave(entry);\n    return null;\n",
    "    return null;\n",
  ),
  {
    name: "janitor-gives-up",
    why: "a removal whose connection is lost is not tried again",
    scenario: "lock",
    changes: [
      {
        file: "core/janitor.ts",
        find: '  return client.remove(path, { retry: "always", timeoutMs: Number.POSITIVE_INFINITY });\n',
        replace: '  return client.remove(path, { retry: "none", timeoutMs: Number.POSITIVE_INFINITY });\n',
      },
      {
        file: "core/janitor.ts",
        find: '      else if (!isLost(error)) return { outcome: "failed", error };\n',
        replace: '      else return { outcome: "removed" };\n',
      },
    ],
  },
  inLock(
    "first-watches-oldest",
    "whose turn it is is decided by the text of the name",
    "core/sequence.ts",
    "    contenders.toSorted((a, b) => a.serial - b.serial || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),\n",
    "    contenders.toSorted((a, b) => (a.name < b.name ? -1 : 1)),\n",
  ),
  inLock(
    "guard-without-check",
    "a guarded write goes through whether the hold stands or not",
    "core/guard.ts",
    "client.transaction().check(path) as unknown as Transaction;",
    'client.transaction().check("/") as unknown as Transaction;',
  ),
  inLock(
    "deadline-ignored-by-hold",
    "a hold in doubt is believed for ever",
    "core/belief.ts",
    "    if (leftMs > 0) {",
    "    if (leftMs > -1e9) {",
  ),
  inLock(
    "suspect-unsaid",
    "a hold is called held while the connection is lost",
    "core/hold.ts",
    '    if (state !== "connected") this.#suspect();\n',
    "",
  ),
  inLock(
    "suspect-without-abort",
    "a hold comes to be in doubt and its signal says nothing",
    "core/hold.ts",
    '    if (this.#isOver || this.#details.onSuspended !== "abort") return;\n',
    "    return;\n",
  ),
  inLock(
    "watch-not-awaited",
    "the predecessor is gone and nobody looks again",
    "core/line.ts",
    '      if (!isZkError(error, "NO_NODE")) throw error;\n    } finally {',
    '      if (!isZkError(error, "NO_NODE")) throw error;\n      await patience.race(changed);\n    } finally {',
  ),
  inLock(
    "release-unconfirmed",
    "a release is called confirmed before the server has said so",
    "core/hold.ts",
    '    const confirmed = ended !== undefined && ended.outcome !== "failed";\n',
    "    const confirmed = true;\n",
  ),
  inLock(
    "timer-left",
    "a wait that is over leaves its timer behind",
    "core/patience.ts",
    "      cancelTimer();\n      forget?.();\n",
    "      forget?.();\n",
  ),
  inLock(
    "listener-left",
    "a wait that is over goes on listening to its signal",
    "core/patience.ts",
    "      forget?.();\n",
    "",
  ),
];
