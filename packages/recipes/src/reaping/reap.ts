/** One round of reaping, for what runs now and then: it looks, waits, and looks again. */
import type { Client } from "@zk/client";
import { sleep } from "../core/backoff.js";
import type { Hold } from "../core/hold.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { inAnySession } from "../core/sessions.js";
import { RECIPE, type Reaped, type ReapOptions, reapSettings } from "./options.js";
import { Sweeper } from "./sweeper.js";

/** What {@link reap} did. */
export interface ReapReport {
  /** What is gone; with `dryRun`, what would be. */
  readonly reaped: readonly Reaped[];
  /** What a server did not let us look at, or remove. */
  readonly refused: readonly { readonly path: string; readonly error: unknown }[];
  /** Where the answer was lost: it may be gone. */
  readonly uncertain: readonly { readonly path: string; readonly error: unknown }[];
}

/**
 * Removes the znodes below some directories that stay empty for a while. It takes that while, and a moment: what was empty
 * before it looked for the first time it cannot know. See {@link Reaper} for what goes and what never does.
 *
 * @param options `hold`: everything is removed only while it stands
 * @throws RecipeError INVALID_ARGUMENT, ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, HOLD_LOST; ZkError for what a server refuses
 * @example
 * ```ts
 * const { reaped } = await reap(client, { roots: ["/locks"], emptyForMs: 60_000 });
 * ```
 */
export async function reap(
  client: Client,
  options: ReapOptions & WaitOptions & { readonly hold?: Hold },
): Promise<ReapReport> {
  const settings = reapSettings(client, options);
  const about = { recipe: RECIPE, path: options.roots[0] as string };
  const reaped: Reaped[] = [];
  const refused: { path: string; error: unknown }[] = [];
  const uncertain: { path: string; error: unknown }[] = [];
  using patience = new Patience(client, about, options);
  const sweeper = new Sweeper(client, settings, {
    reaped: (each) => void reaped.push(each),
    refused: (path, error) => {
      if (!refused.some((each) => each.path === path)) refused.push({ path, error });
    },
    uncertain: (path, error) => void uncertain.push({ path, error }),
  });
  await inAnySession(client, patience, about, async () => {
    for (;;) {
      const { sessionId } = client;
      await sweeper.pass(patience, options.hold);
      // A timer may fire a little before its time, and the window would not be over.
      const endMs = client.clock.nowMs() + settings.emptyForMs + 1;
      while (client.clock.nowMs() < endMs) await sleep(client, endMs - client.clock.nowMs(), patience);
      if (client.sessionId !== sessionId) continue;
      await sweeper.pass(patience, options.hold);
      return;
    }
  });
  return { reaped, refused, uncertain };
}
