/** What the lab does with a client's session from outside: ending it, and finding where it is connected. */
import { LabError } from "../errors.js";
import { ProbeSession, type SessionCredentials } from "../probe-session.js";
import { timeScale, type WaitOptions, waitFor } from "../wait.js";
import type { Control } from "./control.js";
import { leaderAmong, lookAtAll } from "./readiness.js";
import { connectionSince, knowsSession } from "./server-view.js";
import type { SessionHolder } from "./types.js";

/** Limit of {@link expireSession} unless told, in milliseconds. */
export const defaultExpireTimeoutMs = 15_000;
/** Limit for one try with one server: a paused server accepts a connection and never answers. */
const tryTimeoutMs = 2_000;

/** See `Ensemble.expireSession`. */
export async function expireSession(
  controls: readonly Control[],
  client: SessionHolder,
  options: WaitOptions = {},
): Promise<void> {
  const { sessionPassword } = client;
  const credentials: SessionCredentials = {
    sessionId: client.sessionId,
    password: sessionPassword instanceof Uint8Array ? sessionPassword : sessionPassword.reveal(),
  };
  if (credentials.sessionId === 0n) {
    throw new LabError("SESSION_REFUSED", "The client has no session yet: connect it before expireSession.");
  }
  const tries: string[] = [];
  await waitFor({
    what: `session 0x${hex(credentials.sessionId)} to be closed`,
    timeoutMs: options.timeoutMs ?? defaultExpireTimeoutMs,
    signal: options.signal,
    intervalMs: 50,
    code: "SESSION_REFUSED",
    look: async () => {
      // A server that moves between two states may refuse us once; another one, or the next round, will not.
      for (const control of controls) {
        const process = await control.find();
        if (process === null || process.isPaused) continue;
        const outcome = await tryToExpire(control, credentials, options.signal);
        if (outcome === "closed") return true;
        if (outcome === "over" && (await isConfirmedOver(controls, credentials.sessionId))) return true;
        tries.push(`server ${control.server.id}: ${outcome}`);
      }
      return undefined;
    },
    describe: () => describeTries(tries),
  });
}

/** See `Ensemble.serverOf`. A session that moved may still show on its old server: the youngest connection counts. */
export async function serverOf(
  controls: readonly Control[],
  client: { readonly sessionId: bigint },
): Promise<number | null> {
  const found = await Promise.all(
    controls.map(async (control) => {
      const process = await control.find();
      const since =
        process === null || process.isPaused ? null : await connectionSince(control.server, client.sessionId);
      return since === null ? [] : [{ id: control.server.id, since }];
    }),
  );
  const youngest = found.flat().sort((a, b) => b.since - a.since)[0];
  return youngest?.id ?? null;
}

/**
 * - `closed` the server confirmed
 * - `over` the server says that there is no such session, or that the password is wrong
 * - anything else: why there is no answer
 */
async function tryToExpire(
  control: Control,
  credentials: SessionCredentials,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { host, clientPort } = control.server;
  let session: ProbeSession | null = null;
  try {
    const timeoutMs = tryTimeoutMs * timeScale();
    session = await ProbeSession.open({ host, clientPort, timeoutMs, signal }, credentials);
    if (session === null) return "over";
    await session.close();
    return "closed";
  } catch (error) {
    signal?.throwIfAborted();
    return (error as Error).message;
  } finally {
    session?.abandon();
  }
}

/** Servers answer a wrong password as they answer a session that is over; the leader's list of sessions tells which it was. */
async function isConfirmedOver(controls: readonly Control[], sessionId: bigint): Promise<boolean> {
  const leader = leaderAmong(await lookAtAll(controls));
  return leader !== null && (await knowsSession(leader.server, sessionId)) === false;
}

function describeTries(tries: readonly string[]): string {
  const last = tries.slice(-6).join("\n");
  const hint = tries.some((line) => line.endsWith(": over"))
    ? "\nA server calls the session over while the leader still lists it: the password may be wrong."
    : "";
  return tries.length === 0 ? "No server was running." : `Tried ${tries.length} times, last:\n${last}${hint}`;
}

function hex(sessionId: bigint): string {
  return BigInt.asUintN(64, sessionId).toString(16);
}
