/** Faults in leases by the clock, in holds that are entered again, and in what is told of locks. */
import { type Plant, plantsIn } from "./plant.js";

const inClockLease = plantsIn("clock-lease");

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
    "const believedUntilMs = sentMs + (endMs - skewMs - nowMs);",
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
    "locks/clock-lease.ts",
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
];
