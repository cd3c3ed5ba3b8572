/** The file that tells later commands what an ensemble is: `state.json` in the lab's own folder, `DIR/.lab` mostly. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "../errors.js";
import { readFileIfThere, writeFileAtomic } from "../files.js";
import type { EnsembleSpec } from "./layout.js";

/** Grows when a reader of the older form would go wrong. */
export const stateSchema = 3;

/** What is written down. Which processes run is not: that is looked at each time. */
export interface LabState {
  /** 1 is the form without labs in memory, 2 that without labs of containers. */
  readonly schema: 1 | 2 | typeof stateSchema;
  /** ISO date. */
  readonly createdAt: string;
  /** `process` ensembles end with the process that started them; `command` ones stay until `lab down`. */
  readonly lifetime: "process" | "command";
  readonly spec: EnsembleSpec;
  /** Leased blocks of ports to give back, by their first ports. */
  readonly portBlocks: readonly number[];
}

/** Folder of the lab's own files, beside the servers of a folder that the user named. */
export function labFolder(dir: string): string {
  return join(dir, ".lab");
}

/** Folder of the lock for commands that change the lab. */
export function lockFolder(folder: string): string {
  return join(folder, "lock");
}

export function stateFilePath(folder: string): string {
  return join(folder, "state.json");
}

/** @throws LabError `STATE_UNREADABLE` when it is damaged or of a newer form. Null when there is none. */
export async function readState(folder: string): Promise<LabState | null> {
  const path = stateFilePath(folder);
  const text = await readFileIfThere(path);
  if (text === null) return null;
  let state: Partial<LabState>;
  try {
    state = JSON.parse(text) as Partial<LabState>;
  } catch (error) {
    throw unreadable(path, "it is no JSON", error);
  }
  if (state?.schema !== 1 && state?.schema !== 2 && state?.schema !== stateSchema) {
    throw unreadable(
      path,
      `its schema is ${JSON.stringify(state?.schema)}, this lab reads 1 to ${stateSchema}`,
    );
  }
  if (!Array.isArray(state.spec?.servers) || !Array.isArray(state.portBlocks)) {
    throw unreadable(path, "parts of it are missing");
  }
  return state as LabState;
}

export async function writeState(folder: string, state: LabState): Promise<void> {
  await writeFileAtomic(stateFilePath(folder), `${JSON.stringify(state, null, 2)}\n`);
}

export async function removeState(folder: string): Promise<void> {
  await rm(stateFilePath(folder), { force: true });
}

function unreadable(path: string, why: string, cause?: unknown): LabError {
  return new LabError(
    "STATE_UNREADABLE",
    `The lab's state file ${path} cannot be used: ${why}. Stop its servers through their own zkServer.sh, then remove the file.`,
    { cause, details: { path } },
  );
}
