/** Takes hold of a lab that an earlier command has brought up. */

import { openContainers } from "../docker/containers.js";
import { backendOf, type EnsembleSpec } from "../ensemble/layout.js";
import type { Backend } from "../ensemble/options.js";
import { ProcessEnsemble } from "../ensemble/process-ensemble.js";
import { createControls, noJava, silentListener } from "../ensemble/server-control.js";
import { type LabState, lockFolder, readState } from "../ensemble/state-file.js";
import { LabError } from "../errors.js";
import { takeLock } from "../process/lab-lock.js";
import { findJava } from "../release/java.js";
import type { Environment, Java } from "../release/types.js";
import { createMemoryControls, MemoryHost } from "./memory-control.js";
import type { LabPlace } from "./place.js";

/** What every operation on a lab is given. */
export interface LabContext {
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
  /** Receives one line at a time for people. */
  readonly onProgress: (line: string) => void;
}

/** What the user said about the lab they mean; checked against what is there. */
export interface Expectation {
  readonly version?: string | undefined;
  readonly servers?: number | undefined;
  /** The kind of servers that is asked for; undefined takes what is there. */
  readonly backend?: Exclude<Backend, "process"> | undefined;
}

/**
 * The lab at that place.
 *
 * @throws LabError `NO_LAB`; `VERSION_MISMATCH` or `WRONG_STATE` when it is not as expected; `STATE_UNREADABLE`
 */
export async function openLab(
  place: LabPlace,
  context: LabContext,
  expected: Expectation = {},
): Promise<ProcessEnsemble> {
  const state = await readState(place.folder);
  if (state === null) {
    throw new LabError(
      "NO_LAB",
      `The lab "${place.name}" is not up in ${place.dir}. Bring it up: ${upCommand(place)}`,
      {
        details: { name: place.name, dir: place.dir },
      },
    );
  }
  checkExpectation(place, state, expected);
  return await attach(state.spec, context);
}

/**
 * An ensemble over servers that run, or not, already. Its `stop` stops the servers, and takes containers away.
 *
 * @param image of new containers, for who has it ready; found when it is needed unless told.
 */
export async function attach(
  spec: EnsembleSpec,
  context: LabContext,
  image?: string | undefined,
): Promise<ProcessEnsemble> {
  const { env, onProgress, signal } = context;
  if (spec.docker !== undefined) {
    const containers = await openContainers(spec, { env, onProgress, signal, image });
    const resources = { begin: async () => {}, end: () => containers.remove({ withData: false }) };
    return new ProcessEnsemble(spec, containers.controls, resources);
  }
  if (spec.memory !== undefined) {
    const host = new MemoryHost(spec.memory.folder);
    const resources = { begin: async () => {}, end: () => host.end() };
    return new ProcessEnsemble(spec, createMemoryControls(spec, host), resources);
  }
  let java: Promise<Java | null> | null = null;
  const findOnce = (): Promise<Java | null> => {
    // Without Java a server can still be asked and stopped; a start then fails with the script's own words.
    java ??= findJava({ env }).catch(noJava);
    return java;
  };
  const controls = createControls({ spec, env, java: findOnce, listener: silentListener });
  // Also those whose pid file is gone, with their folder or by a start in the foreground: they are there all the same.
  for (const control of controls) await control.findAnywhere();
  return new ProcessEnsemble(spec, controls, { begin: async () => {}, end: async () => {} });
}

/** Runs `work` while no other command changes this lab. */
export async function whileLocked<T>(
  place: LabPlace,
  purpose: string,
  { signal, onProgress }: LabContext,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await takeLock(lockFolder(place.folder), purpose, {
    signal,
    onWait: onProgress,
    timeoutMs: 180_000,
  });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

const kinds: Readonly<Record<Backend, string>> = {
  process: "servers that are processes",
  docker: "servers in containers",
  memory: "a model of servers",
};

/** @throws LabError `VERSION_MISMATCH`, `WRONG_STATE` with what to do. */
export function checkExpectation(place: LabPlace, state: LabState, expected: Expectation): void {
  const { spec } = state;
  const advice = `Stop it first (${command("down", place)}), or give the other one a name of its own: pnpm lab:up --name NAME`;
  const running = backendOf(spec);
  if (expected.backend !== undefined && expected.backend !== running) {
    throw new LabError(
      "WRONG_STATE",
      `The lab "${place.name}" has ${kinds[running]}, not ${kinds[expected.backend]}. ${advice} --${expected.backend}`,
      { details: { running, asked: expected.backend } },
    );
  }
  if (expected.version !== undefined && expected.version !== spec.version) {
    throw new LabError(
      "VERSION_MISMATCH",
      `The lab "${place.name}" runs ${spec.version}, not ${expected.version}. ${advice} --version ${expected.version}`,
      { details: { running: spec.version, asked: expected.version } },
    );
  }
  if (expected.servers !== undefined && expected.servers !== spec.servers.length) {
    throw new LabError(
      "WRONG_STATE",
      `The lab "${place.name}" has ${spec.servers.length} servers, not ${expected.servers}. ${advice} --servers ${expected.servers}`,
      { details: { running: spec.servers.length, asked: expected.servers } },
    );
  }
}

/** The command that brings this lab up. */
export function upCommand(place: LabPlace): string {
  return command("up", place);
}

/** `pnpm lab:WORD` for this lab. */
export function command(word: string, place: LabPlace): string {
  const [verb, ...rest] = word.split(" ");
  const name = place.name === "default" ? "" : ` --name ${place.name}`;
  const dir = place.isDefault || place.dir === place.folder ? "" : ` --dir ${place.dir}`;
  return `pnpm lab:${[verb, ...rest].join(" ")}${name}${dir}`;
}
