/** `startEnsemble`: from nothing to servers that are ready, or to nothing again. */
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLabError, LabError } from "../errors.js";
import { createMemoryControls, MemoryHost } from "../lab/memory-control.js";
import { leasePorts, type PortLease, releaseBlocks } from "../ports/port-lease.js";
import { takeLock } from "../process/lab-lock.js";
import { Watchdog } from "../process/watchdog.js";
import { findJava, provisionRelease } from "../release/index.js";
import type { Environment, Java, Release } from "../release/types.js";
import type { Control } from "./control.js";
import { installServer } from "./install-server.js";
import { type EnsembleSpec, markerOf, pathsOf, planServers } from "./layout.js";
import { endedBefore, endWithThisProcess } from "./live-ensembles.js";
import { startModelEnsemble } from "./memory-backend.js";
import { type EnsembleOptions, type EnsembleSettings, resolveOptions } from "./options.js";
import { ProcessEnsemble } from "./process-ensemble.js";
import { waitForReady } from "./readiness.js";
import { createControls, noJava, silentListener } from "./server-control.js";
import {
  labFolder,
  lockFolder,
  readState,
  removeState,
  stateFilePath,
  stateSchema,
  writeState,
} from "./state-file.js";
import type { Ensemble } from "./types.js";

/** New blocks of ports that are tried when a server finds a leased port taken after all. */
export const bindAttemptsMax = 3;

/**
 * Starts an ensemble of real servers on this machine, or of a model of them (`backend: "memory"`), and resolves when it is
 * ready for use.
 *
 * It ends with `stop()`, with `await using`, or with this process, however that ends. Several ensembles may run at
 * once, from several processes.
 *
 * @throws LabError `BAD_OPTION`, `NO_JAVA`, `NO_RELEASE` (and the others of the release chain), `PORT_TAKEN`, `NO_PORTS`,
 * `SERVER_EXITED`, `SCRIPT_FAILED`, `NOT_READY`. When servers were already installed the message names the folder, which is
 * then kept. The signal's reason when that ends the start; then nothing is kept.
 *
 * @example
 * await using ensemble = await startEnsemble({ servers: 3, version: "3.4.6" });
 * const killed = await ensemble.killLeader();
 * await ensemble.start(killed);
 */
export async function startEnsemble(options: EnsembleOptions = {}): Promise<Ensemble> {
  const settings = resolveOptions(options);
  const { env, onProgress, signal, version } = settings;
  signal?.throwIfAborted();
  if (settings.backend === "memory") return await startModelEnsemble(settings);
  const java = await findJava({ env });
  const release = await provisionRelease({ version, env, onProgress, ...(signal ? { signal } : {}) });
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(settings, java, release);
    } catch (error) {
      // A process that does not lease its ports was faster between our test and the server's bind.
      if (attempt >= bindAttemptsMax || !isAddressInUse(error) || signal?.aborted) throw error;
      onProgress("a leased port was taken by another process; trying other ports");
    }
  }
}

async function startOnce(settings: EnsembleSettings, java: Java, release: Release): Promise<Ensemble> {
  const { signal } = settings;
  const folder = await makeFolder(settings);
  const lock = folder.isTemporary
    ? null
    : await takeLock(lockFolder(labFolder(folder.dir)), "startEnsemble", { signal });
  try {
    if (!folder.isTemporary) await takeOverFolder(folder.dir, settings);
    const lease = await leasePorts(settings.servers, { signal });
    const ensemble = assemble(settings, java, release, folder, lease);
    try {
      await startAll(ensemble, settings, release, java, lease);
      return ensemble;
    } catch (error) {
      const isAborted = signal?.aborted === true;
      // What the servers wrote is worth keeping, unless the caller just changed their mind.
      if (!isAborted) folder.keeps = true;
      // The first error is the one to tell; a server that will not stop either is left to the watchdog.
      await ensemble.stop().catch(() => {});
      throw isAborted ? error : withFolder(error, folder);
    }
  } catch (error) {
    if (!folder.keeps) await rm(folder.dir, { recursive: true, force: true });
    throw error;
  } finally {
    await lock?.release();
  }
}

/** Where the servers are, and whether that stays. */
interface Folder {
  readonly dir: string;
  readonly isTemporary: boolean;
  keeps: boolean;
}

async function makeFolder({ dir, name, env }: EnsembleSettings): Promise<Folder> {
  if (dir !== null) {
    await mkdir(dir, { recursive: true });
    return { dir: await realpath(dir), isTemporary: false, keeps: true };
  }
  const base = await realpath(tmpdir());
  const temporary = await mkdtemp(join(base, `zk-lab-${name}-`));
  return { dir: temporary, isTemporary: true, keeps: env["ZK_LAB_KEEP"] === "1" };
}

/** A folder given by the caller may hold an ensemble that still runs, or the remains of one that died. */
async function takeOverFolder(dir: string, { env }: EnsembleSettings): Promise<void> {
  const state = await readState(labFolder(dir));
  if (state === null) return;
  const running: string[] = [];
  for (const control of controlsOf(state.spec, env)) {
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

function controlsOf(spec: EnsembleSpec, env: Environment): readonly Control[] {
  if (spec.memory !== undefined) return createMemoryControls(spec, new MemoryHost(spec.memory.folder));
  return createControls({ spec, env, java: noJava, listener: silentListener });
}

function assemble(
  settings: EnsembleSettings,
  java: Java,
  release: Release,
  folder: Folder,
  lease: PortLease,
): ProcessEnsemble {
  const { name, version, tickTimeMs, javaFlags, config, servers, ports, env } = settings;
  const { dir } = folder;
  const spec: EnsembleSpec = {
    name,
    version,
    dir,
    tickTimeMs,
    javaFlags,
    config,
    ownScripts: release.ownScripts,
    servers: planServers(dir, version, servers, ports, lease.ports),
  };
  const watched = spec.servers.map((server) => {
    const { config: configFile, script } = pathsOf(server);
    return { marker: markerOf(name, server.id), config: configFile, script };
  });
  const watchdog = new Watchdog(watched, folder.keeps ? [] : [dir]);
  const controls = createControls({
    spec,
    env,
    java: async () => java,
    listener: {
      started: (identity) => watchdog.watch(identity),
      gone: (identity) => watchdog.unwatch(identity),
    },
  });
  endWithThisProcess(controls);
  return new ProcessEnsemble(spec, controls, {
    begin: () => watchdog.start(),
    end: async () => {
      endedBefore(controls);
      try {
        await removeState(labFolder(dir));
        await lease.release();
        if (!folder.keeps) await rm(dir, { recursive: true, force: true, maxRetries: 3 });
      } finally {
        // Last: should we be killed half way, the watchdog removes the rest.
        watchdog.release();
      }
    },
  });
}

async function startAll(
  ensemble: ProcessEnsemble,
  settings: EnsembleSettings,
  release: Release,
  java: Java,
  lease: PortLease,
): Promise<void> {
  const { spec, controls } = ensemble;
  const { signal, onProgress } = settings;
  // Before anything else: from here on nothing of us is left, however we end.
  await ensemble.begin();
  const createdAt = new Date().toISOString();
  await writeState(labFolder(spec.dir), {
    schema: stateSchema,
    createdAt,
    lifetime: "process",
    spec,
    portBlocks: lease.blocks,
  });
  for (const server of spec.servers) {
    signal?.throwIfAborted();
    await installServer(spec, server, release, java);
  }
  const count = spec.servers.length === 1 ? "one server" : `${spec.servers.length} servers`;
  onProgress(`starting ${count} of ${spec.version} in ${spec.dir}`);
  // All of them even when one fails: a process that is being started must be known before it can be stopped.
  const starts = await Promise.allSettled(
    controls.map((control) => control.start(() => signal?.throwIfAborted())),
  );
  for (const start of starts) if (start.status === "rejected") throw start.reason;
  onProgress("waiting for a leader, synced followers, and a write through every server");
  await waitForReady(spec, controls, { signal, timeoutMs: settings.readyTimeoutMs });
}

function withFolder(error: unknown, { dir, isTemporary }: Folder): unknown {
  if (!isTemporary || !isLabError(error)) return error;
  return new LabError(error.code, `${error.message}\nThe servers' files are kept in ${dir}`, {
    cause: error,
    details: { ...error.details, dir },
  });
}

function isAddressInUse(error: unknown): boolean {
  return isLabError(error) && /BindException|Address already in use/.test(error.message);
}
