/** Ends a client's session behind its back: takes it over on a second connection, and closes it. */
import type { EnsembleModel } from "../model/ensemble-model.js";
import type { ModelDriver } from "./driver.js";
import type { MemoryServer, MemorySessionHolder } from "./ensemble-types.js";
import { MemoryServerError } from "./errors.js";
import type { Credentials } from "./model-link.js";
import { closeSession } from "./sessions.js";
import { lookAtAll } from "./views.js";
import { formatSeconds, nextRound, type SetLimit, type WaitOptions, withLimit } from "./wait.js";

/** Limit unless told, in milliseconds. */
export const defaultExpireTimeoutMs = 15_000;

/** The ensemble whose session it is. */
export interface ExpiryPlace {
  readonly model: EnsembleModel;
  readonly driver: ModelDriver;
  readonly servers: readonly MemoryServer[];
  readonly setLimit: SetLimit;
}

/** Tries every server until one confirms. @throws MemoryServerError `SESSION_REFUSED` */
export async function expireSession(
  place: ExpiryPlace,
  { sessionId, sessionPassword }: MemorySessionHolder,
  options: WaitOptions,
): Promise<void> {
  if (sessionId === 0n) {
    throw new MemoryServerError(
      "SESSION_REFUSED",
      "The client has no session yet: connect it before expireSession.",
    );
  }
  const password = sessionPassword instanceof Uint8Array ? sessionPassword : sessionPassword.reveal();
  const credentials = { sessionId: BigInt.asIntN(64, sessionId), password };
  const timeoutMs = options.timeoutMs ?? defaultExpireTimeoutMs;
  const hex = BigInt.asUintN(64, sessionId).toString(16);
  const tries: string[] = [];
  const late = (): MemoryServerError =>
    new MemoryServerError(
      "SESSION_REFUSED",
      `Waited ${formatSeconds(timeoutMs)} for session 0x${hex} to be closed. ${describeTries(tries)}`,
    );
  await withLimit(
    async (signal) => {
      // A server that moves between two states may refuse once; another one, or the next round, will not.
      while (!(await tryAll(place, credentials, tries, signal))) await nextRound(place.driver, signal);
    },
    { setLimit: place.setLimit, timeoutMs, signal: options.signal, late },
  );
}

async function tryAll(
  { model, driver, servers }: ExpiryPlace,
  credentials: Credentials,
  tries: string[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const { server, process } of lookAtAll(model, servers)) {
    if (process !== "running") continue;
    let outcome: string;
    try {
      outcome = await closeSession(driver, server.id, credentials, signal);
    } catch (error) {
      signal.throwIfAborted();
      outcome = (error as Error).message;
    }
    if (outcome === "closed") return true;
    if (outcome === "over" && isOver(model, credentials.sessionId)) return true;
    tries.push(`server ${server.id}: ${outcome}`);
  }
  return false;
}

/** Servers answer a wrong password as they answer a session that is over; the leader knows which it was. */
function isOver(model: EnsembleModel, sessionId: bigint): boolean {
  const { leaderId } = model;
  return leaderId !== undefined && !model.server(leaderId).tree.sessions.has(sessionId);
}

function describeTries(tries: readonly string[]): string {
  const hint = tries.some((line) => line.endsWith(": over"))
    ? "\nA server calls the session over while the leader still lists it: the password may be wrong."
    : "";
  return tries.length === 0
    ? "No server was running."
    : `Tried ${tries.length} times, last:\n${tries.slice(-6).join("\n")}${hint}`;
}
