/** What `startEnsemble` is told, checked once and completed with defaults. */
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import type { MemoryEnsembleOptions } from "@zk/memory-server";
import { LabError } from "../errors.js";
import type { Environment } from "../release/types.js";
import { checkVersion, defaultVersion } from "../release/version.js";

/** Servers of an ensemble unless told. */
export const defaultServers = 3;
/** Most servers of one ensemble. */
export const serversMax = 9;
/**
 * Milliseconds of a tick for ensembles of the library. Sessions last from 2 to 20 ticks, and a dead silence of
 * `syncLimit` (5) ticks makes servers drop each other, so a short tick keeps failover tests short.
 */
export const defaultTickTimeMs = 500;
/** Limit for the start of a whole ensemble, in milliseconds. */
export const defaultReadyTimeoutMs = 60_000;

/**
 * What the servers are:
 * - `process` real servers of a release, each a process of its own; needs Java
 * - `docker` real servers, each a container of its own; needs a container engine, and no Java
 * - `memory` a model of 3.4.6 inside this process (`@zk/memory-server`): nothing to install, ready within milliseconds
 */
export type Backend = "process" | "docker" | "memory";

/** What only a model can be told: its seed, and how long things take in it. */
export type ModelTuning = Pick<MemoryEnsembleOptions, "seed" | "linkMs" | "diskMs" | "electionMs">;

/** Options of {@link startEnsemble}; all have defaults. */
export interface EnsembleOptions {
  /**
   * Default: `process`. With `docker`, `dir` of a server is a folder inside its container. With `memory` the version can be
   * 3.4.6 only, `config` and `javaFlags` may hold what the model knows (session timeouts, limits, `skipACL`, the super
   * digest, …), and everything else is refused.
   */
  readonly backend?: Backend;
  /** With backend `memory` only: its seed, and how long things take in it. */
  readonly model?: ModelTuning;
  /** Number of servers, 1 to {@link serversMax}; default {@link defaultServers}. One server is a standalone one. */
  readonly servers?: number;
  /** Release, default {@link defaultVersion}. */
  readonly version?: string;
  /** Client ports, one a server. Default: leased free ones, as the ports between the servers always are. */
  readonly ports?: readonly number[];
  /**
   * Folder for the servers (`zookeeperN/zookeeper-VERSION/`). What is in it is kept, used again and never removed.
   * Default: a new temporary folder, removed at the end. With `docker` the servers store in volumes that belong to it.
   */
  readonly dir?: string;
  /** Letters, digits, `_`, `-`; shows in each server's command line as `-Dzk.lab=NAME/ID`. Default: a unique one. */
  readonly name?: string;
  /** Milliseconds of a tick, default {@link defaultTickTimeMs}. */
  readonly tickTimeMs?: number;
  /** More JVM flags for every server, after the lab's own; no blanks or quotes in them. */
  readonly javaFlags?: readonly string[];
  /** More lines for `zoo.cfg`, or other values for those that the lab does not depend on (`initLimit`, `syncLimit`, …). */
  readonly config?: Readonly<Record<string, string>>;
  /** Receives one line at a time for people, without line end. */
  readonly onProgress?: (line: string) => void;
  /** Ends the start: everything begun is taken back and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Limit for all servers to be ready once they are installed; default {@link defaultReadyTimeoutMs}. */
  readonly readyTimeoutMs?: number;
  /** Variables to read (`ZK_LAB_…`, `JAVA_HOME`, …) instead of the process's own. */
  readonly env?: Environment;
}

/** Options with nothing left open. */
export interface EnsembleSettings {
  readonly backend: Backend;
  readonly model: ModelTuning;
  readonly servers: number;
  readonly version: string;
  readonly ports: readonly number[] | null;
  readonly dir: string | null;
  readonly name: string;
  readonly tickTimeMs: number;
  readonly javaFlags: readonly string[];
  readonly config: Readonly<Record<string, string>>;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal | undefined;
  readonly readyTimeoutMs: number;
  readonly env: Environment;
}

let ensembleCount = 0;

/** @throws LabError `BAD_OPTION` naming the option, what it must be and what it was. */
export function resolveOptions(options: EnsembleOptions = {}): EnsembleSettings {
  const servers = options.servers ?? options.ports?.length ?? defaultServers;
  const settings: EnsembleSettings = {
    backend: options.backend ?? "process",
    model: options.model ?? {},
    servers,
    version: options.version ?? defaultVersion,
    ports: options.ports ?? null,
    dir: options.dir === undefined ? null : resolve(options.dir),
    name: options.name ?? uniqueName(),
    tickTimeMs: options.tickTimeMs ?? defaultTickTimeMs,
    javaFlags: options.javaFlags ?? [],
    config: options.config ?? {},
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal,
    readyTimeoutMs: options.readyTimeoutMs ?? defaultReadyTimeoutMs,
    env: options.env ?? process.env,
  };
  checkServers(servers);
  check(
    /^(process|docker|memory)$/.test(settings.backend),
    "backend",
    "process, docker or memory",
    settings.backend,
  );
  check(
    settings.backend === "memory" || options.model === undefined,
    "model",
    'left out, unless backend is "memory"',
    options.model,
  );
  check(
    isWhole(settings.tickTimeMs, 10, 60_000),
    "tickTimeMs",
    "a whole number from 10 to 60000",
    settings.tickTimeMs,
  );
  check(settings.readyTimeoutMs > 0, "readyTimeoutMs", "more than 0", settings.readyTimeoutMs);
  checkName(settings.name);
  checkVersion(settings.version);
  if (settings.ports !== null) checkPorts(settings.ports, servers);
  for (const flag of settings.javaFlags) {
    check(
      /^-[^\s'"`$\\]+$/.test(flag),
      "javaFlags",
      "flags that begin with - and hold no blank, quote, $ or \\",
      flag,
    );
  }
  for (const [key, value] of Object.entries(settings.config)) checkConfig(key, value);
  return settings;
}

/** @throws LabError `BAD_OPTION` */
export function checkName(name: string): void {
  const isGood = /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/.test(name);
  check(isGood, "name", "1 to 48 letters, digits, _ or -, beginning with a letter or digit", name);
}

/** @throws LabError `BAD_OPTION` */
export function checkPorts(ports: readonly number[], servers: number): void {
  check(ports.length === servers, "ports", `one client port for each of ${servers} servers`, ports.join(","));
  check(new Set(ports).size === ports.length, "ports", "different numbers", ports.join(","));
  for (const port of ports) check(isWhole(port, 1, 65_535), "ports", "numbers from 1 to 65535", port);
}

function checkConfig(key: string, value: string): void {
  check(/^[A-Za-z0-9_.-]+$/.test(key), "config", "keys of letters, digits, `.`, `_`, `-`", key);
  check(!/[\r\n]/.test(value), "config", "values of one line", value);
  const isOurs = /^(clientPort|clientPortAddress|dataDir|dataLogDir|tickTime|server\.\d+)$/.test(key);
  check(!isOurs, "config", "keys that the lab does not write itself (use `ports`, `dir`, `tickTimeMs`)", key);
}

function uniqueName(): string {
  ensembleCount++;
  return `e${process.pid}-${ensembleCount}-${randomBytes(3).toString("hex")}`;
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

/** A number of servers. @throws LabError `BAD_OPTION` */
export function checkServers(servers: number): void {
  check(isWhole(servers, 1, serversMax), "servers", `a whole number from 1 to ${serversMax}`, servers);
}

function check(isGood: boolean, option: string, rule: string, value: unknown): void {
  if (isGood) return;
  throw new LabError("BAD_OPTION", `Option ${option} must be ${rule}; it is ${JSON.stringify(value)}.`, {
    details: { option, value },
  });
}
