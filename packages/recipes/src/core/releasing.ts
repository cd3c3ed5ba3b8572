/** A hold is given back for certain before the same is asked for again. */
import type { Client } from "@zk/client";
import type { Hold } from "./hold.js";
import type { Patience } from "./patience.js";
import { connectedAgain } from "./sessions.js";

/**
 * Releases a hold, and resolves when its znode is known to be gone, however many connections that takes.
 * @throws RecipeError ABORTED or WAIT_TIMEOUT, the janitor goes on then; REFUSED when the server does not let us remove it
 */
export async function releaseForCertain(client: Client, hold: Hold, patience: Patience): Promise<void> {
  for (;;) {
    const { confirmed } = await patience.race(hold.release());
    if (confirmed) return;
    await connectedAgain(client, patience);
  }
}
