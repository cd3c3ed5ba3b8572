/** The claims and records of worker ids: where they lie, how an id is taken, marked and given back. */
import { type Acl, type Client, CreateMode, isZkError, type Transaction } from "@zk/client";
import { commitCertainly } from "../core/certain.js";
import { removeWithMark } from "../core/clean-end.js";
import type { Owned, Removal } from "../core/janitor.js";
import type { Entry } from "../core/line.js";
import { childPath } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { encodeWorkerRecord, type WorkerRecord } from "./worker-record.js";

/** A record as it was read. */
export interface FoundRecord {
  readonly record: WorkerRecord;
  readonly version: number;
  /** The leader's stamp on it: milliseconds since 1970. */
  readonly stampMs: number;
}

/** A claim of ours. */
export interface WorkerClaim extends Owned {
  readonly id: number;
  readonly token: bigint;
  readonly record: WorkerRecord;
  /** The record's znode, and its version when the claim was made. */
  readonly recordPath: string;
  readonly recordVersion: number;
}

/** Where everything of one recipe lies. */
export interface WorkerPlaces {
  readonly claims: string;
  readonly records: string;
  readonly door: string;
  /** Is written to for the sake of the leader's stamp. */
  readonly clock: string;
}

export function workerPlaces(path: string): WorkerPlaces {
  return {
    claims: childPath(path, "claims"),
    records: childPath(path, "records"),
    door: childPath(path, "door"),
    clock: childPath(path, "clock"),
  };
}

/** The id that a claim's name says; undefined for what is no claim. */
export function idOfClaim(name: string): number | undefined {
  const read = /^(\d{1,5})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.exec(name);
  return read === null ? undefined : Number(read[1]);
}

/** What is to be taken, and behind whose turn. */
export interface Taking {
  readonly places: WorkerPlaces;
  readonly entry: Entry;
  readonly id: number;
  /** The record that was read, if there is one: it must not have been written to since. */
  readonly found: FoundRecord | undefined;
  readonly record: WorkerRecord;
  /** What the claim says of us. */
  readonly identity: string;
  readonly acl: readonly Acl[] | undefined;
}

/**
 * Writes the record and the claim, and gives up the turn, in one. It goes on until it knows what became of the transaction, or
 * the session is over.
 * @throws ZkError NO_NODE, BAD_VERSION or NODE_EXISTS when something is not as it was seen; as {@link commitCertainly}
 */
export function takeId(client: Client, taking: Taking): Promise<WorkerClaim> {
  const { places, entry, id, found, record, identity, acl } = taking;
  const path = childPath(places.claims, record.claim);
  const recordPath = childPath(places.records, String(id));
  const data = encodeWorkerRecord(record);
  const options = acl === undefined ? {} : { acl };
  const recordVersion = found === undefined ? 0 : found.version + 1;
  const made = (token: bigint): WorkerClaim => ({
    ...{ id, path, token, sessionId: entry.sessionId, record, recordPath, recordVersion },
  });
  return commitCertainly(client, {
    sessionId: entry.sessionId,
    directory: places.claims,
    commit: async (call) => {
      const leaving = client.transaction().remove(entry.path);
      const noted =
        found === undefined
          ? leaving.create(recordPath, data, options)
          : leaving.setData(recordPath, data, { version: found.version });
      const claiming = noted as unknown as Transaction;
      const [{ zxid }] = (await claiming
        .create(path, identity, { ...options, mode: CreateMode.EPHEMERAL })
        .commit(call)
        .then((results) => (results as readonly unknown[]).slice(2))) as [{ readonly zxid: bigint }];
      return made(zxid);
    },
    find: async (call) => {
      const stat = await client.exists(path, call);
      return stat === null ? undefined : made(stat.czxid);
    },
  });
}

/** Removes the claim and notes that it was given back: nobody uses the id any more. Never rejects. */
export function giveBackId(client: Client, claim: WorkerClaim): Promise<Removal> {
  const data = encodeWorkerRecord({ ...claim.record, state: "released" });
  const { recordPath: path, recordVersion: version } = claim;
  return removeWithMark(client, claim, { path, data, version });
}

/**
 * Writes a record anew, if it is as it was read: its rest begins now.
 * @returns undefined when somebody else has written to it
 * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses, and when the session is over
 */
export async function markRecord(
  client: Client,
  path: string,
  { version }: FoundRecord,
  record: WorkerRecord,
  patience: Patience,
): Promise<FoundRecord | undefined> {
  try {
    // Sent again behind a lost answer it finds its own version changed, and is looked for anew.
    const stat = await patience.read((call) =>
      client.setData(path, encodeWorkerRecord(record), { ...call, version, retry: "none" }),
    );
    return { record, version: stat.version, stampMs: Number(stat.mtime) };
  } catch (error) {
    if (isZkError(error, "BAD_VERSION") || isZkError(error, "NO_NODE")) return undefined;
    throw error;
  }
}
