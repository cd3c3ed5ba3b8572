/** What lies in the znodes of a two-phase commit, and what follows from it. */
import { type Client, isZkError } from "@zk/client";
import { textCodec } from "../core/codec.js";
import { childPath } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { RecipeError } from "../errors.js";

export const TWO_PHASE = "TwoPhaseCommit";

/** What a site says. */
export type TwoPhaseVote = "commit" | "abort";
/** What was decided. */
export type TwoPhaseDecision = "committed" | "aborted";

/** A transaction as it was read. */
export interface Ballot {
  readonly id: string;
  /** Undefined while it is open. */
  readonly decision: TwoPhaseDecision | undefined;
  readonly votes: ReadonlyMap<string, TwoPhaseVote | undefined>;
}

/** The data of the transaction's znode. */
export function encodeBallot(id: string, state: "voting" | TwoPhaseDecision): string {
  return JSON.stringify({ id, state });
}

/** The transaction's own znode; undefined when there is none. @throws RecipeError CORRUPTED */
export async function readHead(
  client: Client,
  path: string,
  patience: Patience,
): Promise<Omit<Ballot, "votes"> | undefined> {
  const found = await read(client, path, patience);
  if (found === undefined) return undefined;
  try {
    const head = decodeHead(found.data);
    checkVersion(found.version, head.decision !== undefined);
    return head;
  } catch (cause) {
    const message = `it is no transaction of a two-phase commit: ${(cause as Error).message}`;
    throw new RecipeError({ code: "CORRUPTED", message, recipe: TWO_PHASE, path, cause });
  }
}

/** @throws Error when it is none */
export function decodeHead(data: Uint8Array | null): Omit<Ballot, "votes"> {
  const { id, state } = JSON.parse(textCodec.decode(data ?? new Uint8Array(0))) as Record<string, unknown>;
  if (typeof id !== "string") throw new TypeError("its id is no text");
  if (state !== "voting" && state !== "committed" && state !== "aborted")
    throw new TypeError(`its state is ${String(state)}`);
  return { id, decision: state === "voting" ? undefined : state };
}

/** What a site said; `unknown` when there is no such site, undefined while it has said nothing. @throws RecipeError CORRUPTED */
export async function readVote(
  client: Client,
  path: string,
  patience: Patience,
): Promise<TwoPhaseVote | "unknown" | undefined> {
  const found = await read(client, path, patience);
  if (found === undefined) return "unknown";
  const vote = decodeVote(found.data, path);
  try {
    checkVersion(found.version, vote !== undefined);
  } catch (cause) {
    const { message } = cause as Error;
    throw new RecipeError({ code: "CORRUPTED", message, recipe: TWO_PHASE, path, cause });
  }
  return vote;
}

/** Each znode is written once. With another version no write of ours would ever go through. */
function checkVersion(version: number, isWritten: boolean): void {
  const wanted = isWritten ? 1 : 0;
  if (version !== wanted)
    throw new Error(`its version is ${version}, and not ${wanted}: somebody else wrote to it`);
}

/** @throws RecipeError CORRUPTED */
export function decodeVote(data: Uint8Array | null, path: string): TwoPhaseVote | undefined {
  if (data === null || data.length === 0) return undefined;
  const text = new TextDecoder().decode(data);
  if (text === "commit" || text === "abort") return text;
  const message = `${JSON.stringify(text)} is no vote`;
  throw new RecipeError({ code: "CORRUPTED", message, recipe: TWO_PHASE, path });
}

/** All of it; undefined when there is none. @throws RecipeError CORRUPTED */
export async function readBallot(
  client: Client,
  path: string,
  patience: Patience,
): Promise<Ballot | undefined> {
  // The head comes first: votes that are read behind a decision are those that it was made of.
  const head = await readHead(client, path, patience);
  if (head === undefined) return undefined;
  let sites: readonly string[];
  try {
    sites = await patience.read((call) => client.getChildren(path, call));
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return undefined;
    throw error;
  }
  const votes = await Promise.all(
    sites.map(async (site) => [site, await readVote(client, childPath(path, site), patience)] as const),
  );
  // One that went meanwhile went with all of it.
  if (votes.some(([, vote]) => vote === "unknown")) return undefined;
  return { ...head, votes: new Map(votes as readonly (readonly [string, TwoPhaseVote | undefined])[]) };
}

/** What the votes come to; undefined while one that matters is missing. */
export function verdictOf(votes: Iterable<TwoPhaseVote | undefined>): TwoPhaseDecision | undefined {
  const all = [...votes];
  if (all.includes("abort")) return "aborted";
  return all.includes(undefined) ? undefined : "committed";
}

async function read(
  client: Client,
  path: string,
  patience: Patience,
): Promise<{ readonly data: Uint8Array | null; readonly version: number } | undefined> {
  try {
    const { data, stat } = await patience.read((call) => client.getData(path, call));
    return { data, version: stat.version };
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return undefined;
    throw error;
  }
}
