/** `lab down`: no server of the lab is left, whatever state it was in. */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { connectEngine } from "../docker/engine.js";
import { likelyAddress } from "../docker/engine-address.js";
import { removeKeptVolumes } from "../docker/sweep.js";
import { backendOf } from "../ensemble/layout.js";
import type { Backend } from "../ensemble/options.js";
import { readState, removeState, stateFilePath } from "../ensemble/state-file.js";
import { isLabError } from "../errors.js";
import { releaseBlocks } from "../ports/port-lease.js";
import { installRecordName } from "../release/install.js";
import { memoryFolder } from "./memory-host-file.js";
import { attach, checkExpectation, type Expectation, type LabContext, whileLocked } from "./open-lab.js";
import type { LabPlace } from "./place.js";
import { stopStrays } from "./strays.js";

/** What `lab down` is told. */
export interface DownOptions extends Expectation {
  /** Also removes the servers' folders with all they have stored. */
  readonly wipe?: boolean;
  /** Whose data that means: default what runs, and with nothing running all that is there. */
  readonly wipes?: Backend;
}

/** What `lab down` did. */
export interface DownResult {
  /** Ids of the servers that were running or paused. */
  readonly stopped: readonly number[];
  /** Folders and volumes that were removed. */
  readonly wiped: readonly string[];
}

/** Stops a lab; with nothing to stop it is as content. @throws LabError `WRONG_STATE` when a server does not end. */
export async function takeDown(
  place: LabPlace,
  options: DownOptions,
  context: LabContext,
): Promise<DownResult> {
  return await whileLocked(place, "lab:down", context, () => takeDownLocked(place, options, context));
}

/** {@link takeDown} for who holds the lab's lock. */
export async function takeDownLocked(
  place: LabPlace,
  options: DownOptions,
  context: LabContext,
): Promise<DownResult> {
  const state = await readState(place.folder);
  const stopped: number[] = [];
  if (state !== null) {
    checkExpectation(place, state, options);
    const lab = await attach(state.spec, context);
    for (const control of lab.controls)
      if ((await control.findAnywhere()) !== null) stopped.push(control.server.id);
    if (stopped.length > 0) context.onProgress(`stopping server ${stopped.join(", ")}`);
    await lab.stop();
    await removeState(place.folder);
    await releaseBlocks(state.portBlocks, stateFilePath(place.folder));
  }
  await stopStrays(place, context);
  if (options.wipe !== true) return { stopped, wiped: [] };
  // A model may stand where real servers have their data, and the other way round: one does not forget for the other.
  const backend = options.wipes ?? (state === null ? null : backendOf(state.spec));
  const is = (kind: Backend): boolean => backend === null || backend === kind;
  const wiped = [
    ...(is("process") ? await wipe(place) : []),
    ...(is("memory") ? await wipeMemory(place) : []),
    ...(is("docker") ? await wipeVolumes(place, backend === "docker") : []),
  ];
  return { stopped, wiped };
}

/** What the servers of a model remember. */
async function wipeMemory({ folder }: LabPlace): Promise<string[]> {
  const memory = memoryFolder(folder);
  if (!existsSync(memory)) return [];
  await rm(memory, { recursive: true, force: true, maxRetries: 3 });
  return [memory];
}

/** What servers in containers have stored. Without an engine there is nothing to be seen, let alone removed. */
async function wipeVolumes(place: LabPlace, mustReach: boolean): Promise<string[]> {
  // Who has no engine does not wait for the library that speaks to one.
  if (!mustReach && likelyAddress(process.env) === null) return [];
  try {
    return await removeKeptVolumes(await connectEngine(), place.dir);
  } catch (error) {
    if (mustReach || !isLabError(error)) throw error;
    return [];
  }
}

/** Only folders that the lab itself has installed. */
async function wipe(place: LabPlace): Promise<string[]> {
  const wiped: string[] = [];
  for (const name of existsSync(place.dir) ? await readdir(place.dir) : []) {
    if (!/^zookeeper[1-9]$/.test(name)) continue;
    const folder = join(place.dir, name);
    const releases = await readdir(folder).catch(() => []);
    if (!releases.some((release) => existsSync(join(folder, release, installRecordName)))) continue;
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    wiped.push(folder);
  }
  return wiped.sort();
}
