import { copyFile, mkdir, rm } from "node:fs/promises";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { LabError } from "../errors.js";
import { commitEntry, createWorkDirectory, entryName, openEntry } from "./cache.js";
import { hashBytes, hashFile } from "./digest.js";
import { describeError, kindOf, listDirectory } from "./files.js";
import { inspectRelease, isServerJarName, readServerVersion } from "./layout.js";
import { type StepContext, type StepForecast, type StepResult, versionMiss } from "./step.js";

const unset = "neither ZK_LAB_HOME nor ZK_LAB_CLASSPATH is set";

/** Uses the unpacked release or the jars that the user names. */
export async function tryHome(context: StepContext): Promise<StepResult> {
  const home = context.env["ZK_LAB_HOME"];
  const classpath = context.env["ZK_LAB_CLASSPATH"];
  if (home) return unpackedRelease(context, resolve(home));
  if (classpath) return releaseOfJars(context, classpath);
  return { miss: unset };
}

/** Says whether {@link tryHome} would give a release. */
export async function forecastHome(context: StepContext): Promise<StepForecast> {
  const home = context.env["ZK_LAB_HOME"];
  const classpath = context.env["ZK_LAB_CLASSPATH"];
  if (home) {
    const result = await unpackedRelease(context, resolve(home));
    if ("miss" in result) return { outcome: "miss", reason: result.miss };
    return {
      outcome: "available",
      reason: `ZK_LAB_HOME: ZooKeeper ${result.release.version} in ${result.release.dir}`,
    };
  }
  if (!classpath) return { outcome: "miss", reason: unset };
  const jars = await inspectJars(context, classpath);
  if ("miss" in jars) return { outcome: "miss", reason: jars.miss };
  return {
    outcome: "available",
    reason: `ZK_LAB_CLASSPATH: ZooKeeper ${jars.version}, ${jars.paths.length} jars`,
  };
}

async function unpackedRelease(context: StepContext, dir: string): Promise<StepResult> {
  try {
    const { version, ownScripts } = await inspectRelease(dir);
    const miss = versionMiss(context, version, `ZK_LAB_HOME (${dir})`);
    if (miss !== null) return { miss };
    return { release: { version, source: "home", origin: "home", dir, ownScripts } };
  } catch (error) {
    return { miss: `ZK_LAB_HOME: ${describeError(error)}` };
  }
}

interface JarList {
  readonly version: string;
  readonly serverJar: string;
  readonly paths: readonly string[];
}

/** Copies the jars into a cache entry of their own, since a release is a folder and the user's jars may lie anywhere. */
async function releaseOfJars(context: StepContext, classpath: string): Promise<StepResult> {
  const { cacheRoot, signal } = context;
  const jars = await inspectJars(context, classpath);
  if ("miss" in jars) return jars;
  const { version } = jars;
  const digests: string[] = [];
  for (const path of jars.paths) digests.push(`${await hashFile(path, "sha256", signal)} ${basename(path)}`);
  const name = entryName(version, "home", hashBytes(digests.join("\n")));
  const known = await openEntry(cacheRoot, name, signal);
  if (known.state === "whole") {
    return { release: { version, source: "home", origin: "home", dir: known.entry.dir, ownScripts: false } };
  }
  const workDir = await createWorkDirectory(cacheRoot);
  try {
    const staged = join(workDir, "release");
    await mkdir(join(staged, "lib"), { recursive: true });
    for (const path of jars.paths) {
      const target = path === jars.serverJar ? staged : join(staged, "lib");
      await copyFile(path, join(target, basename(path)));
    }
    const facts = {
      version,
      origin: "home",
      ownScripts: false,
      madeFrom: "the jars of ZK_LAB_CLASSPATH",
    } as const;
    const { dir } = await commitEntry(cacheRoot, name, staged, facts, signal);
    return { release: { version, source: "home", origin: "home", dir, ownScripts: false } };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function inspectJars(
  context: StepContext,
  classpath: string,
): Promise<JarList | { readonly miss: string }> {
  try {
    const paths = await expandClasspath(classpath);
    const names = paths.map((path) => basename(path));
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) return { miss: `ZK_LAB_CLASSPATH names ${twice} twice` };
    const [serverJar, second] = paths.filter((path) => isServerJarName(basename(path)));
    if (serverJar === undefined) return { miss: "ZK_LAB_CLASSPATH holds no zookeeper-VERSION.jar" };
    if (second !== undefined)
      return { miss: `ZK_LAB_CLASSPATH holds two server jars: ${serverJar} and ${second}` };
    if (!names.some((name) => name.startsWith("slf4j-api-"))) {
      return { miss: "ZK_LAB_CLASSPATH holds no slf4j-api jar, so no server can start from it" };
    }
    const version = await readServerVersion(serverJar);
    const miss = versionMiss(context, version, `ZK_LAB_CLASSPATH (${serverJar})`);
    return miss === null ? { version, serverJar, paths } : { miss };
  } catch (error) {
    return { miss: `ZK_LAB_CLASSPATH: ${describeError(error)}` };
  }
}

/** Jars of a Java class path: files, and `folder/*` for all jars of a folder. */
async function expandClasspath(classpath: string): Promise<string[]> {
  const paths: string[] = [];
  for (const part of classpath.split(delimiter)) {
    if (part === "") continue;
    if (basename(part) === "*") {
      const folder = resolve(dirname(part));
      for (const { name } of await listDirectory(folder))
        if (name.endsWith(".jar")) paths.push(join(folder, name));
    } else if (part.endsWith(".jar") && (await kindOf(part)) === "file") {
      paths.push(resolve(part));
    } else {
      throw new LabError("BAD_RELEASE", `${part} is not a jar (write folder/* for all jars of a folder)`);
    }
  }
  return paths;
}
