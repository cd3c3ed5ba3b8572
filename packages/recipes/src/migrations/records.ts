/**
 * What is known of the migrations that were applied: one znode for each, `meta-<position>`, whose data says which one it was and what
 * it did. The position is in the name, so two who apply the same one cannot both succeed, whatever became of their lock.
 */
import { type Client, isZkError } from "@zk/client";
import { childPath } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";

/** The name of the directory of the lock, beside the records. */
export const LOCK = "lock";

/** A migration that was applied. */
export interface MigrationRecord {
  readonly id: string;
  /** Of its operations, as they were. */
  readonly sha256: string;
  /** The call that applied it. */
  readonly run: string;
  /** The transaction that applied it. */
  readonly zxid: bigint;
}

/** The path of the record at a position, from 0. */
export function recordPath(directory: string, position: number): string {
  return childPath(directory, `meta-${String(position).padStart(10, "0")}`);
}

/** The data of a record. */
export function encodeRecord({ id, run, sha256 }: Omit<MigrationRecord, "zxid">): string {
  return JSON.stringify({ format: FORMAT, id, run, sha256 });
}

const FORMAT = 1;

/**
 * The records, in the order in which they were applied; none if there is no directory.
 * @throws RecipeError CORRUPTED for what is none, and for a gap; ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses
 */
export async function readRecords(
  client: Client,
  about: { readonly recipe: string; readonly path: string },
  patience: Patience,
): Promise<readonly MigrationRecord[]> {
  const { path: directory } = about;
  let children: readonly string[];
  try {
    children = await patience.read((call) => client.getChildren(directory, call));
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return [];
    throw error;
  }
  const names = children.filter((name) => /^meta-\d{10}$/.test(name)).sort();
  const foreign = children.filter((name) => name !== LOCK && !names.includes(name));
  telemetryOf(client).tellForeign({ type: "foreignChildren", ...about, names: foreign });
  return await Promise.all(
    names.map(async (name, position) => {
      const path = childPath(directory, name);
      if (path !== recordPath(directory, position)) {
        throw corrupted(about, `${recordPath(directory, position)} is missing, and ${path} is there`);
      }
      try {
        const { data, stat } = await patience.read((call) => client.getData(path, call));
        return { ...decodeRecord(data), zxid: stat.czxid };
      } catch (cause) {
        if (cause instanceof NoRecord || isZkError(cause, "NO_NODE"))
          throw corrupted(about, `${path} is no record of a migration: ${cause.message}`, cause);
        throw cause;
      }
    }),
  );
}

class NoRecord extends Error {}

function decodeRecord(data: Uint8Array | null): Omit<MigrationRecord, "zxid"> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data ?? new Uint8Array(0)));
  } catch (cause) {
    throw new NoRecord("its data is no JSON", { cause });
  }
  const { format, id, run, sha256 } = (value ?? {}) as Record<string, unknown>;
  if (format !== FORMAT) throw new NoRecord(`its format is ${String(format)}, not ${FORMAT}`);
  if (typeof id !== "string" || typeof run !== "string" || typeof sha256 !== "string")
    throw new NoRecord("id, run and sha256 must be texts");
  return { id, run, sha256 };
}

function corrupted(
  about: { readonly recipe: string; readonly path: string },
  message: string,
  cause?: unknown,
): RecipeError {
  return new RecipeError({ code: "CORRUPTED", message, ...about, cause });
}
