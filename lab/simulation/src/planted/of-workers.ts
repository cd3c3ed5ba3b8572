/** Faults in worker ids: numbers that are used by two, one after the other or at once, or by nobody for ever. */
import { type Plant, plantsIn } from "./plant.js";

const inWorkerIds = plantsIn("worker-ids");

export const OF_WORKERS: readonly Plant[] = [
  inWorkerIds(
    "worker-rests-for-quarantine-alone",
    "a number may be had while the session of its lost holder may still be believed in",
    "values/worker-record.ts",
    "return record.sessionTimeoutMs + Math.max(",
    "return Math.max(",
  ),
  inWorkerIds(
    "worker-rests-from-taking",
    "a number whose holder was lost rests from when that holder took it, not from when its claim was found gone",
    "values/worker-ids.ts",
    'if (found.record.state === "held") {',
    'if (found.record.state === "held" && wholeMs === 0) {',
  ),
  inWorkerIds(
    "lost-worker-called-given-back",
    "a number that was lost, and may still be used for a moment, is called given back when its claim is removed",
    "values/worker-ids.ts",
    'end === "released" ? giveBackId',
    "end !== undefined ? giveBackId",
  ),
  inWorkerIds(
    "worker-not-called-given-back",
    "a number that was given back rests as if its holder had been lost",
    "values/worker-ids.ts",
    'end === "released" ? giveBackId',
    "end === undefined ? giveBackId",
  ),
  inWorkerIds(
    "given-back-worker-does-not-rest",
    "a number that was given back may be had at once, although it is to rest then too",
    "values/worker-ids.ts",
    "if (wholeMs === 0) return 0;",
    'if (found.record.state === "released") return 0;',
  ),
  inWorkerIds(
    "given-up-worker-kept",
    "a number that was taken when its wait had ended stays taken by nobody",
    "values/worker-ids.ts",
    "(made) => giveBackId(client, made),",
    '() => ({ outcome: "removed" as const }),',
  ),
  inWorkerIds(
    "worker-release-unheard",
    "who waits for a number does not hear of one that is given back",
    "values/worker-ids.ts",
    "bell === undefined ? {} : { watch: bell.at(claims) };",
    "{};",
  ),
  inWorkerIds(
    "worker-door-blocked",
    "who found no number stays at the door, and nobody behind it gets one",
    "values/worker-ids.ts",
    '    if (outcome === undefined || !("claim" in outcome)) await this.#door.leave(entry);\n',
    "    if (outcome === undefined) await this.#door.leave(entry);\n",
  ),
];
