/**
 * The container engine of this machine, found as testcontainers finds it (`DOCKER_HOST`, `~/.testcontainers.properties`,
 * the usual sockets) and spoken to through its client.
 *
 * testcontainers is loaded when an engine is first asked for, and by nobody else: it is large, and who runs processes or
 * the model must not wait for it.
 */
import type { ContainerRuntimeClient } from "testcontainers";
import { LabError } from "../errors.js";
import { formatSeconds, timeScale, waitFor } from "../wait.js";
import { describeAddress, type EngineAddress, namedAddress } from "./engine-address.js";
import { asLabError, tooOld, whyNoEngine } from "./engine-errors.js";

/** The oldest API that is known to do (Docker 20.10), as it says of itself. */
export const engineApiMin = "1.41";
/** Limit in milliseconds for the engine to say who it is. */
export const engineAnswerTimeoutMs = 15_000;
/** Limit in milliseconds for something to be gone that the engine says is still in use. */
export const removalTimeoutMs = 15_000;

/** The client of the engine's API that testcontainers stands on. */
export type Docker = ContainerRuntimeClient["container"]["dockerode"];

/** An engine that answers and is new enough. */
export interface Engine {
  readonly docker: Docker;
  readonly client: ContainerRuntimeClient;
  readonly address: EngineAddress;
  /** Of the engine, for people: `20.10.24`. */
  readonly version: string;
}

/**
 * The engine.
 *
 * @throws LabError `NO_ENGINE`, `ENGINE_DENIED`, `ENGINE_TOO_OLD`, `ENGINE_FAILED`
 */
export async function connectEngine(): Promise<Engine> {
  const named = namedAddress(process.env);
  // Before anything goes out to another machine.
  if (named !== null && named !== "unreadable") checkIsHere(named);
  const client = await findClient();
  const { dockerode: docker } = client.container;
  const { socketPath, host, port } = docker.modem as unknown as {
    readonly socketPath?: string;
    readonly host?: string;
    readonly port?: string | number;
  };
  const address: EngineAddress =
    socketPath === undefined ? { host: host ?? "localhost", port: Number(port ?? 2375) } : { socketPath };
  // testcontainers goes on to the usual places when the named one does not answer; the user meant that one.
  if (named !== null && (named === "unreadable" || describeAddress(named) !== describeAddress(address))) {
    throw await whyNoEngine(process.env, new Error(`${describeAddress(address)} answers instead`));
  }
  checkIsHere(address);
  const said = await asking("its version", () => docker.version());
  if (isOlder(said.ApiVersion, engineApiMin)) throw tooOld(said.Version, said.ApiVersion, engineApiMin);
  if (client.info.containerRuntime.operatingSystemType === "windows") {
    throw new LabError(
      "NO_ENGINE",
      "The container engine runs Windows containers, and the servers' image is one of Linux. Switch it to Linux containers.",
    );
  }
  return { docker, client, address, version: said.Version };
}

/** Does something with the engine; what goes wrong becomes a {@link LabError} that says what was wanted. */
export async function asking<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asLabError(what, error);
  }
}

/** As {@link asking}, with null for what is not there. */
export async function askingFor<T>(what: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw asLabError(what, error);
  }
}

/**
 * Removes something, also while somebody else is at it. An engine answers 409 for what is on its way out or still used by
 * something that is, and 403 for a network whose containers have not quite gone.
 *
 * @throws LabError `ENGINE_FAILED` with the engine's words when it is still there after {@link removalTimeoutMs}
 */
export async function askingToRemove(what: string, remove: () => Promise<unknown>): Promise<void> {
  let refusal: unknown;
  await waitFor({
    what,
    timeoutMs: removalTimeoutMs,
    intervalMs: 100,
    code: "ENGINE_FAILED",
    look: async () => {
      try {
        await remove();
        return true;
      } catch (error) {
        const status = statusOf(error) ?? 0;
        if (status === 404) return true;
        if (status !== 403 && status !== 409) throw asLabError(what, error);
        refusal = error;
        return undefined;
      }
    },
    describe: () => asLabError(what, refusal).message,
  });
}

/** For changes that somebody else may have made already: gone (404), as wanted (304) or on its way out (409). */
export async function askingToEnd(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (![304, 404, 409].includes(statusOf(error) ?? 0)) throw asLabError(what, error);
  }
}

/** The HTTP status that the engine answered with, or undefined. */
export function statusOf(error: unknown): number | undefined {
  return (error as { readonly statusCode?: number }).statusCode;
}

async function findClient(): Promise<ContainerRuntimeClient> {
  const { getContainerRuntimeClient } = await import("testcontainers");
  const limitMs = engineAnswerTimeoutMs * timeScale();
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Error(`no answer within ${formatSeconds(limitMs)}`)), limitMs);
  });
  try {
    return await whileHostIsLoopback(() => Promise.race([getContainerRuntimeClient(), late]));
  } catch (error) {
    throw await whyNoEngine(process.env, error);
  } finally {
    clearTimeout(limit);
  }
}

/**
 * Where ports of containers are found is no question here: on loopback. Left to itself testcontainers looks into it,
 * and inside a container starts another one for that, from an image that may not be there.
 */
async function whileHostIsLoopback<T>(work: () => Promise<T>): Promise<T> {
  const name = "TESTCONTAINERS_HOST_OVERRIDE";
  if (process.env[name] !== undefined) return await work();
  process.env[name] = "127.0.0.1";
  try {
    return await work();
  } finally {
    delete process.env[name];
  }
}

function checkIsHere(address: EngineAddress): void {
  if ("socketPath" in address || /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(address.host)) return;
  throw new LabError(
    "NO_ENGINE",
    `The container engine is on another machine (${address.host}). The servers' ports are mapped to loopback there, where no client of this machine could reach them. Unset DOCKER_HOST, or run the lab on that machine.`,
    { details: { host: address.host } },
  );
}

/** Numbers with a dot between them, compared as such. */
function isOlder(actual: string, min: string): boolean {
  const [major = 0, minor = 0] = actual.split(".").map(Number);
  const [minMajor = 0, minMinor = 0] = min.split(".").map(Number);
  return major < minMajor || (major === minMajor && minor < minMinor);
}
