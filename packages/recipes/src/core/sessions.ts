/** What becomes of a client's session, for all recipes on it: one listener a client, however many holds there are. */
import { type Client, isZkError, type SessionState } from "@zk/client";
import { RecipeError } from "../errors.js";
import type { Patience } from "./patience.js";

/** Hears of every state that the client goes to. */
export type StateListener = (state: SessionState, reason: string) => void;

const listenersOf = new WeakMap<Client, Set<StateListener>>();

/** Adds a listener. @returns what removes it */
export function onState(client: Client, listener: StateListener): () => void {
  let listeners = listenersOf.get(client);
  if (listeners === undefined) {
    const all = new Set<StateListener>();
    listeners = all;
    listenersOf.set(client, all);
    client.on("state", (state, reason) => {
      for (const each of [...all]) each(state, reason);
    });
  }
  const { size } = listeners;
  listeners.add(listener);
  if (listeners.size === size) throw new Error("a listener was added twice");
  return () => listeners.delete(listener);
}

/** Whether nothing can succeed on the client before it has another session, or at all. */
export function isOver(state: SessionState): boolean {
  return state === "expired" || state === "authFailed" || state === "closed";
}

/** Whether the error says that the session ended under the call, so that a new session is what it takes. */
export function isSessionOver(error: unknown): boolean {
  return isZkError(error, "SESSION_EXPIRED");
}

/**
 * Time that the owner of a client has to call `connect()` after its session expired, in milliseconds, before waits on it
 * are given up: the client says `expired` to everybody at the same moment, and a listener may have other things to do first.
 */
export const NEW_SESSION_GRACE_MS = 1000;

/**
 * Resolves when the client has a session again, or is on the way to one.
 *
 * @throws RecipeError SESSION_EXPIRED when nobody began another session (see the client's option `afterExpiry`, or call
 *   `connect()`); ABORTED, WAIT_TIMEOUT. ZkError CLOSED or AUTH_FAILED when there will be none.
 */
export async function sessionAgain(
  client: Client,
  patience: Patience,
  about: { readonly recipe: string; readonly path: string },
): Promise<void> {
  if (!isOver(client.state)) return patience.check();
  let cancelTimer = (): void => {};
  let unsubscribe = (): void => {};
  try {
    await patience.race(
      new Promise<void>((resolve) => {
        cancelTimer = client.clock.setTimer(NEW_SESSION_GRACE_MS, resolve);
        unsubscribe = onState(client, () => resolve());
      }),
    );
  } finally {
    cancelTimer();
    unsubscribe();
  }
  const { state } = client;
  if (!isOver(state)) return;
  // Any call says best why nothing goes any more.
  if (state !== "expired") return void (await client.exists(about.path, patience.call));
  throw new RecipeError({
    code: "SESSION_EXPIRED",
    message:
      "the session is over and nobody began another; call connect() when the client says `expired`, or make it with " +
      '`afterExpiry: "renew"`',
    ...about,
  });
}

/**
 * The result of work that changes nothing, or nothing that outlives a session. When the session ends meanwhile the work is done
 * anew in the next one.
 *
 * @throws as {@link sessionAgain}, and what else the work throws
 */
export async function inAnySession<T>(
  client: Client,
  patience: Patience,
  about: { readonly recipe: string; readonly path: string },
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isSessionOver(error)) throw error;
      await sessionAgain(client, patience, about);
    }
  }
}

/**
 * Resolves when the client has a session, or is on the way to one, however long that takes: for what goes on in the background
 * and has nobody to tell.
 *
 * @returns false when there will never be one, because the client is closed or its credentials were refused
 * @throws RecipeError ABORTED, WAIT_TIMEOUT
 */
export async function sessionWhenever(client: Client, patience: Patience): Promise<boolean> {
  for (;;) {
    patience.check();
    const { state } = client;
    if (state === "closed" || state === "authFailed") return false;
    if (state !== "expired") return true;
    await nextState(client, patience);
  }
}

/**
 * Resolves when a server of the quorum serves the session: what was read before may be of one that is cut off.
 * @throws RecipeError ABORTED, WAIT_TIMEOUT. Resolves too when the session is over: the next call says so.
 */
export async function connectedAgain(client: Client, patience: Patience): Promise<void> {
  while (client.state !== "connected" && !isOver(client.state)) await nextState(client, patience);
}

async function nextState(client: Client, patience: Patience): Promise<void> {
  let unsubscribe = (): void => {};
  try {
    await patience.race(
      new Promise<void>((resolve) => {
        unsubscribe = onState(client, () => resolve());
      }),
    );
  } finally {
    unsubscribe();
  }
}

/**
 * The promise, for as long as there is a session or one can be hoped for: for what is not a call of the client, and so would
 * not say by itself that its session is over.
 *
 * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED as {@link sessionAgain}, and whatever the promise rejects with
 */
export async function whileSession<T>(
  client: Client,
  promise: Promise<T>,
  patience: Patience,
  about: { readonly recipe: string; readonly path: string },
): Promise<T> {
  let unsubscribe = (): void => {};
  const over = new Promise<never>((_resolve, reject) => {
    const look = (): void => {
      if (client.state === "expired") sessionAgain(client, patience, about).catch(reject);
    };
    unsubscribe = onState(client, look);
    look();
  });
  try {
    return await patience.race(Promise.race([promise, over]));
  } finally {
    unsubscribe();
  }
}
