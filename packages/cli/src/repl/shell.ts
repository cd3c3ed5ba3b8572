/** The shell that `zk` alone opens on a terminal. */
import type { ZkOptions } from "../program/run-zk.js";

/** Reads lines and runs them until the end of input; gives the exit code. */
export async function startShell(_options: ZkOptions): Promise<number> {
  return 0;
}
