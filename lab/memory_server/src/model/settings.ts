/** The options of a model with their defaults, checked. */
import { SERVER_FRAME_BYTES_MAX } from "@zk/protocol";
import type { ModelOptions, Range } from "./types.js";

/** Most servers of one ensemble. */
export const serversMax = 15;

/** {@link ModelOptions} with nothing left out. */
export type Settings = Required<Omit<ModelOptions, "disks" | "shown" | "superDigest">> & {
  readonly superDigest: string | undefined;
  readonly shown: NonNullable<ModelOptions["shown"]>;
};

/** @throws RangeError for numbers that make no ensemble */
export function settingsOf(options: ModelOptions): Settings {
  const tickTimeMs = options.tickTimeMs ?? 2000;
  const settings: Settings = {
    servers: options.servers,
    seed: options.seed ?? 1,
    wallOffsetMs: options.wallOffsetMs ?? 1_400_000_000_000,
    tickTimeMs,
    minSessionTimeoutMs: options.minSessionTimeoutMs ?? 2 * tickTimeMs,
    maxSessionTimeoutMs: options.maxSessionTimeoutMs ?? 20 * tickTimeMs,
    maxClientCnxns: options.maxClientCnxns ?? 60,
    frameBytesMax: options.frameBytesMax ?? SERVER_FRAME_BYTES_MAX,
    globalOutstandingLimit: options.globalOutstandingLimit ?? 1000,
    superDigest: options.superDigest,
    skipAcl: options.skipAcl ?? false,
    readOnlyMode: options.readOnlyMode ?? false,
    linkMs: options.linkMs ?? [0, 0],
    diskMs: options.diskMs ?? [0, 0],
    electionMs: options.electionMs ?? [0, 0],
    initLimit: options.initLimit ?? 10,
    syncLimit: options.syncLimit ?? 5,
    shown: options.shown ?? {},
    recordHistory: options.recordHistory ?? false,
  };
  whole("servers", settings.servers, 1, serversMax);
  whole("tickTimeMs", tickTimeMs, 1, 2 ** 31 - 1);
  whole("minSessionTimeoutMs", settings.minSessionTimeoutMs, 1, 2 ** 31 - 1);
  whole("maxSessionTimeoutMs", settings.maxSessionTimeoutMs, settings.minSessionTimeoutMs, 2 ** 31 - 1);
  whole("maxClientCnxns", settings.maxClientCnxns, 0, 2 ** 31 - 1);
  whole("frameBytesMax", settings.frameBytesMax, 64, 2 ** 31 - 1);
  whole("globalOutstandingLimit", settings.globalOutstandingLimit, 1, 2 ** 31 - 1);
  whole("initLimit", settings.initLimit, 1, 1_000_000);
  whole("syncLimit", settings.syncLimit, 1, 1_000_000);
  for (const name of ["linkMs", "diskMs", "electionMs"] as const) checkRange(name, settings[name]);
  return settings;
}

function whole(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${name} is ${value}: it must be a whole number from ${min} to ${max}`);
}

function checkRange(name: string, [minMs, maxMs]: Range): void {
  if (!(minMs >= 0) || !(maxMs >= minMs) || !Number.isFinite(maxMs))
    throw new RangeError(`${name} is ${minMs} to ${maxMs} ms: it must be a range of times, none below 0`);
}
