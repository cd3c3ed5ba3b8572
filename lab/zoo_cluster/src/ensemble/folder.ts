/** The folder of an ensemble of the library: made, taken over from one that died, and named when it is kept. */
import { mkdir, mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openContainers } from "../docker/containers.js";
import { isLabError, LabError } from "../errors.js";
import { createMemoryControls, MemoryHost } from "../lab/memory-control.js";
import { releaseBlocks } from "../ports/port-lease.js";
import type { Control } from "./control.js";
import type { EnsembleSpec } from "./layout.js";
import type { EnsembleSettings } from "./options.js";
import { createControls, noJava, silentListener } from "./server-control.js";
import { labFolder, readState, removeState, stateFilePath } from "./state-file.js";

/** Where the servers are, and whether that stays. */
export interface Folder {
  readonly dir: string;
  readonly isTemporary: boolean;
  keeps: boolean;
}

/** The caller's folder, or a temporary one. */
export async function makeFolder({ dir, name, env }: EnsembleSettings): Promise<Folder> {
  if (dir !== null) {
    await mkdir(dir, { recursive: true });
    return { dir: await realpath(dir), isTemporary: false, keeps: true };
  }
  const base = await realpath(tmpdir());
  const temporary = await mkdtemp(join(base, `zk-lab-${name}-`));
  return { dir: temporary, isTemporary: true, keeps: env["ZK_LAB_KEEP"] === "1" };
}

/** A folder given by the caller may hold an ensemble that still runs, or the remains of one that died. */
export async function takeOverFolder(dir: string, settings: EnsembleSettings): Promise<void> {
  const state = await readState(labFolder(dir));
  if (state === null) return;
  const running: string[] = [];
  for (const control of await controlsOf(state.spec, settings)) {
    const process = await control.findAnywhere();
    if (process !== null) running.push(`server ${control.server.id} (pid ${process.pid})`);
  }
  if (running.length > 0) {
    throw new LabError(
      "WRONG_STATE",
      `The folder ${dir} is in use by the ensemble ${state.spec.name}: ${running.join(", ")}. Stop it (\`lab down --dir ${dir}\`) or choose another folder.`,
      { details: { dir, name: state.spec.name } },
    );
  }
  await releaseBlocks(state.portBlocks, stateFilePath(labFolder(dir)));
  await removeState(labFolder(dir));
}

async function controlsOf(spec: EnsembleSpec, settings: EnsembleSettings): Promise<readonly Control[]> {
  const { env } = settings;
  if (spec.docker !== undefined) return (await openContainers(spec, settings)).controls;
  if (spec.memory !== undefined) return createMemoryControls(spec, new MemoryHost(spec.memory.folder));
  return createControls({ spec, env, java: noJava, listener: silentListener });
}

/** An error that says where the files are, when they are kept. */
export function withFolder(error: unknown, { dir, isTemporary }: Folder): unknown {
  if (!isTemporary || !isLabError(error)) return error;
  return new LabError(error.code, `${error.message}\nThe servers' files are kept in ${dir}`, {
    cause: error,
    details: { ...error.details, dir },
  });
}
