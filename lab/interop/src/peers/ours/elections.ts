/** Our latch and our election in the words of the interface. */
import { type Candidate, Election, isRecipeError, LeaderLatch, Patience, type Term } from "@zk/recipes";
import type * as words from "../recipes.js";
import { closing, Waits } from "./held.js";
import type { OurSession } from "./locks.js";

export function openLatch(
  { client }: OurSession,
  path: string,
  { identity = "" }: words.Identity,
): words.Latch {
  const [latch, waits] = [new LeaderLatch(client, path, { identity }).start(), new Waits()];
  return {
    awaitLeadership: async (limit = {}) =>
      (await waits.within(limit, (wait) => latch.leading(wait))) !== undefined,
    isLeader: async () => latch.isLeader,
    contenders: async () => (await latch.candidates()).map(described),
    // Only who leads is told where its znode is.
    node: async () => latch.leadership?.path ?? null,
    ...closing(async () => {
      await waits.end();
      await latch.close();
    }),
  };
}

export function openElection(
  { client, dialect }: OurSession,
  path: string,
  { identity = "", requeue = false, ...options }: words.OptionsOf<"election">,
): words.Election {
  const election = new Election(client, path, { identity, dialect: options.dialect ?? dialect });
  const [stop, waits] = [new AbortController(), new Waits()];
  let leading: { readonly term: Term; readonly resign: () => void; readonly over: Promise<void> } | undefined;
  let terms = 0;
  const begun = new Set<() => void>();
  const work = async (term: Term): Promise<void> => {
    let resign = (): void => {};
    const over = new Promise<void>((resolve) => {
      resign = resolve;
      term.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    leading = { term, resign, over };
    terms += 1;
    for (const tell of begun) tell();
    await over;
    leading = undefined;
  };
  const candidacy = election.lead(work, { autoRequeue: requeue, signal: stop.signal });
  // Whoever waits hears of a failure, and so does whoever closes.
  candidacy.catch(() => {});
  const awaitTerm = async (wait: words.Limit): Promise<true> => {
    if (leading !== undefined) return true;
    using patience = new Patience(client, { recipe: "Election", path }, wait);
    let tell = (): void => {};
    const told = new Promise<void>((resolve, reject) => {
      tell = resolve;
      candidacy.catch(reject);
    });
    begun.add(tell);
    try {
      await patience.race(told);
      return true;
    } finally {
      begun.delete(tell);
    }
  };
  return {
    awaitLeadership: async (limit = {}) => (await waits.within(limit, awaitTerm)) ?? false,
    isLeader: async () => leading?.term.state === "held",
    terms: async () => terms,
    resign: async () => {
      leading?.resign();
      await leading?.over;
    },
    contenders: async () => (await election.candidates()).map(described),
    ...closing(async () => {
      await waits.end();
      stop.abort();
      await candidacy.catch((error: unknown) => {
        if (!isRecipeError(error, "ABORTED")) throw error;
      });
    }),
  };
}

function described({ id }: Candidate, place: number): words.Candidate {
  return { identity: id, isLeader: place === 0 };
}
