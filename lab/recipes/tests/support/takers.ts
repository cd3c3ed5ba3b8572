// Programs that take locks, permits and sides of locks, give them back, and give up; and what may happen to them meanwhile.
import { type Client, isZkError } from "@zk/client";
import { isRecipeError, Lock, ReadWriteLock, recipeMetrics, Semaphore } from "@zk/recipes";
import type { Cable, Chance, Losable } from "../../src/index.js";

/** Where znodes of all of them lie. */
export const DIRECTORIES = ["/lock", "/rw", "/semaphore/locks", "/semaphore/leases"] as const;

/** The servers, the model or real ones, and their time. */
export interface Ground {
  readonly chance: Chance;
  /** Lets so much time pass. */
  pass(forMs: number): Promise<void>;
  expire(client: Client): Promise<void>;
  /** Kills a server, and starts it again. */
  kill(): Promise<void>;
  /** Milliseconds for which somebody is cut off; the longest is longer than a session. */
  readonly cutsMs: readonly number[];
}

interface Held {
  readonly state: string;
  release(): Promise<unknown>;
}

interface Wait {
  readonly abort: AbortController;
  isOver: boolean;
}

/** One program. */
export class Taker {
  readonly client: Client;
  readonly cable: Cable;
  /** What it has, each with its number of znodes. */
  readonly holds: { readonly hold: Held; readonly znodes: number }[] = [];
  readonly waits: Wait[] = [];
  readonly failures: unknown[] = [];
  readonly #chance: Chance;

  constructor(actor: { readonly client: Client; readonly cable: Cable }, chance: Chance) {
    this.client = actor.client;
    this.cable = actor.cable;
    this.#chance = chance;
  }

  /** Takes something, and waits for it no longer than told. */
  take(kind: string): void {
    const { client } = this;
    const chance = this.#chance;
    const wait: Wait = { abort: new AbortController(), isOver: false };
    const options = {
      signal: wait.abort.signal,
      ...(chance.is(0.4) ? { timeoutMs: chance.pick([1, 20, 300, 3000]) } : {}),
    };
    const permits = kind === "semaphore" ? 1 + chance.below(2) : 1;
    const rw = new ReadWriteLock(client, "/rw");
    const acquiring = ((): Promise<Held | null> => {
      if (kind === "lock") return new Lock(client, "/lock").acquire(options);
      if (kind === "try") return new Lock(client, "/lock").tryAcquire(options);
      if (kind === "read") return rw.read.acquire(options);
      if (kind === "write") return rw.write.acquire(options);
      return new Semaphore(client, "/semaphore", { max: 2 }).acquire({ ...options, permits });
    })();
    this.waits.push(wait);
    acquiring.then(
      (hold) => {
        wait.isOver = true;
        if (hold !== null) this.holds.push({ hold, znodes: permits });
      },
      (error: unknown) => {
        wait.isOver = true;
        const isFair = isRecipeError(error) || isZkError(error, "CLOSED");
        if (!isFair) this.failures.push(error);
      },
    );
  }

  releaseAll(): void {
    for (const { hold } of this.holds) void hold.release().catch(() => {});
  }

  /** Nothing is under way: whatever it wants it has, or waits for. */
  get isQuiet(): boolean {
    const { inFlight, queued } = this.client.load;
    const { janitorPending } = recipeMetrics(this.client);
    return this.client.state === "connected" && inFlight + queued + janitorPending === 0;
  }

  /** Neither has anything nor waits for anything. */
  get isIdle(): boolean {
    this.#forget();
    return this.waits.length + this.holds.length === 0;
  }

  /** The znodes that its session should own now. */
  get znodes(): number {
    this.#forget();
    return this.holds.reduce((sum, { znodes }) => sum + znodes, 0) + this.waits.length;
  }

  #forget(): void {
    const isOver = ({ hold }: { readonly hold: Held }): boolean =>
      hold.state === "lost" || hold.state === "released";
    for (const { list, over } of [
      { list: this.waits, over: (each: unknown) => (each as Wait).isOver },
      { list: this.holds, over: (each: unknown) => isOver(each as { readonly hold: Held }) },
    ]) {
      for (let index = list.length - 1; index >= 0; index -= 1) if (over(list[index])) list.splice(index, 1);
    }
  }
}

const OPERATIONS: readonly Losable[] = ["create", "remove", "multi", "getChildren", "getData", "event"];
const KINDS = ["lock", "lock", "try", "read", "write", "semaphore", "semaphore"];

/** Something happens, to one of them or to a server. */
export async function step(ground: Ground, takers: readonly Taker[]): Promise<void> {
  const { chance } = ground;
  const taker = chance.pick(takers);
  const { cable } = taker;
  const dice = chance.next();
  if (dice < 0.4) taker.take(chance.pick(KINDS));
  else if (dice < 0.62) void taker.holds[chance.below(taker.holds.length)]?.hold.release().catch(() => {});
  else if (dice < 0.72) taker.waits[chance.below(taker.waits.length)]?.abort.abort();
  else if (dice < 0.86)
    void cable.lose(chance.pick(["reply", "request"]), chance.pick(OPERATIONS), chance.below(2));
  else if (dice < 0.92) cable.reset();
  else if (dice < 0.95) {
    cable.cut();
    await ground.pass(chance.pick(ground.cutsMs));
    cable.mend();
  } else if (dice < 0.97) await ground.expire(taker.client);
  else if (dice < 0.985) await ground.kill();
  else await ground.pass(chance.below(ground.cutsMs.at(-1)!));
  // Sometimes the next thing happens before this one is through.
  if (chance.is(0.3)) await ground.pass(chance.below(4));
}

/**
 * Compares what lies in the directories with what they have and wait for.
 * @param owned paths by the session that owns them
 * @returns what is wrong, if anything is
 */
export function complaint(
  takers: readonly Taker[],
  owned: ReadonlyMap<bigint, readonly string[]>,
): string | undefined {
  const rest = new Map(owned);
  for (const taker of takers) {
    const { sessionId } = taker.client;
    const theirs = rest.get(sessionId) ?? [];
    rest.delete(sessionId);
    if (theirs.length !== taker.znodes) return `${taker.znodes} wanted, there are ${theirs.join(" ")}`;
    if (taker.failures.length > 0) return `failed: ${taker.failures.map(String).join("; ")}`;
  }
  const orphans = [...rest.values()].flat();
  return orphans.length === 0 ? undefined : `of nobody: ${orphans.join(" ")}`;
}
