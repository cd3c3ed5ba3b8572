/** Waiting in line until it is our turn, over lost znodes, lost connections and lost sessions: what locks and elections share. */
import type { Client } from "@zk/client";
import { isRecipeError, RecipeError } from "../errors.js";
import type { Role } from "./dialects.js";
import type { Entry, Line } from "./line.js";
import type { LockDelay } from "./lock-delay.js";
import type { Patience } from "./patience.js";
import { type Contender, placeOf } from "./sequence.js";
import { connectedAgain, isSessionOver, sessionAgain } from "./sessions.js";
import { telemetryOf, type WaitOutcome } from "./telemetry.js";

/** How to contend. */
export interface ContendOptions {
  readonly role: Role;
  /** What our znode says of us. */
  readonly data: Uint8Array | string | null;
  /** Whether somebody ahead blocks us; by default everybody does. */
  readonly blocks?: (ahead: Contender) => boolean;
  /** Fail when the session ends meanwhile, instead of going to the end of the line in the next one. */
  readonly failOnExpiry?: boolean;
  /** What else has to be so before the first in line has what it stands for. */
  readonly delay?: LockDelay | undefined;
  /** It is part of a longer wait, which counts itself. */
  readonly isPart?: boolean;
  /** It does not wait for anybody. */
  readonly isTry?: boolean;
}

/**
 * Stands in line until nobody blocks us.
 *
 * @returns the entry whose turn it is; whoever gets it has to see to it that it is removed
 * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError for what a server refuses. Nothing of ours is left
 *   in line then, or the janitor has it.
 */
export function contend(line: Line, options: ContendOptions, patience: Patience): Promise<Entry> {
  return standing(line, options, patience, async (entry) => {
    if (!(await hasTurn(line, entry, options, patience))) return undefined;
    if (options.delay === undefined) return entry;
    return (await options.delay.admit(entry, patience, true)) === "admitted" ? entry : undefined;
  });
}

/**
 * Looks once, without waiting for anybody.
 * @returns the entry if nobody blocks it; otherwise null, and nothing of ours is left in line
 * @throws as {@link contend}
 */
export function contendOnce(line: Line, options: ContendOptions, patience: Patience): Promise<Entry | null> {
  return standing(line, { ...options, isTry: true }, patience, async (entry) => {
    const found = await isNext(line, entry, options, patience);
    if (found === undefined) return undefined;
    if (found && options.delay === undefined) return entry;
    const admission = found ? await options.delay?.admit(entry, patience, false) : "paused";
    if (admission !== "paused") return admission === "admitted" ? entry : undefined;
    await (options.delay ?? line).leave(entry);
    return null;
  });
}

/**
 * Stands in line, over the end of sessions, until something is decided.
 * @param decide undefined says that the contender is gone, and another has to be made
 */
async function standing<T>(
  line: Line,
  options: ContendOptions,
  patience: Patience,
  decide: (entry: Entry) => Promise<T | undefined>,
): Promise<T> {
  const { client } = line;
  const about = { recipe: line.options.recipe, path: line.options.directory };
  const wait = async (): Promise<T> => {
    for (;;) {
      let entry: Entry | undefined;
      try {
        entry = await line.enter(options.role, options.data, patience);
        const decision = await decide(entry);
        if (decision !== undefined) return decision;
      } catch (error) {
        if (!isSessionOver(error)) {
          if (entry !== undefined) await (options.delay ?? line).leave(entry);
          throw error;
        }
        if (options.failOnExpiry === true) {
          const message = "the session ended meanwhile";
          throw new RecipeError({ code: "SESSION_EXPIRED", message, ...about });
        }
        await sessionAgain(client, patience, about);
      }
      // The znode went with its session, or somebody removed it: at the end of the line, under a new name.
      telemetryOf(client).metrics.reentries += 1;
    }
  };
  return options.isPart === true ? wait() : counted(client, { ...about, isTry: options.isTry }, wait);
}

/** Whether nobody blocks it; undefined when it is gone, or a server said so that is cut off from the quorum. */
async function isNext(
  line: Line,
  entry: Entry,
  options: ContendOptions,
  patience: Patience,
): Promise<boolean | undefined> {
  for (;;) {
    const place = placeOf((await line.list(patience)).contenders, entry.name, options.blocks);
    const { state, sessionId } = line.client;
    if (place === undefined || sessionId !== entry.sessionId) return undefined;
    if (state === "connected") return place.blockedBy === undefined;
    await connectedAgain(line.client, patience);
  }
}

/** What a server said while it was of the quorum, and we were on it. */
async function hasTurn(
  line: Line,
  entry: Entry,
  options: ContendOptions,
  patience: Patience,
): Promise<boolean> {
  for (;;) {
    if (!(await line.turn(entry, patience, options.blocks))) return false;
    if (line.client.state === "connected" && line.client.sessionId === entry.sessionId) return true;
    await connectedAgain(line.client, patience);
    if (line.client.sessionId !== entry.sessionId) return false;
  }
}

/** What a wait is for. */
export interface Counted {
  readonly recipe: string;
  readonly path: string;
  /** It does not wait for anybody: null says that it was not to be had. */
  readonly isTry?: boolean | undefined;
}

/** Counts a wait and how it ends, and has it traced. */
export async function counted<T>(client: Client, about: Counted, wait: () => Promise<T>): Promise<T> {
  const { metrics, tracings } = telemetryOf(client);
  const traces = tracings.size === 0 ? [] : [...tracings].map((tracing) => tracing.wait(about));
  const ended = (outcome: WaitOutcome, error?: unknown): void => {
    for (const trace of traces) trace(outcome, error);
  };
  const sinceMs = client.clock.nowMs();
  metrics.waits += 1;
  metrics.waiting += 1;
  try {
    const result = await wait();
    ended(about.isTry === true && result === null ? "unavailable" : "acquired");
    return result;
  } catch (error) {
    const outcome = outcomeOf(error);
    if (outcome === "timeout") metrics.waitsTimedOut += 1;
    if (outcome === "aborted") metrics.waitsAborted += 1;
    ended(outcome, error);
    throw error;
  } finally {
    metrics.waiting -= 1;
    metrics.waitedMs += client.clock.nowMs() - sinceMs;
  }
}

function outcomeOf(error: unknown): WaitOutcome {
  if (isRecipeError(error, "WAIT_TIMEOUT")) return "timeout";
  return isRecipeError(error, "ABORTED") ? "aborted" : "failed";
}
