/**
 * What is written down of each worker id that was ever given out, so that it can be told for how long nobody else may have it.
 *
 * `held` is written together with the claim of whoever has the id, and `released` together with its removal. When a claim is gone
 * and its record still says `held`, whoever finds it so writes `lapsed`: nobody wrote down when the claim went, so the moment at
 * which that was found out, which is later, takes its place. The time of a record is the stamp of the leader on its znode.
 */

/** See the head of this file. */
export interface WorkerRecord {
  readonly state: "held" | "lapsed" | "released";
  /** The name of the claim, of which there is never another. */
  readonly claim: string;
  /** Of the session that had the claim: for so long its owner may have believed in it without hearing of anybody. */
  readonly sessionTimeoutMs: number;
  readonly quarantineMs: number;
  readonly afterReleaseMs: number;
}

/** For how long ids rest: the options of whoever wants one. */
export type Rests = Pick<WorkerRecord, "quarantineMs" | "afterReleaseMs">;

const VERSION = 1;

export function encodeWorkerRecord(record: WorkerRecord): string {
  return JSON.stringify({ version: VERSION, ...record });
}

/** @throws TypeError or SyntaxError for bytes that are no record, or one of a later version */
export function decodeWorkerRecord(data: Uint8Array | null): WorkerRecord {
  const read = JSON.parse(new TextDecoder().decode(data ?? new Uint8Array(0))) as Record<string, unknown>;
  const { version, state, claim, sessionTimeoutMs, quarantineMs, afterReleaseMs } = Object(read);
  if (version !== VERSION) throw new TypeError(`it is of version ${String(version)}, not ${VERSION}`);
  const isState = state === "held" || state === "lapsed" || state === "released";
  const times = [sessionTimeoutMs, quarantineMs, afterReleaseMs];
  if (!isState || typeof claim !== "string" || !times.every((time) => Number.isFinite(time) && time >= 0))
    throw new TypeError("it is no record of a worker id");
  return { state, claim, sessionTimeoutMs, quarantineMs, afterReleaseMs };
}

/** How long behind the record's stamp nobody may have the id; of the two who may ask for it, the more careful one decides. */
export function restMs(record: WorkerRecord, own: Rests): number {
  if (record.state === "released") return Math.max(record.afterReleaseMs, own.afterReleaseMs);
  return record.sessionTimeoutMs + Math.max(record.quarantineMs, own.quarantineMs);
}
