/** Our set partitioner in the words of the interface, dealing out as kazoo does. */
import { isRecipeError, SetPartitioner, type Slice } from "@zk/recipes";
import type * as words from "../recipes.js";
import { closing } from "./held.js";
import type { OurSession } from "./locks.js";

export function openPartitioner(
  { client }: OurSession,
  path: string,
  { identity, items, quietMs = 200 }: words.OptionsOf<"partitioner">,
): words.Partitioner {
  const partitioner = new SetPartitioner(client, path, items, {
    assignment: "kazoo",
    settleMs: quietMs,
    ...(identity === undefined ? {} : { identity }),
  });
  const stop = new AbortController();
  let current: Slice | undefined;
  let told = new AbortController();
  const follow = async (): Promise<void> => {
    for await (const slice of partitioner.slices({ signal: stop.signal })) {
      current = slice;
      told.abort();
      told = new AbortController();
      if (!slice.signal.aborted) await over(slice.signal);
      current = undefined;
    }
  };
  const following = follow().catch((error: unknown) => {
    if (!isRecipeError(error, "ABORTED")) throw error;
  });
  // Whoever closes hears of a failure.
  following.catch(() => {});
  return {
    awaitItems: async ({ timeoutMs = 0 }) => {
      if (current === undefined) await over(AbortSignal.any([told.signal, AbortSignal.timeout(timeoutMs)]));
      return current !== undefined;
    },
    items: async () => current?.items ?? [],
    state: async () => (current === undefined ? "ALLOCATING" : "ACQUIRED"),
    // It gives up what is to be given up by itself.
    release: async () => {},
    ...closing(async () => {
      stop.abort();
      await following;
    }),
  };
}

function over(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
