/** `startEnsemble`: from nothing to servers that are ready, or to nothing again. */
import { rm } from "node:fs/promises";
import { containerMaker } from "../docker/container-maker.js";
import { isLabError } from "../errors.js";
import { leasePorts, type PortLease } from "../ports/port-lease.js";
import { takeLock } from "../process/lab-lock.js";
import type { EnsembleMaker } from "./ensemble-maker.js";
import { makeFolder, takeOverFolder, withFolder } from "./folder.js";
import { startModelEnsemble } from "./memory-backend.js";
import { type EnsembleOptions, type EnsembleSettings, resolveOptions } from "./options.js";
import type { ProcessEnsemble } from "./process-ensemble.js";
import { processMaker } from "./process-maker.js";
import { waitForReady } from "./readiness.js";
import { labFolder, lockFolder, stateSchema, writeState } from "./state-file.js";
import type { Ensemble } from "./types.js";

/** New blocks of ports that are tried when a server finds a leased port taken after all. */
export const bindAttemptsMax = 3;

/**
 * Starts an ensemble of real servers on this machine, as processes or in containers (`backend: "docker"`), or of a model of
 * them (`backend: "memory"`), and resolves when it is ready for use.
 *
 * It ends with `stop()`, with `await using`, or with this process, however that ends. Several ensembles may run at
 * once, from several processes.
 *
 * @throws LabError `BAD_OPTION`, `NO_JAVA`, `NO_RELEASE` (and the others of the release chain), `PORT_TAKEN`, `NO_PORTS`,
 * `SERVER_EXITED`, `SCRIPT_FAILED`, `NOT_READY`; with `backend: "docker"` no `NO_JAVA`, and `NO_ENGINE`, `ENGINE_DENIED`,
 * `ENGINE_TOO_OLD`, `ENGINE_FULL`, `ENGINE_FAILED`, `NO_IMAGE`. When servers were already installed the message names the
 * folder, which is then kept. The signal's reason when that ends the start; then nothing is kept.
 *
 * @example
 * await using ensemble = await startEnsemble({ servers: 3, version: "3.4.6" });
 * const killed = await ensemble.killLeader();
 * await ensemble.start(killed);
 */
export async function startEnsemble(options: EnsembleOptions = {}): Promise<Ensemble> {
  const settings = resolveOptions(options);
  const { onProgress, signal } = settings;
  signal?.throwIfAborted();
  if (settings.backend === "memory") return await startModelEnsemble(settings);
  const maker = await (settings.backend === "docker" ? containerMaker : processMaker)(settings);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(settings, maker);
    } catch (error) {
      // A process that does not lease its ports was faster between our test and the server's bind.
      if (attempt >= bindAttemptsMax || !isAddressInUse(error) || signal?.aborted) throw error;
      onProgress("a leased port was taken by another process; trying other ports");
    }
  }
}

async function startOnce(settings: EnsembleSettings, maker: EnsembleMaker): Promise<Ensemble> {
  const { signal } = settings;
  const folder = await makeFolder(settings);
  const lock = folder.isTemporary
    ? null
    : await takeLock(lockFolder(labFolder(folder.dir)), "startEnsemble", { signal });
  try {
    if (!folder.isTemporary) await takeOverFolder(folder.dir, settings);
    const lease = await leasePorts(settings.servers, { signal });
    const ensemble = await maker.assemble(settings, folder, lease);
    try {
      await startAll(ensemble, settings, maker, lease);
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

async function startAll(
  ensemble: ProcessEnsemble,
  settings: EnsembleSettings,
  maker: EnsembleMaker,
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
  await maker.install(ensemble);
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

function isAddressInUse(error: unknown): boolean {
  return (
    isLabError(error) && /BindException|address already in use|port is already allocated/i.test(error.message)
  );
}
