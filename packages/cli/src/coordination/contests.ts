/** What `zk lock` and `zk elect` stand in line for: the recipes, each as something that is waited for and then held. */
import type { Client } from "@zk/client";
import {
  type Dialect,
  Election,
  type HoldState,
  isRecipeError,
  LeaderLatch,
  type Leadership,
  Lock,
  ReadWriteLock,
  Semaphore,
} from "@zk/recipes";
import type { Held } from "./held.js";
import { type LayoutName, refuseOtherLayouts } from "./layouts.js";
import { type WaitingRun, waitInLine } from "./waiting.js";

/** Which lock is wanted. */
export interface LockWish {
  readonly identity: string;
  readonly dialect: Dialect;
  readonly shared: boolean;
  readonly mutex: boolean;
  /** Permits of a semaphore; undefined for a lock. */
  readonly limit: number | undefined;
  /** Milliseconds to wait at most; 0 for not at all, undefined for as long as it takes. */
  readonly waitMs: number | undefined;
}

/** One line to stand in. */
interface Contest {
  readonly layouts: readonly LayoutName[];
  tryAcquire(options: { readonly signal: AbortSignal }): Promise<Held | null>;
  acquire(options: { readonly signal: AbortSignal; readonly timeoutMs?: number }): Promise<Held>;
}

/** @returns null when it was not got in time. @throws CliError OTHER_KIND; Interruption for any of the forwarded signals */
export async function acquireLock(
  client: Client,
  path: string,
  run: WaitingRun & { note(line: string): void },
  wish: LockWish,
): Promise<Held | null> {
  const { waitMs } = wish;
  const contest = contestOf(client, path, wish);
  try {
    return await inOwnLayout(client, path, run, contest.layouts, async (signal) => {
      const first = await contest.tryAcquire({ signal });
      if (first !== null || waitMs === 0) return first;
      run.note(`waiting for ${path}`);
      return await contest.acquire({ signal, ...(waitMs === undefined ? {} : { timeoutMs: waitMs }) });
    });
  } catch (error) {
    if (isRecipeError(error, "WAIT_TIMEOUT")) return null;
    throw error;
  }
}

/**
 * Waits in a line of one layout. Two who begin at once in an empty directory, in different layouts, do not see each other at
 * first: so it is looked at again before anything is done under what was got, and whoever came second gives way, or both do.
 */
async function inOwnLayout<T extends Held | null>(
  client: Client,
  path: string,
  run: WaitingRun,
  own: readonly LayoutName[],
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await refuseOtherLayouts(client, path, own, run.signal);
  const held = await waitInLine(client, run, wait);
  try {
    if (held !== null) await refuseOtherLayouts(client, path, own, run.signal);
    return held;
  } catch (error) {
    await held?.release();
    throw error;
  }
}

function contestOf(client: Client, path: string, wish: LockWish): Contest {
  const { dialect, identity, limit } = wish;
  const options = { identity, dialect, onSuspended: "wait" } as const;
  if (limit !== undefined) {
    const semaphore = new Semaphore(client, path, { ...options, max: limit });
    return {
      layouts: ["semaphore"],
      tryAcquire: async (how) => (await semaphore.tryAcquire(how))?.leases[0] ?? null,
      // One permit is asked for, and so one is what there is.
      acquire: async (how) => (await semaphore.acquire(how)).leases[0]!,
    };
  }
  if (wish.mutex) {
    const lock = new Lock(client, path, options);
    return {
      layouts: [`${dialect} lock`],
      tryAcquire: (how) => lock.tryAcquire(how),
      acquire: (how) => lock.acquire(how),
    };
  }
  const { read, write } = new ReadWriteLock(client, path, options);
  const side = wish.shared ? read : write;
  return {
    layouts: dialect === "kazoo" ? ["kazoo lock", "kazoo read-write lock"] : ["curator read-write lock"],
    tryAcquire: (how) => side.tryAcquire(how),
    acquire: (how) => side.acquire(how),
  };
}

/** Which election is stood for. */
export interface ElectionWish {
  readonly identity: string;
  readonly dialect: Dialect;
  readonly latch: boolean;
}

/** Stands for election until we lead. @throws as {@link acquireLock} */
export async function standForElection(
  client: Client,
  path: string,
  run: WaitingRun,
  wish: ElectionWish,
): Promise<Held> {
  const { identity, dialect, latch: isLatch } = wish;
  const layout = isLatch ? "latch" : (`${dialect} lock` as const);
  return await inOwnLayout(client, path, run, [layout], async (signal): Promise<Held> => {
    if (isLatch) return await LatchTerm.begin(client, path, identity, signal);
    // The wait's signal ends with the wait; the term is ended by giving it back.
    const terms = new Election(client, path, { identity, dialect, onSuspended: "wait" }).terms({ signal });
    const { value: term } = (await terms.next()) as IteratorYieldResult<Held>;
    return {
      path: term.path,
      token: term.token,
      sessionId: term.sessionId,
      get state() {
        return term.state;
      },
      onState: (listener) => term.onState(listener),
      release: () => terms.return(undefined),
    };
  });
}

/** One stretch of leadership of a latch, as something that is held. */
class LatchTerm implements Held {
  readonly path: string;
  readonly token: bigint;
  readonly sessionId: bigint;
  readonly #latch: LeaderLatch;
  readonly #leadership: Leadership;

  private constructor(latch: LeaderLatch, leadership: Leadership) {
    this.#latch = latch;
    this.#leadership = leadership;
    this.path = leadership.path;
    this.token = leadership.token;
    this.sessionId = leadership.sessionId;
  }

  static async begin(
    client: Client,
    path: string,
    identity: string,
    signal: AbortSignal,
  ): Promise<LatchTerm> {
    const latch = new LeaderLatch(client, path, { identity, onSuspended: "wait" }).start();
    try {
      return new LatchTerm(latch, await latch.leading({ signal }));
    } catch (error) {
      await latch.close();
      throw error;
    }
  }

  get state(): HoldState {
    // A latch that lost its term stands again by itself; that would be another term, with another token.
    const { state } = this.#latch;
    if (this.#leadership.signal.aborted) return "lost";
    return state === "leading" ? "held" : "suspect";
  }

  onState(listener: () => void): () => void {
    const { signal } = this.#leadership;
    signal.addEventListener("abort", listener);
    return () => signal.removeEventListener("abort", listener);
  }

  release(): Promise<void> {
    return this.#latch.close();
  }
}
