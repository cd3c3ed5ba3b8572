/** `lab up`: whatever is there becomes a lab that is ready, with the least change. */
import { join } from "node:path";
import { planContainers } from "../docker/container-plan.js";
import { containersOfLab } from "../docker/containers.js";
import { connectEngine } from "../docker/engine.js";
import { ensureServerImage } from "../docker/server-image.js";
import { sweep } from "../docker/sweep.js";
import type { Control } from "../ensemble/control.js";
import { installServer } from "../ensemble/install-server.js";
import { backendOf, type EnsembleSpec, planServers, type ServerSpec } from "../ensemble/layout.js";
import {
  type Backend,
  checkPorts,
  checkServers,
  defaultReadyTimeoutMs,
  defaultServers,
} from "../ensemble/options.js";
import type { ProcessEnsemble } from "../ensemble/process-ensemble.js";
import { findProblem, waitForReady } from "../ensemble/readiness.js";
import { type LabState, readState, stateFilePath, stateSchema, writeState } from "../ensemble/state-file.js";
import type { EnsembleStatus } from "../ensemble/types.js";
import { isLabError, LabError } from "../errors.js";
import { leasePorts } from "../ports/port-lease.js";
import { describePortOwner } from "../ports/port-owner.js";
import { isPortFree, loopback } from "../ports/port-test.js";
import { checkVersion, defaultVersion, findJava, provisionRelease } from "../release/index.js";
import type { Java, Release } from "../release/types.js";
import { takeDownLocked } from "./down.js";
import { memoryFolder } from "./memory-host-file.js";
import {
  attach,
  checkExpectation,
  command,
  type Expectation,
  type LabContext,
  whileLocked,
} from "./open-lab.js";
import { defaultClientPort, type LabPlace } from "./place.js";
import { stopStrays } from "./strays.js";

/** Milliseconds of a tick for a lab that people work with: the value of ZooKeeper's own sample configuration. */
export const labTickTimeMs = 2_000;

/** What `lab up` is told. */
export interface UpOptions extends Expectation {
  /** Client ports; default 2181 and following for the default lab, leased ones for others. */
  readonly ports?: readonly number[] | undefined;
  /** Throws away what earlier servers have stored. */
  readonly fresh?: boolean;
  /** False: do not wait until the lab is ready, only until the processes are there. */
  readonly wait?: boolean;
  /** Limit for readiness, default 60 s. */
  readonly waitMs?: number;
}

/** What `lab up` did. */
export interface UpResult {
  /** One entry for each server that was touched; empty when all was well. */
  readonly actions: readonly { readonly id: number; readonly action: "started" | "resumed" }[];
  /** Milliseconds from the first touch to readiness; null when nothing was touched or nothing waited for. */
  readonly readyMs: number | null;
  readonly status: EnsembleStatus;
}

type Action = UpResult["actions"][number];

/** What is needed to start a server; fetched only when one has to be started. */
interface Supplies {
  readonly java: Java;
  readonly release: Release;
}

/**
 * Brings a lab up, or repairs it: starts what is stopped, resumes what is paused, leaves the rest alone.
 *
 * A lab that could not be brought up from nothing leaves nothing running; a repair that fails leaves running what runs.
 * When the signal ends it, what this call has started is stopped again.
 *
 * @throws LabError `VERSION_MISMATCH`, `WRONG_STATE`, `PORT_TAKEN`, `NO_JAVA`, `NO_RELEASE`, `NOT_READY`, …
 */
export async function bringUp(place: LabPlace, options: UpOptions, context: LabContext): Promise<UpResult> {
  if (options.version !== undefined) checkVersion(options.version);
  if (options.backend === "memory" && (options.version ?? defaultVersion) !== defaultVersion) {
    throw new LabError(
      "BAD_OPTION",
      `The model is one of ZooKeeper ${defaultVersion} alone, not of ${options.version}. Leave --version or --memory out.`,
    );
  }
  if (options.servers !== undefined) checkServers(options.servers);
  if (options.ports !== undefined) checkPorts(options.ports, options.servers ?? options.ports.length);
  return await whileLocked(place, "lab:up", context, async () => {
    const backend =
      options.fresh === true ? await forget(place, options, context) : (options.backend ?? "process");
    const found = await readState(place.folder);
    if (found !== null) {
      checkExpectation(place, found, options);
      checkSamePorts(place, found, options);
      return await converge(await attach(found.spec, context), options, context, null);
    }
    const version = options.version ?? defaultVersion;
    const supplies = backend === "process" ? await getSupplies(version, context) : null;
    const image = backend === "docker" ? await prepareContainers(version, context) : undefined;
    const state = await planLab(place, options, backend, supplies, context);
    try {
      return await converge(await attach(state.spec, context, image), options, context, supplies);
    } catch (error) {
      await takeDownLocked(place, { wipe: false }, context).catch(() => {});
      throw error;
    }
  });
}

/** Stops what is there and removes what servers of the kind that is wanted have stored; gives that kind. */
async function forget(place: LabPlace, options: UpOptions, context: LabContext): Promise<Backend> {
  // Who says nothing of it wants what was there.
  const state = options.backend === undefined ? await readState(place.folder) : null;
  const backend = options.backend ?? (state === null ? "process" : backendOf(state.spec));
  await takeDownLocked(place, { wipe: true, wipes: backend }, context);
  return backend;
}

async function converge(
  lab: ProcessEnsemble,
  options: UpOptions,
  context: LabContext,
  supplies: Supplies | null,
): Promise<UpResult> {
  const { controls, spec } = lab;
  const broken: Control[] = [];
  for (const control of controls)
    if ((await control.findAnywhere())?.isPaused !== false) broken.push(control);
  if (broken.length === 0 && (await findProblem(controls)) === null) {
    return { actions: [], readyMs: null, status: await lab.status() };
  }
  const begun = performance.now();
  const actions: Action[] = [];
  try {
    await repair(lab, broken, context, supplies, actions);
    if (options.wait !== false) {
      context.onProgress("waiting for a leader, synced followers, and a write through every server");
      const timeoutMs = options.waitMs ?? defaultReadyTimeoutMs;
      await waitForReady(spec, controls, { signal: context.signal, timeoutMs });
    }
  } catch (error) {
    if (context.signal?.aborted) await stopAgain(controls, actions, context);
    throw error;
  }
  const readyMs = options.wait === false ? null : Math.round(performance.now() - begun);
  return { actions, readyMs, status: await lab.status() };
}

async function repair(
  lab: ProcessEnsemble,
  broken: readonly Control[],
  context: LabContext,
  given: Supplies | null,
  actions: Action[],
): Promise<void> {
  const stopped: Control[] = [];
  for (const control of broken) if ((await control.find()) === null) stopped.push(control);
  const needsNothing = stopped.length === 0 || backendOf(lab.spec) !== "process";
  const supplies = needsNothing ? null : (given ?? (await getSupplies(lab.version, context)));
  if (supplies !== null) {
    for (const { server } of stopped) {
      context.signal?.throwIfAborted();
      await installServer(lab.spec, server, supplies.release, supplies.java);
    }
  }
  const turns = broken.map(async (control): Promise<void> => {
    const { id } = control.server;
    const action = stopped.includes(control) ? "started" : "resumed";
    context.onProgress(`${action === "started" ? "starting" : "resuming"} server ${id}`);
    await control.start(() => context.signal?.throwIfAborted());
    actions.push({ id, action });
  });
  // All of them even when one fails: what is being started must be known before it can be stopped.
  const ends = await Promise.allSettled(turns);
  actions.sort((a, b) => a.id - b.id);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

async function stopAgain(
  controls: readonly Control[],
  actions: readonly Action[],
  context: LabContext,
): Promise<void> {
  const started = controls.filter(({ server }) =>
    actions.some(({ id, action }) => id === server.id && action === "started"),
  );
  if (started.length === 0) return;
  context.onProgress(
    `stopping what was started: server ${started.map(({ server }) => server.id).join(", ")}`,
  );
  await Promise.allSettled(started.map((control) => control.stop()));
}

async function getSupplies(version: string, { env, onProgress, signal }: LabContext): Promise<Supplies> {
  const java = await findJava({ env, ...(signal ? { signal } : {}) }).catch(withHint);
  const wanted = { version, env, onProgress, ...(signal ? { signal } : {}) };
  const release = await provisionRelease(wanted).catch(withHint);
  return { java, release };
}

/** The image, and an engine without remains of what has died. */
async function prepareContainers(version: string, context: LabContext): Promise<string> {
  const { env, onProgress, signal } = context;
  const engine = await connectEngine();
  await sweep(engine, onProgress);
  return await ensureServerImage(engine, version, { env, onProgress, signal });
}

/** Where there is no Java, or no release, there is still something to be had. */
function withHint(error: unknown): never {
  if (!isLabError(error, "NO_JAVA") && !isLabError(error, "NO_RELEASE")) throw error;
  const hint =
    "Without Java or a release: pnpm lab:up --docker runs the servers in containers, where there is an engine for them, and pnpm lab:up --memory serves a model of ZooKeeper 3.4.6 on the same ports.";
  throw new LabError(error.code, `${error.message}\n${hint}`, { cause: error, details: error.details });
}

/** Decides on ports and writes the state file: from then on the lab exists, if only to be taken down. */
async function planLab(
  place: LabPlace,
  options: UpOptions,
  backend: Backend,
  supplies: Supplies | null,
  context: LabContext,
): Promise<LabState> {
  const count = options.servers ?? options.ports?.length ?? defaultServers;
  const defaultPorts = Array.from({ length: count }, (_, index) => defaultClientPort + index);
  const clientPorts = options.ports ?? (place.isDefault ? defaultPorts : null);
  await stopStrays(place, context);
  await checkFree(place, clientPorts ?? []);
  const lease = await leasePorts(count, {
    owner: { kind: "lab", stateFile: stateFilePath(place.folder) },
    signal: context.signal,
  });
  try {
    const version = options.version ?? defaultVersion;
    const planned = planServers(place.dir, version, count, clientPorts, lease.ports);
    const { folder } = place;
    const servers: Record<Backend, () => readonly ServerSpec[]> = {
      process: () => planned,
      docker: () =>
        planContainers(
          planned.map(({ clientPort }) => clientPort),
          loopback,
        ),
      memory: () => inMemory(planned, folder),
    };
    const spec: EnsembleSpec = {
      name: place.name,
      version,
      dir: place.dir,
      tickTimeMs: labTickTimeMs,
      javaFlags: [],
      config: {},
      ownScripts: supplies?.release.ownScripts ?? false,
      ...(backend === "memory" ? { memory: { folder } } : {}),
      ...(backend === "docker"
        ? { docker: containersOfLab(place.name, place.dir, stateFilePath(folder)) }
        : {}),
      servers: servers[backend](),
    };
    const createdAt = new Date().toISOString();
    const state: LabState = {
      schema: stateSchema,
      createdAt,
      lifetime: "command",
      spec,
      portBlocks: lease.blocks,
    };
    await writeState(place.folder, state);
    return state;
  } catch (error) {
    await lease.release();
    throw error;
  }
}

function inMemory(servers: readonly ServerSpec[], folder: string): ServerSpec[] {
  return servers.map((server) => ({ ...server, dir: join(memoryFolder(folder), `zookeeper${server.id}`) }));
}

/** All at once and before anything is started: one message that names every port and who has it. */
async function checkFree(place: LabPlace, ports: readonly number[]): Promise<void> {
  const taken: string[] = [];
  for (const port of ports) {
    if (!(await isPortFree(port))) taken.push(`port ${port} is taken by ${describePortOwner(port)}`);
  }
  if (taken.length === 0) return;
  throw new LabError(
    "PORT_TAKEN",
    `The lab "${place.name}" cannot be brought up: ${taken.join("; ")}. End that process, choose other ports (--ports 2281,2282,2283), or let the lab lease free ones under a name: pnpm lab:up --name NAME`,
    { details: { ports: taken } },
  );
}

function checkSamePorts(place: LabPlace, { spec }: LabState, { ports }: UpOptions): void {
  const running = spec.servers.map(({ clientPort }) => clientPort);
  if (ports === undefined || ports.join() === running.join()) return;
  throw new LabError(
    "WRONG_STATE",
    `The lab "${place.name}" listens on ${running.join(", ")}, not on ${ports.join(", ")}. Stop it first: ${command("down", place)}`,
    { details: { running, asked: ports } },
  );
}
