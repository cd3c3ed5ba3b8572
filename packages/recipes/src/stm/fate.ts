/** What became of a software transaction whose answer was lost, as far as that can be seen from what is there now. */
import { type Client, type Data, isZkError } from "@zk/client";
import { directoryOf } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { sessionAgain } from "../core/sessions.js";
import { settleWrites, unusedPath } from "../core/settle.js";
import type { ReadWriteSet, Seen, Wanted } from "./read-write-set.js";

/**
 * Looks at what was to be written, when nothing of it can be applied any more that was not.
 *
 * @param beforeZxid what the client had seen when it sent the transaction
 * @returns `no` when it certainly was not applied, otherwise `maybe`: what is there may be ours, or another's that is like it
 * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError for what a server refuses
 */
export async function fateOf(
  client: Client,
  set: ReadWriteSet,
  beforeZxid: bigint,
  patience: Patience,
  about: { readonly recipe: string; readonly path: string },
): Promise<"no" | "maybe"> {
  for (;;) {
    try {
      const [first = "/"] = set.wanted.keys();
      await patience.read((call) => settleWrites(client, unusedPath(client, directoryOf(first)), call));
      // All or nothing: one write that certainly was not done is enough.
      for (const [path, wanted] of set.wanted) {
        const before = set.seen.get(path) ?? null;
        const now = await look(client, path, patience);
        if (before === null && now === null) {
          if (wanted.type === "write" && (await isUntouched(client, path, beforeZxid, patience))) return "no";
        } else if (isCertainlyNotDone(before, now, wanted)) return "no";
      }
      return "maybe";
    } catch (error) {
      if (!isZkError(error, "SESSION_EXPIRED")) throw error;
      await sessionAgain(client, patience, about);
    }
  }
}

function isCertainlyNotDone(before: Seen, now: Seen, wanted: Wanted): boolean {
  if (before === null || now === null || now.stat.czxid !== before.stat.czxid) return false;
  // It is the very znode that was to be removed.
  if (wanted.type === "remove") return true;
  if (now.stat.version === before.stat.version) return true;
  // The one write that came was another's.
  const isNext = now.stat.version === ((before.stat.version + 1) | 0);
  return isNext && !isSame(now.data, wanted.data);
}

/** Nothing was created or removed there since, nor where what is above it is missing. */
async function isUntouched(
  client: Client,
  path: string,
  beforeZxid: bigint,
  patience: Patience,
): Promise<boolean> {
  for (let above = directoryOf(path); ; above = directoryOf(above)) {
    const stat = await patience.read((call) => client.exists(above, call));
    if (stat !== null) return stat.pzxid <= beforeZxid;
    if (above === "/") return true;
  }
}

/** What is at a path. */
export async function look(client: Client, path: string, patience: Patience): Promise<Seen> {
  try {
    return await patience.read((call) => client.getData(path, call));
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return null;
    throw error;
  }
}

function isSame(found: Uint8Array | null, wanted: Data): boolean {
  if (found === null || wanted === null) return found === wanted;
  const bytes = typeof wanted === "string" ? new TextEncoder().encode(wanted) : wanted;
  return found.length === bytes.length && found.every((byte, index) => byte === bytes[index]);
}
