/**
 * Work that goes on in the background until it is stopped: over sessions, however long it takes to get the next one, and over
 * refusals of a server, with pauses that grow.
 */
import { type Client, isZkError } from "@zk/client";
import { RecipeError } from "../errors.js";
import { Backoff, sleep } from "./backoff.js";
import { Patience } from "./patience.js";
import { isSessionOver, sessionAgain, sessionWhenever } from "./sessions.js";

/** What goes on, and who hears of it. */
export interface GoingOn<T> {
  readonly client: Client;
  readonly about: { readonly recipe: string; readonly path: string };
  readonly stop: AbortSignal;
  /**
   * One round of the work, in one session. A value ends it all; undefined asks for the next round. A RecipeError that it throws
   * ends it too; other errors are refusals, after which there is another round.
   * @param calm is to be called when the round has got what it wanted
   */
  readonly round: (patience: Patience, calm: () => void) => Promise<T | undefined>;
  /** A server refused something, which is tried again after this time; or, without a time, nobody has begun another session. */
  readonly troubled: (error: unknown, retryMs?: number) => void;
  /** There will be no other round. */
  readonly failed: (error: unknown) => void;
}

/** Never rejects. @returns what ended it; undefined when it was stopped, or has failed */
export async function goOn<T>(work: GoingOn<T>): Promise<T | undefined> {
  const { client, about, stop } = work;
  using patience = new Patience(client, about, { signal: stop });
  const backoff = new Backoff(client);
  for (;;) {
    try {
      // Any call says best why nothing goes any more.
      if (!(await sessionWhenever(client, patience))) await client.exists(about.path);
      const ended = await work.round(patience, () => backoff.calm());
      if (ended !== undefined) return ended;
    } catch (error) {
      if (stop.aborted) return undefined;
      if (error instanceof RecipeError || isZkError(error, "CLOSED") || isZkError(error, "AUTH_FAILED")) {
        if (error.code !== "SESSION_EXPIRED") {
          work.failed(error);
          return undefined;
        }
        // Whoever waits may be told. In the background it may take as long as it likes.
        work.troubled(error);
      } else if (!(await tryAgain(work, error, patience, backoff))) {
        return undefined;
      }
    }
  }
}

async function tryAgain<T>(
  { client, about, stop, troubled }: GoingOn<T>,
  error: unknown,
  patience: Patience,
  backoff: Backoff,
): Promise<boolean> {
  try {
    if (isSessionOver(error)) {
      await sessionAgain(client, patience, about);
    } else {
      const retryMs = backoff.nextMs();
      troubled(error, retryMs);
      await sleep(client, retryMs, patience);
    }
  } catch (problem) {
    if (stop.aborted) return false;
    // What is wrong for good is said by the next round.
    troubled(problem);
  }
  return true;
}
