/**
 * Runs a command while a lock is held, and makes sure that it does not run when the lock may be somebody else's.
 *
 * The deadline is ours: the last answer of a server plus the session timeout, by our monotonic clock. TERM goes out so long
 * before it that KILL comes in time; news of the server are not waited for.
 */

import { constants } from "node:os";
import type { Client } from "@zk/client";
import { Interruption } from "../program/errors.js";
import { Child, FORWARDED } from "./child.js";
import type { ChildEnd } from "./child-end.js";
import type { Held } from "./held.js";
import { canBeStopped } from "./process-stat.js";
import { Watchdog } from "./watchdog.js";

export const SUSPEND_POLICIES = ["continue", "pause", "stop"] as const;
export type SuspendPolicy = (typeof SUSPEND_POLICIES)[number];

/** How a command is run. */
export interface GuardedOptions {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onSuspend: SuspendPolicy;
  readonly killAfterMs: number;
  /** Whether somebody asked for it: then it is said when it has to be shortened. */
  readonly isKillAfterGiven: boolean;
  /** Run by /bin/sh when the lock is lost. */
  readonly onLost: string | undefined;
  /** Whether we run under another hold: who kills us then has no time left to give, as KILL is the last that it does. */
  readonly isNested: boolean;
  /** Whether the command may have the terminal, should that be ours. */
  readonly isOnTerminal: boolean;
  readonly signal: AbortSignal;
  readonly takeSignals:
    | ((signals: readonly NodeJS.Signals[], take: (signal: NodeJS.Signals) => boolean) => () => void)
    | undefined;
  readonly note: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** What became of it. */
export interface GuardedEnd {
  readonly child: ChildEnd;
  /** Whether it was stopped because the lock was lost, or about to be. */
  readonly isLost: boolean;
}

/** How often the deadline is looked at, in milliseconds. A look costs nothing. */
const LOOK_MS = 50;

/** @throws CliError NOT_FOUND, NOT_EXECUTABLE */
export async function runGuarded(client: Client, hold: Held, options: GuardedOptions): Promise<GuardedEnd> {
  // TERM has to be sent and acted on within the time that the session is believed alive.
  const killAfterMs = Math.min(options.killAfterMs, client.sessionTimeoutMs / 3);
  if (killAfterMs < options.killAfterMs && options.isKillAfterGiven) {
    options.warn(
      `--kill-after is shortened to ${(killAfterMs / 1000).toFixed(1)} s: the session timeout is ${client.sessionTimeoutMs / 1000} s (--session-timeout)`,
    );
  }
  options.signal.throwIfAborted();
  const watchdog = new Watchdog();
  const signals = new ForwardedSignals(options.takeSignals);
  let child: Child;
  try {
    child = await Child.start(options.words, options.env, "inherit", {
      isInFront: options.isOnTerminal && options.takeSignals !== undefined,
      beforeItRuns: async (pid, shellPid) => {
        await watchdog.guard(pid, options.isNested ? 0 : killAfterMs, shellPid);
        await watchdog.allow(client.trustedForMs.weakMs, killAfterMs);
      },
    });
  } catch (error) {
    signals.close();
    watchdog.dismiss();
    throw error;
  }
  signals.passTo(child);
  child.onTerminal({
    stopped: () => signals.stopGroupWith(child),
    key: (signal) => (signal === "SIGTSTP" ? signals.stopGroupWith(child) : child.signal(signal)),
  });
  let isLost = false;
  let ending: Promise<void> | undefined;
  const lose = (why: string): void => {
    if (isLost) return;
    isLost = true;
    options.warn(`the lock is lost (${why}); the command is stopped`);
    if (options.onLost !== undefined)
      void Child.start(["/bin/sh", "-c", options.onLost], options.env, "ignore").catch((error: Error) =>
        options.warn(error.message),
      );
    watchdog.standBack(killAfterMs);
    ending = child.end(killAfterMs);
  };
  const look = (): void => {
    if (isLost || child.isEnded) return;
    const { state } = hold;
    if (state === "lost") return lose("its session or its znode is gone");
    const leftMs = client.trustedForMs.weakMs;
    if (!child.isPaused) void watchdog.allow(leftMs, killAfterMs);
    if (leftMs <= killAfterMs) {
      if (options.onSuspend === "stop" || options.onSuspend === "continue" || leftMs <= 0)
        return lose(
          `no server has answered for so long that the session may end in ${Math.max(0, Math.round(leftMs))} ms`,
        );
    }
    const isSuspended = client.state !== "connected";
    if (isSuspended && options.onSuspend === "stop") return lose("the connection is lost");
    if (isSuspended && options.onSuspend === "pause" && !child.isPaused) {
      options.note("the connection is in doubt; the command is paused");
      child.pause();
      watchdog.standBack(leftMs);
    }
    if (!isSuspended && child.isPaused && state === "held" && leftMs > killAfterMs) {
      options.note("the session is still ours; the command goes on");
      child.resume();
    }
  };
  const timer = setInterval(look, LOOK_MS);
  const forgetState = hold.onState(look);
  const onAbort = (): void => {
    // Where nobody passes signals on, the end of the run is all that is told.
    const { reason } = options.signal;
    const number = reason instanceof Interruption ? reason.exitCode - 128 : constants.signals.SIGTERM;
    const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
    child.signal((name ?? "SIGTERM") as NodeJS.Signals);
  };
  options.signal.addEventListener("abort", onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  try {
    const end = await child.ended;
    // Ended by the watchdog, while we stood still.
    if (!isLost && end.signal !== null && client.trustedForMs.weakMs <= killAfterMs) {
      isLost = true;
      options.warn("the lock is lost (zk itself has stood still for too long); the command was stopped");
    }
    await ending;
    if (!isLost && child.hasGroup()) {
      options.note(
        "the command has ended, and left others behind; they are stopped before the lock is given back",
      );
      await child.end(killAfterMs);
    }
    return { child: end, isLost };
  } finally {
    watchdog.dismiss();
    clearInterval(timer);
    forgetState();
    signals.close();
    options.signal.removeEventListener("abort", onAbort);
  }
}

/** Takes signals from before the command is there, so that none is lost on the way, and passes them on to its group. */
class ForwardedSignals {
  readonly #early: NodeJS.Signals[] = [];
  readonly #giveBack: (() => void) | undefined;
  #child: Child | undefined;
  /** Whether a SIGTSTP is the one that we have sent to our group. */
  #isOurs = false;

  constructor(takeSignals: GuardedOptions["takeSignals"]) {
    this.#giveBack = takeSignals?.([...FORWARDED, "SIGTSTP"], (signal) => {
      if (signal === "SIGTSTP" && this.#isOurs) return true;
      if (this.#child === undefined) this.#early.push(signal);
      else pass(this.#child, signal);
      return true;
    });
  }

  passTo(child: Child): void {
    this.#child = child;
    for (const signal of this.#early.splice(0)) pass(child, signal);
  }

  /**
   * Ctrl-Z in front of the terminal was told to the command alone: we stop as well, and so do others of our group, such as a
   * script that has called us.
   */
  stopGroupWith(child: Child): void {
    stopWith(child, () => {
      this.#isOurs = true;
      process.kill(0, "SIGTSTP");
      // At once: a turn of ours in between would find that nothing is wrong, and let the command go on.
      process.kill(process.pid, "SIGSTOP");
      // Here we go on, and only now hear of what was sent to all.
      setImmediate(() => setImmediate(() => (this.#isOurs = false)));
    });
  }

  close(): void {
    this.#giveBack?.();
  }
}

function pass(child: Child, signal: NodeJS.Signals): void {
  if (signal !== "SIGTSTP") child.signal(signal);
  else stopWith(child, () => process.kill(process.pid, "SIGSTOP"));
}

/** Who cannot look after the lock must not leave its command running. Once we go on, `look` decides about it. */
function stopWith(child: Child, stopUs: () => void): void {
  child.pause();
  if (canBeStopped()) stopUs();
  else child.resume();
}
