/** Where errors of the user's own listeners go when nobody asked to hear of them. */

/** Shows an error as a process warning: seen by people, and deadly to nobody. */
export function warn(error: unknown): void {
  const shown = error instanceof Error ? error : new Error(String(error));
  process.emitWarning(
    `a listener of a ZooKeeper client threw: ${shown.stack ?? shown.message}`,
    "ZkListenerWarning",
  );
}
