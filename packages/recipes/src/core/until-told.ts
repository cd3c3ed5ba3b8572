/**
 * Writes of which the znodes themselves tell whether they were made: each is sent by version or name, so that a second one of the same
 * is refused, and what is there says whose it is. No lost answer needs more than another look.
 */
import { type CallOptions, type Client, isZkError } from "@zk/client";
import { isRecipeError, RecipeError } from "../errors.js";
import { isLost } from "./lost.js";
import type { Patience } from "./patience.js";
import { inAnySession } from "./sessions.js";
import { telemetryOf } from "./telemetry.js";

/** What to do, and how to see that it is done. */
export interface Telling<T> {
  /**
   * Looks: a value says that it is done, undefined that it is to be written. What it throws is final.
   * @param applied `maybe` when an answer was lost before: what is not there may have been, and gone since
   */
  readonly look: (applied: "no" | "maybe") => Promise<T | undefined>;
  /** Sends it, in a way in which it can be made once only. Its answer says that it is done: whatever becomes of it later. */
  readonly write: (call: CallOptions) => Promise<T>;
}

/**
 * Looks and writes, over lost answers and sessions, and over what others write meanwhile, until an answer or a look says that it is done.
 *
 * @throws what `look` throws; RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, whose `applied` says `maybe` when an answer was lost
 *   and nobody looked since; ZkError for what a server refuses, other than for what others wrote
 */
export async function untilTold<T>(
  client: Client,
  about: { readonly recipe: string; readonly path: string },
  patience: Patience,
  { look, write }: Telling<T>,
): Promise<T> {
  let isInDoubt = false;
  /** The servers have refused what came behind it: what was sent before is decided, and a look shows how. */
  let isShown = false;
  const { metrics } = telemetryOf(client);
  try {
    return await inAnySession(client, patience, about, async () => {
      for (;;) {
        const told = await look(isInDoubt ? "maybe" : "no");
        if (told !== undefined) return told;
        if (isShown) isInDoubt = false;
        isShown = false;
        try {
          return await write({ ...patience.call, retry: "none" });
        } catch (error) {
          if (isZkError(error) && error.applied === "maybe") {
            metrics.ambiguous += 1;
            isInDoubt = true;
          } else if (isZkError(error) && CONFLICTS.has(error.code)) {
            // It may be refused because of what was sent before it: until a look has shown that, it is in doubt.
            metrics.conflicts += 1;
            isShown = true;
          } else if (isZkError(error, "QUEUE_FULL")) await patience.race(client.drained());
          else if (!isLost(error)) throw error;
          else metrics.retries += 1;
          patience.check();
        }
      }
    });
  } catch (error) {
    throw isInDoubt && !isFinal(error) ? inDoubt(about, error) : error;
  }
}

const CONFLICTS: ReadonlySet<string> = new Set(["BAD_VERSION", "NO_NODE", "NODE_EXISTS"]);

/** Whether it was said after a look. */
function isFinal(error: unknown): boolean {
  return isRecipeError(error) && !ENDS.has(error.code);
}

const ENDS: ReadonlySet<string> = new Set(["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED"]);

/** What ended a recipe while nobody knew what became of a write. */
export function inDoubt(
  about: { readonly recipe: string; readonly path: string },
  ending: unknown,
): RecipeError {
  return new RecipeError({
    code: isRecipeError(ending) ? ending.code : "AMBIGUOUS",
    message:
      "it ended before it was found out what became of a write whose answer was lost; to do it again is safe",
    ...about,
    applied: "maybe",
    cause: isRecipeError(ending) ? (ending.cause ?? ending) : ending,
  });
}
