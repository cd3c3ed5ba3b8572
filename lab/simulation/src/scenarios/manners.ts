/** What the scenarios have in common: how players wait and change their minds, and what is demanded of every hold and every end. */
import { isZkError } from "@zk/client";
import type { HoldState, RecipeErrorCode } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import type { Stage } from "./scenario.js";

/** Within it everybody has had its turn once nothing is wrong: virtual milliseconds. */
export const TURN_MS_MAX = 30_000;

/** Something that is held, alone or together with others. */
export interface Held {
  readonly state: HoldState;
  readonly signal: AbortSignal;
  readonly sessionId?: bigint;
}

/** Makes a znode that everybody needs, unless it is there. */
export async function makeNode({ client }: Player, path: string, data = "0"): Promise<void> {
  await client.create(path, data).catch((error: unknown) => {
    if (!isZkError(error, "NODE_EXISTS")) throw error;
  });
}

/** The text of a znode's data. */
export function textOf(data: Uint8Array | null | undefined): string {
  return new TextDecoder().decode(data ?? new Uint8Array(0));
}

/** A signal that aborts when the player rests, and now and then before. Dispose of it when the wait is over. */
export function impatienceOf({ chance, client, resting }: Player): Disposable & {
  readonly signal: AbortSignal;
} {
  if (chance.is(0.5)) return { signal: resting, [Symbol.dispose]: () => {} };
  const abort = new AbortController();
  const rest = (): void => abort.abort(resting.reason);
  resting.addEventListener("abort", rest);
  if (resting.aborted) rest();
  const cancel = chance.is(0.3)
    ? client.clock.setTimer(chance.wait(400), () => abort.abort(new Error("changed its mind")))
    : (): void => {};
  const dispose = (): void => {
    cancel();
    resting.removeEventListener("abort", rest);
  };
  return { signal: abort.signal, [Symbol.dispose]: dispose };
}

/** How long a player waits at most. */
export function timeoutOf({ chance }: Player): number {
  return chance.pick([50, 500, 5000, Number.POSITIVE_INFINITY]);
}

/**
 * A wait that may end without what it was for.
 * @param codes of the recipe's errors that may end it; errors of the client may as well
 * @returns null when it ended so
 */
export async function orGiveUp<T>(
  { recipes }: Stage,
  player: Player,
  wait: () => Promise<T>,
  codes: readonly RecipeErrorCode[] = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED"],
): Promise<T | null> {
  try {
    return await wait();
  } catch (error) {
    const isOurs = recipes.isRecipeError(error);
    if (!isOurs && !isZkError(error)) throw error;
    player.note(`gives up: ${error.code}`);
    player.demand(!isOurs || codes.includes(error.code), () => `a wait ended with ${String(error)}`);
    return null;
  }
}

/** What a user may believe of something that is held. To be looked at behind every turn. */
export function checkBelief(player: Player, what: string, held: Held, onSuspended: "abort" | "wait"): void {
  const { state } = held;
  const { client } = player;
  const isServed = client.state === "connected" && (held.sessionId ?? client.sessionId) === client.sessionId;
  player.demand(
    state !== "held" || isServed,
    () => `${what} is called held while the client is ${client.state}, in session ${client.sessionId}`,
  );
  const { weakMs } = client.trustedForMs;
  // While a server serves us its answer may lie in our own socket: there the whole session timeout counts.
  const marginMs = client.state === "connected" ? Math.floor(client.sessionTimeoutMs / 3) : 0;
  player.demand(
    state !== "suspect" || weakMs + marginMs > 0,
    () => `${what} is believed in although the session may be over: trusted for ${weakMs} ms`,
  );
  const mustAbort = state === "lost" || (state === "suspect" && onSuspended === "abort");
  player.demand(!mustAbort || held.signal.aborted, () => `${what} is ${state} and its signal says nothing`);
}

/** A wait that ended leaves nothing of ours. Of an earlier session nothing is: the servers remove it. */
export function checkNothingLeft(
  { ledger, recipes }: Stage,
  player: Player,
  directories: readonly string[],
): void {
  const { client } = player;
  if (client.state !== "connected" || recipes.recipeMetrics(client).janitorPending > 0) return;
  const left = directories
    .flatMap((directory) => ledger.below(directory))
    .filter((path) => ledger.now(path)?.owner === client.sessionId);
  player.demand(left.length === 0, () => `gave up, and left ${left.join(", ")}`);
}

/** Nothing is wrong and nothing is wanted any more: nothing may be under way. */
export function checkNothingUnderWay({ recipes }: Stage, player: Player): void {
  const { waiting, holding, janitorPending } = recipes.recipeMetrics(player.client);
  player.demand(
    waiting === 0 && holding === 0 && janitorPending === 0,
    () => `${waiting} wait, ${holding} hold, and the janitor has ${janitorPending}`,
  );
}

/** Everybody is gone: nothing may stand in these directories. */
export function checkEmpty({ ledger, report }: Stage, directories: readonly string[]): void {
  for (const directory of directories) {
    const left = ledger.now(directory)?.children ?? [];
    if (left.length > 0) report(`left in ${directory}: ${left.join(", ")}`);
  }
}
