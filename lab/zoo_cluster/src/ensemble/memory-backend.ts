/** `backend: "memory"`: the same options, for servers that are a model inside this process. */
import { type MemoryEnsembleOptions, MemoryServerError, startMemoryEnsemble } from "@zk/memory-server";
import { LabError } from "../errors.js";
import { defaultVersion } from "../release/version.js";
import type { EnsembleSettings } from "./options.js";
import type { Ensemble } from "./types.js";

type ModelOptions = Partial<MemoryEnsembleOptions>;

/** Settings of a server as its configuration names them, or as a Java property behind `zookeeper.`. */
const understood: Readonly<Record<string, (value: string, key: string) => ModelOptions>> = {
  maxClientCnxns: (value, key) => ({ maxClientCnxns: toNumber(value, key) }),
  minSessionTimeout: (value, key) => ({ minSessionTimeoutMs: toNumber(value, key) }),
  maxSessionTimeout: (value, key) => ({ maxSessionTimeoutMs: toNumber(value, key) }),
  initLimit: (value, key) => ({ initLimit: toNumber(value, key) }),
  syncLimit: (value, key) => ({ syncLimit: toNumber(value, key) }),
  globalOutstandingLimit: (value, key) => ({ globalOutstandingLimit: toNumber(value, key) }),
  skipACL: (value) => ({ skipAcl: value === "yes" }),
  "DigestAuthenticationProvider.superDigest": (value) => ({ superDigest: value }),
};

/** Properties without `zookeeper.` in front, which only a flag can set. */
const understoodFlags: typeof understood = {
  "jute.maxbuffer": (value, key) => ({ frameBytesMax: toNumber(value, key) }),
  "readonlymode.enabled": (value) => ({ readOnlyMode: value === "true" }),
};

/** Settings about files and ports that a model has not; a client never sees what they are. */
const withoutEffect = new Set([
  "4lw.commands.whitelist",
  "admin.enableServer",
  "autopurge.purgeInterval",
  "autopurge.snapRetainCount",
  "forceSync",
  "fsync.warningthresholdms",
  "preAllocSize",
  "snapCount",
]);

/** Starts a model. @throws LabError `BAD_OPTION` for what a model cannot be told, and as `startMemoryEnsemble` */
export async function startModelEnsemble(settings: EnsembleSettings): Promise<Ensemble> {
  const options = modelOptions(settings);
  settings.onProgress(
    `starting a model of ${options.servers} servers of ${settings.version} in this process`,
  );
  try {
    return await startMemoryEnsemble(options);
  } catch (error) {
    throw toLabError(error);
  }
}

/** The options of the model for the settings of an ensemble. @throws LabError `BAD_OPTION` */
export function modelOptions(
  settings: EnsembleSettings,
): MemoryEnsembleOptions & { readonly servers: number } {
  const { servers, ports, name, tickTimeMs, dir, signal, readyTimeoutMs, version } = settings;
  if (version !== defaultVersion) {
    throw refused("version", version, `the model is one of ${defaultVersion} alone`);
  }
  const own = [
    ...Object.entries(settings.config).map(([key, value]) => fromConfig(key, value)),
    ...settings.javaFlags.map(fromFlag),
  ];
  return {
    // As in the configuration that the lab writes for real servers.
    maxClientCnxns: 0,
    initLimit: 20,
    syncLimit: 5,
    ...Object.assign({}, ...own),
    ...settings.model,
    servers,
    name,
    tickTimeMs,
    readyTimeoutMs,
    ...(ports === null ? {} : { ports }),
    ...(dir === null ? {} : { dir }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** What the model throws, as what the lab throws. */
export function toLabError(error: unknown): unknown {
  if (!(error instanceof MemoryServerError)) return error;
  return new LabError(error.code, error.message, { cause: error, details: error.details });
}

function fromConfig(key: string, value: string): ModelOptions {
  if (withoutEffect.has(key)) return {};
  const read = understood[key];
  if (read === undefined) {
    throw refused("config", `${key}=${value}`, `the model knows ${Object.keys(understood).join(", ")}`);
  }
  return read(value, key);
}

function fromFlag(flag: string): ModelOptions {
  const [, key = "", value = ""] = /^-D([^=]+)=(.*)$/.exec(flag) ?? [];
  const read = understoodFlags[key];
  if (read !== undefined) return read(value, key);
  if (key.startsWith("zookeeper.")) return fromConfig(key.slice("zookeeper.".length), value);
  throw refused(
    "javaFlags",
    flag,
    `there is no Java; of its properties the model knows those that its configuration has, as -Dzookeeper.KEY=VALUE, and ${Object.keys(understoodFlags).join(", ")}`,
  );
}

function toNumber(value: string, key: string): number {
  if (/^-?\d{1,10}$/.test(value.trim())) return Number(value);
  throw refused("config", `${key}=${value}`, "this has to be a number");
}

function refused(option: string, value: string, why: string): LabError {
  return new LabError(
    "BAD_OPTION",
    `Option ${option} cannot be ${JSON.stringify(value)} with backend "memory": ${why}. Leave it out, or use backend "process".`,
    { details: { option, value } },
  );
}
