/**
 * Ensembles that end with this process.
 *
 * On `exit` their servers are killed at once, while we still can. No signal is caught: a process that dies of SIGINT,
 * SIGTERM or SIGKILL leaves its servers to the watchdog, and how signals are handled stays with the program.
 */
import type { ServerControl } from "./server-control.js";

const live = new Set<readonly ServerControl[]>();

export function endWithThisProcess(controls: readonly ServerControl[]): void {
  if (live.size === 0) process.on("exit", killAll);
  live.add(controls);
}

export function endedBefore(controls: readonly ServerControl[]): void {
  live.delete(controls);
  if (live.size === 0) process.off("exit", killAll);
}

function killAll(): void {
  for (const controls of live) for (const control of controls) control.killNow();
}
