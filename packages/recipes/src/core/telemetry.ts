/** What the recipes of one client did, counted; and what is worth telling at once. */
import type { Client } from "@zk/client";

/** Counts since the client was made. Times are sums of milliseconds on the client's clock. */
export interface RecipeMetrics {
  /** Waits that began: for a lock, a term, a permit, an item. */
  waits: number;
  /** Waits under way now. */
  waiting: number;
  /** Time spent in waits that ended. */
  waitedMs: number;
  /** Waits that ran out of time. */
  waitsTimedOut: number;
  /** Waits that were aborted. */
  waitsAborted: number;
  /** Times that a wait was woken and looked again: by {@link holdsReleased}, those per release. */
  wakeUps: number;
  /** Times that a wait began anew in a new session, or because its znode was taken away. */
  reentries: number;
  /** Holds that were gained. */
  holds: number;
  /** Holds that stand now, those in doubt included. */
  holding: number;
  /** Time for which holds that ended stood. */
  heldMs: number;
  /** Holds that were given back. */
  holdsReleased: number;
  /** Holds that were lost. */
  holdsLost: number;
  /** Times that a hold came to be in doubt. */
  holdsSuspect: number;
  /** Contenders, of everybody, in the line that was looked at last. */
  lineLength: number;
  /** The most of them that were seen in one line. */
  lineLengthMax: number;
  /** Items, of everybody, in the queue that was looked at last. */
  queueLength: number;
  /** The most of them that were seen in one queue. */
  queueLengthMax: number;
  /** Calls that a recipe made again because a connection was lost; what the client itself sends again is not among them. */
  retries: number;
  /** Writes that were tried again because somebody else wrote first. */
  conflicts: number;
  /** Writes whose answer was lost and that had to be looked for. */
  ambiguous: number;
  /** Znodes handed to the janitor. */
  janitorTaken: number;
  /** Of those, the ones that are still to be removed. */
  janitorPending: number;
  /** Of those, the ones that could not be removed and outlived the session. */
  janitorFailed: number;
  /** Znodes that were reaped. */
  reaped: number;
  /** Largest lateness with which a hold's local deadline was looked at. */
  latenessMaxMs: number;
  /** How late the event loop was when it came to the last timer of a hold: there is one each two thirds of a session timeout. */
  timerLatenessMs: number;
  /** The most that it was late then. */
  timerLatenessMaxMs: number;
}

/** What is told to {@link observeRecipes}. */
export type RecipeEvent =
  | { readonly type: "held"; readonly recipe: string; readonly path: string; readonly token: bigint }
  | { readonly type: "suspect"; readonly recipe: string; readonly path: string }
  | { readonly type: "verified"; readonly recipe: string; readonly path: string }
  | { readonly type: "lost"; readonly recipe: string; readonly path: string; readonly reason: string }
  | {
      readonly type: "released";
      readonly recipe: string;
      readonly path: string;
      /** False when it was handed to the janitor. */
      readonly confirmed: boolean;
    }
  /** Children that are no contenders lie in the directory of a recipe; told once for each set of names. */
  | {
      readonly type: "foreignChildren";
      readonly recipe: string;
      readonly path: string;
      readonly names: readonly string[];
    }
  /** Contenders of another library, with which there is no mutual exclusion as this recipe is set up. */
  | {
      readonly type: "incompatibleContenders";
      readonly recipe: string;
      readonly path: string;
      readonly names: readonly string[];
      readonly dialect: string;
    }
  /**
   * The directory's counter nears 2^31. Order goes on past it, here; other libraries lose theirs. A `Reaper` that has the directory
   * below its roots removes it as soon as it is found empty, and its numbers begin again.
   */
  | { readonly type: "wrapNear"; readonly recipe: string; readonly path: string; readonly serial: number }
  /** The last holder was lost, and the next one in line waits so long: see `lockDelayMs`. */
  | { readonly type: "delayed"; readonly recipe: string; readonly path: string; readonly forMs: number }
  /** A queue has become so long that ZooKeeper, which holds all of it in memory and lists all of it, is the wrong place for it. */
  | { readonly type: "longQueue"; readonly recipe: string; readonly path: string; readonly length: number }
  /** A value that was removed was to be seeded again, and could not be. */
  | { readonly type: "notSeeded"; readonly recipe: string; readonly path: string; readonly error: unknown }
  /** An item was moved to those that are given up. */
  | { readonly type: "deadItem"; readonly recipe: string; readonly path: string; readonly name: string }
  /** A leader goes on although it was told to stop so many milliseconds ago. */
  | {
      readonly type: "overstay";
      readonly recipe: string;
      readonly path: string;
      readonly token: bigint;
      readonly forMs: number;
    }
  /** The janitor could not remove a znode. */
  | { readonly type: "leftBehind"; readonly path: string; readonly error: unknown }
  /** A directory that had been empty for long enough is gone. */
  | { readonly type: "reaped"; readonly recipe: string; readonly path: string }
  /** A server does not let the reaper look at a znode, or remove it. */
  | { readonly type: "notReaped"; readonly recipe: string; readonly path: string; readonly error: unknown }
  /** A znode may not be read, and is left out. */
  | { readonly type: "unreadable"; readonly recipe: string; readonly path: string; readonly error: unknown }
  /** A function that was given to a recipe threw. */
  | {
      readonly type: "listenerFailed";
      readonly recipe: string;
      readonly path: string;
      readonly error: unknown;
    }
  /** Something was read that is not of the recipe's layout, and left out. */
  | {
      readonly type: "badData";
      readonly recipe: string;
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly error: unknown;
    };

/** How a wait ended. `unavailable`: it was only tried, and was not to be had. */
export type WaitOutcome = "acquired" | "unavailable" | "timeout" | "aborted" | "failed";

/** What hears of a hold from its beginning to its end. */
export interface HoldTrace {
  happened(what: "suspect" | "verified"): void;
  ended(outcome: "released" | "lost", error?: unknown): void;
}

/** What hears of the beginning of every wait and every hold. Must not throw. */
export interface Tracing {
  wait(about: {
    readonly recipe: string;
    readonly path: string;
  }): (outcome: WaitOutcome, error?: unknown) => void;
  hold(about: {
    readonly recipe: string;
    readonly path: string;
    readonly token: bigint;
    readonly sessionId: bigint;
  }): HoldTrace;
}

class Telemetry {
  readonly metrics: RecipeMetrics = {
    waits: 0,
    waiting: 0,
    waitedMs: 0,
    waitsTimedOut: 0,
    waitsAborted: 0,
    wakeUps: 0,
    reentries: 0,
    holds: 0,
    holding: 0,
    heldMs: 0,
    holdsReleased: 0,
    holdsLost: 0,
    holdsSuspect: 0,
    lineLength: 0,
    lineLengthMax: 0,
    queueLength: 0,
    queueLengthMax: 0,
    retries: 0,
    conflicts: 0,
    ambiguous: 0,
    janitorTaken: 0,
    janitorPending: 0,
    janitorFailed: 0,
    reaped: 0,
    latenessMaxMs: 0,
    timerLatenessMs: 0,
    timerLatenessMaxMs: 0,
  };
  readonly listeners: Set<(event: RecipeEvent) => void> = new Set();
  readonly tracings: Set<Tracing> = new Set();
  readonly #toldForeign = new Map<string, string>();

  tell(event: RecipeEvent): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(event);
      } catch {
        // An observer must not come between a recipe and its work; there is nobody to tell.
      }
    }
  }

  /** Counts how long a line or a queue was, by everybody who is in it. */
  measure(what: "line" | "queue", length: number): void {
    const { metrics } = this;
    metrics[`${what}Length`] = length;
    metrics[`${what}LengthMax`] = Math.max(metrics[`${what}LengthMax`], length);
  }

  /** As {@link tell}, once for the same names at the same place. */
  tellForeign(event: Extract<RecipeEvent, { readonly names: readonly string[] }>): void {
    if (event.names.length === 0) return;
    const key = `${event.type} ${event.path}`;
    const names = [...event.names].sort().join("/");
    if (this.#toldForeign.get(key) === names) return;
    if (this.#toldForeign.size >= TOLD_MAX) this.#toldForeign.clear();
    this.#toldForeign.set(key, names);
    this.tell(event);
  }
}

/** Directories remembered at most, so that they are not complained of again and again. */
const TOLD_MAX = 10_000;

const telemetries = new WeakMap<Client, Telemetry>();

/** The counts and listeners of a client's recipes. */
export function telemetryOf(client: Client): Telemetry {
  let telemetry = telemetries.get(client);
  if (telemetry === undefined) {
    telemetry = new Telemetry();
    telemetries.set(client, telemetry);
  }
  return telemetry;
}

/** What the recipes on this client did so far: a copy of the counts. */
export function recipeMetrics(client: Client): Readonly<RecipeMetrics> {
  return { ...telemetryOf(client).metrics };
}

/**
 * Tells a listener what the recipes on this client do. What the listener throws is ignored.
 * @returns what ends it
 */
export function observeRecipes(client: Client, listener: (event: RecipeEvent) => void): () => void {
  const { listeners } = telemetryOf(client);
  // A function of its own for each call: the same listener may be added twice.
  const once = (event: RecipeEvent): void => listener(event);
  listeners.add(once);
  return () => listeners.delete(once);
}
