/** What `startMemoryEnsemble` is told, checked once and completed with defaults. */
import { join, resolve } from "node:path";
import { serversMax } from "../model/settings.js";
import type { ModelOptions } from "../model/types.js";
import type { DriverClock } from "./clock.js";
import { MemoryServerError } from "./errors.js";

/** Milliseconds of a tick unless told: as short as in the ensembles of `@zk/lab`, so that sessions end soon. */
export const defaultTickTimeMs = 500;
/** Servers unless told. */
export const defaultServers = 3;
/** Limit for all servers to be ready, in milliseconds. */
export const defaultReadyTimeoutMs = 60_000;
/** The release that the model is a model of. */
export const modelVersion = "3.4.6";

/** Options of `startMemoryEnsemble`; all have defaults. Those of the model keep theirs, except for `tickTimeMs`. */
export interface MemoryEnsembleOptions extends Partial<Omit<ModelOptions, "disks" | "shown">> {
  /** Client ports, one a server. Default: free ones. */
  readonly ports?: readonly number[];
  /** Shows in messages. Default: a unique one. */
  readonly name?: string;
  /** Folder in which the servers remember what they know over the end of this process. Default: they remember nothing. */
  readonly dir?: string;
  /** False: no sockets at all; only {@link MemoryEnsemble.transport} reaches the servers. Default: true. */
  readonly listen?: boolean;
  /** False: does not wait until the servers are ready. Default: true. */
  readonly wait?: boolean;
  /** The time in which the servers live, a `VirtualClock` for example. Default: the time of this machine. */
  readonly clock?: DriverClock;
  /** Whether the ensemble keeps the process running. Default: false, so that a forgotten one does not hang a test run. */
  readonly keepAlive?: boolean;
  /** Receives each line that a server logs. */
  readonly onLog?: (server: number, line: string) => void;
  /** Limit for all servers to be ready; default {@link defaultReadyTimeoutMs}. */
  readonly readyTimeoutMs?: number;
  /** Ends the start: everything begun is taken back and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options with nothing left open. */
export interface MemoryEnsembleSettings {
  readonly servers: number;
  readonly ports: readonly number[] | null;
  readonly name: string;
  /** Null: the servers remember nothing. */
  readonly dir: string | null;
  readonly isListening: boolean;
  readonly isWaiting: boolean;
  readonly clock: DriverClock | null;
  readonly keepAlive: boolean;
  readonly onLog: ((server: number, line: string) => void) | null;
  readonly readyTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** For the model, without disks and ports. */
  readonly model: ModelOptions;
}

let ensembleCount = 0;

/** @throws MemoryServerError `BAD_OPTION` naming the option, what it must be and what it was */
export function resolveOptions(options: MemoryEnsembleOptions = {}): MemoryEnsembleSettings {
  const {
    servers = options.ports?.length ?? defaultServers,
    ports = null,
    name = `m${process.pid}-${++ensembleCount}`,
    dir,
    listen = true,
    wait = true,
    clock = null,
    keepAlive = false,
    onLog = null,
    readyTimeoutMs = defaultReadyTimeoutMs,
    signal,
    ...model
  } = options;
  check(isWhole(servers, 1, serversMax), "servers", `a whole number from 1 to ${serversMax}`, servers);
  check(readyTimeoutMs > 0, "readyTimeoutMs", "more than 0", readyTimeoutMs);
  if (ports !== null) {
    check(
      ports.length === servers,
      "ports",
      `one client port for each of ${servers} servers`,
      ports.join(","),
    );
    check(new Set(ports).size === ports.length, "ports", "different numbers", ports.join(","));
    for (const port of ports) check(isWhole(port, 1, 65_535), "ports", "numbers from 1 to 65535", port);
  }
  return {
    servers,
    ports,
    name,
    dir: dir === undefined ? null : resolve(dir),
    isListening: listen,
    isWaiting: wait,
    clock,
    keepAlive,
    onLog,
    readyTimeoutMs,
    signal,
    model: { tickTimeMs: defaultTickTimeMs, ...model, servers },
  };
}

/** Where a server keeps what it remembers. */
export function serverFolder(
  settings: { readonly name: string; readonly dir: string | null },
  id: number,
): string {
  const name = `zookeeper${id}`;
  return settings.dir === null ? `memory:${settings.name}/${name}` : join(settings.dir, name);
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function check(isGood: boolean, option: string, rule: string, value: unknown): void {
  if (isGood) return;
  throw new MemoryServerError(
    "BAD_OPTION",
    `Option ${option} must be ${rule}; it is ${JSON.stringify(value)}.`,
    {
      details: { option, value },
    },
  );
}
