/** Faults in leases by the clock, in holds that are entered again, and in what is told of locks and elections. */
import { type Plant, plantsIn } from "./plant.js";

const inClockLease = plantsIn("clock-lease");
const inReentrant = plantsIn("reentrant");
const inInspection = plantsIn("inspection");
const inPatience = plantsIn("patience");
const inElection = plantsIn("election");

export const OF_LOCKS: readonly Plant[] = [
  inClockLease(
    "lease-without-skew",
    "a lease is taken as soon as its time is over, although its holder's clock may be slower",
    "locks/clock-lease.ts",
    "const takenForMs = (found?.record.endMs ?? 0) + skewMs - nowMs;",
    "const takenForMs = (found?.record.endMs ?? 0) - nowMs;",
  ),
  inClockLease(
    "lease-believed-from-answer",
    "the time of a lease is counted from when its holder heard of it, not from before it was asked for",
    "locks/clock-lease.ts",
    "const believedUntilMs = sentMs + (endMs - skewMs - nowMs) - 1;",
    "const believedUntilMs = this.#client.clock.nowMs() + (endMs - skewMs - nowMs);",
  ),
  inClockLease(
    "lease-guard-by-name",
    "a guarded write goes through whoever has the lease by now",
    "locks/clock-term.ts",
    "check(this.path, { version: this.#version });",
    "check(this.path);",
  ),
  inClockLease(
    "lease-of-another-given-back",
    "who gives its lease back does not look whose it is by now",
    "locks/clock-term.ts",
    'record, { ...options, version: this.#version, retry: "always" });',
    'record, { ...options, retry: "always" });',
  ),
  inClockLease(
    "lease-called-given-back",
    "a lease whose giving back nobody answered is called given back when that is tried again",
    "locks/clock-term.ts",
    "    if (this.#isGivenBack) return;\n",
    "    if (this.#isReleased) return;\n",
  ),
  inClockLease(
    "lease-lost-by-renewal",
    "a renewal whose wait has ended gives away what is left of the time before it",
    "locks/clock-lease.ts",
    'found?.record?.holder === record.holder ? found.record : { holder: "", endMs: 0 };',
    '{ holder: "", endMs: 0 };',
  ),
  inClockLease(
    "lease-outlives-client",
    "the timer of a lease keeps the process for as long as it lasts",
    "locks/clock-term.ts",
    "    this.#forget = onState(client, () => this.#look());\n",
    "    this.#forget = () => {};\n",
  ),
  inClockLease(
    "lease-give-back-unheard",
    "who waits for a lease waits for the end of its time, also when it is given back",
    "core/bell.ts",
    "await patience.race(Promise.race([bell.rung, slept]));",
    "await patience.race(slept);",
  ),
  inClockLease(
    "lease-of-later-version-taken",
    "a lease that a later version wrote, which cannot be read, counts as free",
    "locks/clock-lease.ts",
    "return { record: this.#decode(path, data) ?? null, version: stat.version };",
    'return { record: this.#decode(path, data) ?? { holder: "", endMs: 0 }, version: stat.version };',
  ),
  inReentrant(
    "reentrant-waits-for-itself",
    "code that has a lock waits for it in line when it enters it again",
    "locks/lock.ts",
    "if (this.#options.reentrant === true && current !== undefined && isAlive(current))",
    "if (this.#options.reentrant !== true && current !== undefined && isAlive(current))",
  ),
  inReentrant(
    "reentrant-in-lost-hold",
    "code whose hold is lost is let in by it",
    "locks/lock.ts",
    "current !== undefined && isAlive(current))",
    "current !== undefined)",
  ),
  inReentrant(
    "inner-gives-back",
    "a hold ends with the first that leaves it, not with the last",
    "locks/lock.ts",
    "      return await work(current);\n    await using hold",
    "      try { return await work(current); } finally { await current.release(); }\n    await using hold",
  ),
  {
    name: "everybody-is-within",
    why: "code of the same process counts as within, wherever it was called from",
    scenario: "reentrant",
    changes: [
      {
        file: "io/async-scope.ts",
        find: "  readonly #storage = new",
        replace: "  #last: T | undefined;\n  readonly #storage = new",
      },
      {
        file: "io/async-scope.ts",
        find: "    return this.#storage.getStore();\n",
        replace: "    return this.#last;\n",
      },
      {
        file: "io/async-scope.ts",
        find: "    return this.#storage.run(value, work);\n",
        replace: "    this.#last = value;\n    return this.#storage.run(value, work);\n",
      },
    ],
  },
  inReentrant(
    "reader-enters-as-writer",
    "a reader that enters again as a writer is let in, with what it has",
    "locks/read-write-lock.ts",
    'const isEnough = current.kind === "write" || this.#role === "read";',
    "const isEnough = true;",
  ),
  inReentrant(
    "others-not-waited-for",
    "who is to wait for contenders of every library waits for those of its own alone",
    "locks/lock.ts",
    'const bases = options.contenders === "any" ? undefined : [baseOf(dialect, "lock")];',
    'const bases = [baseOf(dialect, "lock")];',
  ),
  inInspection(
    "told-to-wait-for-readers",
    "a reader is told to wait for the reader before it",
    "locks/inspection.ts",
    'ahead.line === line && (role !== "read" || ahead.role !== "read")',
    "ahead.line === line",
  ),
  inInspection(
    "told-to-wait-for-who-is-gone",
    "who has gone while others were looked at is still waited for",
    "locks/inspect.ts",
    "const blockedBy = blockers(there);",
    "const blockedBy = blockers(contenders);",
  ),
  inInspection(
    "first-at-door-holds",
    "who is next to get permits is told to have them",
    "locks/inspect.ts",
    'return { ...each, state: "waits", waitsFor };',
    "return { ...each, waitsFor };",
  ),
  inInspection(
    "told-out-of-order",
    "those who hold permits are told in the order of their names, not in that in which they came",
    "locks/inspect.ts",
    "(one.stat.czxid < other.stat.czxid ? -1 : 1)",
    "(one < other ? -1 : 1)",
  ),
  inInspection(
    "circle-of-wrong-znodes",
    "the znodes of a circle are told beside sessions whose they are not",
    "locks/inspection.ts",
    "waiting: circle.map(({ by }) => by) });",
    "waiting: circle.map(({ by }) => by).toReversed() });",
  ),
  inPatience(
    "noise-ignored",
    "children count as settled although some came meanwhile",
    "caches/patient-children.ts",
    "return await patience.race(Promise.race([quiet, changed]));",
    "return await patience.race(quiet);",
  ),
  inPatience(
    "quiet-watch-left",
    "a wait for quiet leaves its watch when it is given up",
    "caches/patient-children.ts",
    "      client.unwatch(path, onEvent);\n",
    "",
  ),
  inPatience(
    "awaited-as-it-was",
    "a znode that was waited for is told as it was before it was as wanted",
    "caches/until.ts",
    "    met = node;\n    return condition(node);\n",
    "    const isMet = condition(node);\n    if (!isMet) met = node;\n    return isMet;\n",
  ),
  inElection(
    "end-of-leader-unheard",
    "who observes an election does not hear that its leader has gone",
    "elections/candidates.ts",
    "{ ...call, ...watch?.at(path) }",
    "{ ...call }",
  ),
  inElection(
    "first-leader-unheard",
    "who observes an election that nobody leads does not hear of the first who does",
    "elections/candidates.ts",
    "await line.listWatched(patience, watch.at(directory));",
    "await line.listWatched(patience, {});",
  ),
  inElection(
    "requeue-ends-with-stop",
    "a leader that stops as it is told to is no candidate any more, although it was to go on",
    "elections/election.ts",
    "if (isStop(error, leading)) continue;",
    "if (isStop(error, leading)) return undefined;",
  ),
];
