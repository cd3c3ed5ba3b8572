/** Servers of labs among all processes, by the marker in their command lines. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { labFolder, stateFilePath } from "../ensemble/state-file.js";
import { type LabMarker, readLabMarker } from "../process/lab-marker.js";
import { findSame, type ProcessIdentity, processTable, signalSame } from "../process/process-table.js";
import { pause } from "../wait.js";
import type { LabContext } from "./open-lab.js";
import type { LabPlace } from "./place.js";

/** A server process that carries a lab's marker. */
export interface LabProcess extends ProcessIdentity, LabMarker {
  /** False when no lab knows of it: its state file is gone. */
  readonly isKnown: boolean;
}

/** Every server of every lab of this user. */
export function findLabProcesses(): LabProcess[] {
  return processTable.list().flatMap((process) => {
    const marker = readLabMarker(process);
    if (marker === null) return [];
    const { pid, startTime } = process;
    return [{ ...marker, pid, startTime, isKnown: isKnown(marker) }];
  });
}

/**
 * Stops servers of this very place that no state file tells of, as a removed or lost one leaves them.
 *
 * @returns how many there were.
 */
export async function stopStrays(place: LabPlace, { onProgress }: LabContext): Promise<number> {
  const strays = findLabProcesses().filter(({ name, dir }) => name === place.name && dir === place.dir);
  for (const stray of strays) {
    onProgress(`stopping server ${stray.id} (pid ${stray.pid}), which the lab had lost sight of`);
    signalSame(stray, "SIGTERM");
    signalSame(stray, "SIGCONT");
  }
  const deadline = performance.now() + 10_000;
  for (const stray of strays) {
    while (findSame(stray) !== null) {
      if (performance.now() >= deadline) signalSame(stray, "SIGKILL");
      await pause(20);
    }
  }
  return strays.length;
}

function isKnown({ dir, name }: LabMarker): boolean {
  // Its own folder (a named lab), beside the servers (a folder of the user's, a library's), or the default lab's.
  return [dir, labFolder(dir), join(labFolder(dir), name)].some((folder) =>
    existsSync(stateFilePath(folder)),
  );
}
