/** Looks at the machine's processes for tests: which servers of an ensemble are there. */
import type { Ensemble } from "../../src/index.js";
import { type ProcessSnapshot, processTable } from "../../src/process/process-table.js";
import { waitFor } from "../../src/wait.js";

/** Every live server process of that ensemble, by its marker. */
export function serverProcesses(name: string): ProcessSnapshot[] {
  return processTable
    .list()
    .filter((process) => process.args.some((word) => word.startsWith(`-Dzk.lab=${name}/`)));
}

export function pidsOf(name: string): number[] {
  return serverProcesses(name)
    .map(({ pid }) => pid)
    .sort((a, b) => a - b);
}

/** The pid of one server as its own pid file says. */
export async function pidOf(ensemble: Ensemble, id: number): Promise<number | null> {
  const { servers } = await ensemble.status();
  return servers.find((server) => server.id === id)?.pid ?? null;
}

/** Resolves when no server of that ensemble is left; gives the milliseconds it took. */
export async function waitForNoServers(name: string, timeoutMs: number): Promise<number> {
  const start = performance.now();
  await waitFor({
    what: `no server of ${name} to be left`,
    timeoutMs,
    look: () => (serverProcesses(name).length === 0 ? true : undefined),
    describe: () =>
      serverProcesses(name)
        .map((process) => process.args.join(" "))
        .join("\n"),
  });
  return performance.now() - start;
}
