/** A command under a lock that an outer `zk lock` holds already: `--reentrant-env`. */
import type { Client } from "@zk/client";
import type { CommandIo } from "../definition/command-io.js";
import { CliError, UsageError } from "../program/errors.js";
import { ExitCode } from "../program/exit-codes.js";
import { Child } from "./child.js";
import type { ChildEnd } from "./child-end.js";

interface NestedRun {
  readonly io: Pick<CommandIo, "env" | "takeSignals">;
  readonly signal: AbortSignal;
}

/**
 * What the environment says that we run under, if that is this lock.
 *
 * @returns undefined when it is another one, or none
 * @throws CliError LOCK_LOST when it is not held any more; UsageError when what is held is less than what is wanted
 */
export async function heldByOurs(
  client: Client,
  path: string,
  wish: { readonly shared: boolean; readonly limit: number | undefined },
  { io: { env }, signal }: NestedRun,
): Promise<{ readonly node: string; readonly fence: string } | undefined> {
  const { ZK_LOCK_HELD: isHeld, ZK_LOCK_PATH: heldPath, ZK_LOCK_NODE: node, ZK_LOCK_FENCE: fence } = env;
  if (isHeld !== "1" || heldPath !== path || !node || !fence) return undefined;
  const stat = await client.exists(node, { signal });
  if (stat === null || stat.czxid.toString() !== fence) {
    throw new CliError(
      "LOCK_LOST",
      ExitCode.LOCK_LOST,
      `${path} is not held any more by the zk lock that we run under`,
    );
  }
  const isShared = /__READ__|__rlock__/.test(node);
  if (isShared && !wish.shared)
    throw new UsageError(`${path} is held as a reader only, by the zk lock that we run under`, "give -s");
  if (node.includes("/leases/") && wish.limit === undefined)
    throw new UsageError(`what is held of ${path} is one permit of a semaphore`, "give --limit");
  return { node, fence: `0x${BigInt(fence).toString(16)}` };
}

/** Signals that mean the same when they come twice: the group of the outer `zk lock` gets them as well as we do. */
const PASSED_ON: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"];

/**
 * Runs the command in the process group that it would have had without us, so that the outer `zk lock` stops it with all others
 * when the lock is lost.
 *
 * @throws CliError NOT_FOUND, NOT_EXECUTABLE
 */
export async function runNested(words: readonly string[], run: NestedRun): Promise<ChildEnd> {
  const child = await Child.start(words, run.io.env, "inherit", { isDetached: false });
  const pass = (signal: NodeJS.Signals): true => {
    try {
      process.kill(child.pid, signal);
    } catch {
      // It has ended.
    }
    return true;
  };
  const giveBack = run.io.takeSignals?.([...PASSED_ON, "SIGUSR1", "SIGUSR2"], (signal) =>
    PASSED_ON.includes(signal) ? pass(signal) : true,
  );
  const onAbort = (): void => void pass("SIGTERM");
  run.signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await child.ended;
  } finally {
    giveBack?.();
    run.signal.removeEventListener("abort", onAbort);
  }
}
