/** The image that the servers' image is built on: one with Java. */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabError } from "../errors.js";
import { runCommand } from "../release/run-command.js";
import type { Environment } from "../release/types.js";
import { askingFor, type Engine } from "./engine.js";
import { wordsOf } from "./engine-errors.js";

/** Pulled when there is no other. */
export const pulledBaseImage = "eclipse-temurin:17-jre";
/** What `docker/make-base-image.sh` makes, from Debian packages, where no image can be pulled. */
export const ownBaseImage = "zk-lab/base:jre17";
/** Limit in milliseconds for the script, on a slow mirror. */
const makeTimeoutMs = 1_200_000;

// The same place seen from src/docker and from dist/docker.
const script = fileURLToPath(new URL("../../docker/make-base-image.sh", import.meta.url));

/** What is needed to get an image. */
export interface ImageOptions {
  readonly env: Environment;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** An image on the engine. */
export interface BaseImage {
  readonly name: string;
  readonly id: string;
}

/**
 * The base image: `ZK_LAB_BASE_IMAGE`; else the one that the script has made; else {@link pulledBaseImage}; else, for root
 * with debootstrap, the script's, made now.
 *
 * @throws LabError `NO_IMAGE` with what was tried and what to do
 */
export async function findBaseImage(engine: Engine, options: ImageOptions): Promise<BaseImage> {
  const { env, onProgress, signal } = options;
  const chosen = env["ZK_LAB_BASE_IMAGE"];
  if (chosen) {
    const found = (await presentImage(engine, chosen)) ?? (await pullImage(engine, chosen, options));
    if (typeof found !== "string") return found;
    throw noImage([`${chosen} (ZK_LAB_BASE_IMAGE): ${found}`]);
  }
  const present = await presentBaseImage(engine, env);
  if (present !== null) return present;
  const pulled = await pullImage(engine, pulledBaseImage, options);
  if (typeof pulled !== "string") return pulled;
  const tried = [`${pulledBaseImage}: ${pulled}`];
  const missing = await whatScriptLacks(env);
  if (missing !== null) throw noImage([...tried, `${ownBaseImage}: not there, and not made: ${missing}`]);
  onProgress(`${pulledBaseImage} cannot be pulled (${pulled}); making ${ownBaseImage} from Debian packages`);
  const made = await runCommand(script, [ownBaseImage], {
    env,
    timeoutMs: makeTimeoutMs,
    signal,
    onLine: onProgress,
  });
  const own = await presentImage(engine, ownBaseImage);
  if (made.status === 0 && own !== null) return own;
  throw noImage([...tried, `${ownBaseImage}: ${made.tail.slice(-5).join("\n    ")}`]);
}

/** The base image that is there already. */
export async function presentBaseImage(engine: Engine, env: Environment): Promise<BaseImage | null> {
  const chosen = env["ZK_LAB_BASE_IMAGE"];
  if (chosen) return await presentImage(engine, chosen);
  return (await presentImage(engine, ownBaseImage)) ?? (await presentImage(engine, pulledBaseImage));
}

/** The image if the engine has it. */
export async function presentImage(
  { docker }: Pick<Engine, "docker">,
  name: string,
): Promise<BaseImage | null> {
  const found = await askingFor(`a look at the image ${name}`, () => docker.getImage(name).inspect());
  return found === null ? null : { name, id: found.Id };
}

/** Pulls with the user's own credentials; gives the reason when there is nothing to be had. */
async function pullImage(
  engine: Engine,
  name: string,
  { onProgress, signal }: ImageOptions,
): Promise<BaseImage | string> {
  onProgress(`pulling ${name}, once; this may take a while`);
  const { ImageName } = await import("testcontainers");
  try {
    await untilAborted(engine.client.image.pull(ImageName.fromString(name)), signal);
  } catch (error) {
    signal?.throwIfAborted();
    return wordsOf(error);
  }
  return (await presentImage(engine, name)) ?? "the engine has pulled something, but not this image";
}

/** Whoever waits is let go; the engine may finish what it has begun, for the next time. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  signal.throwIfAborted();
  let leave = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", leave);
    // Its failure has nobody left to tell it to.
    work.catch(() => {});
  }
}

/** Null when the script can be run by this user here. */
async function whatScriptLacks(env: Environment): Promise<string | null> {
  if (process.platform !== "linux") return "that needs Linux";
  if (process.getuid?.() !== 0) return `that needs root: sudo ${script}`;
  for (const program of ["debootstrap", "docker"]) {
    if (!(await isOnPath(program, env)))
      return `there is no ${program} (apt-get install ${program === "docker" ? "docker.io" : program})`;
  }
  return null;
}

async function isOnPath(program: string, env: Environment): Promise<boolean> {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const isThere = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (folder !== "" && isThere) return true;
  }
  return false;
}

function noImage(tried: readonly string[]): LabError {
  const lines = [
    "no base image with Java for the servers' image. Tried:",
    ...tried.map((line) => `  ${line}`),
    "Ways out:",
    "  an image of your own:     export ZK_LAB_BASE_IMAGE=NAME   (bash, coreutils and Java 8 or newer in it)",
    `  made of Debian packages:  sudo apt-get install debootstrap && sudo ${script}`,
  ];
  return new LabError("NO_IMAGE", lines.join("\n"), { details: { tried } });
}
