/** Directories in which nobody may make anything, and what is demanded of whoever wants to hold something there. */
import { isZkError, READ_ACL_UNSAFE } from "@zk/client";
import type { WaitOptions } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { checkNothingLeft, orGiveUp } from "./manners.js";
import type { Stage } from "./scenario.js";

/** Makes a directory that everybody may read, and nobody may change, unless it is there. */
export async function makeClosed({ client }: Player, path: string): Promise<void> {
  await client.create(path, null, { acl: READ_ACL_UNSAFE }).catch((error: unknown) => {
    if (!isZkError(error, "NODE_EXISTS")) throw error;
  });
}

/**
 * Tries to hold what cannot be had there. It must come to nothing, with the servers' NO_AUTH unless the wait ends before, and
 * leave nothing.
 *
 * @returns whether it was refused; what else may end a wait may have been quicker
 */
export async function isRefused(
  stage: Stage,
  player: Player,
  directories: readonly string[],
  take: (wait: WaitOptions) => Promise<unknown>,
): Promise<boolean> {
  const { resting } = player;
  const wait = { timeoutMs: 5000, ...(resting.aborted ? {} : { signal: resting }) };
  let refused = false;
  const held = await orGiveUp(stage, player, async () => {
    try {
      return (await take(wait)) ?? "nothing, without a word";
    } catch (error) {
      refused = isZkError(error, "NO_AUTH");
      throw error;
    }
  });
  player.demand(held === null, () => `nobody may have ${directories.join(", ")}, and yet it got ${held}`);
  checkNothingLeft(stage, player, directories);
  return refused;
}
