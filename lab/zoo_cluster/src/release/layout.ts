import { join } from "node:path";
import { LabError } from "../errors.js";
import { kindOf, listDirectory } from "./files.js";
import { readJarManifest } from "./jar.js";

/** What was found in a folder that should hold a release. */
export interface ReleaseLayout {
  /** Version from the server jar's manifest. */
  readonly version: string;
  /** The server jar, relative to the folder. */
  readonly serverJar: string;
  /** True when `bin/zkServer.sh` and `bin/zkEnv.sh` are there. */
  readonly ownScripts: boolean;
}

const serverJarShape = /^zookeeper-\d[\w.-]*\.jar$/;
const sideJarShape = /-(?:tests?|sources|javadoc|bin)\.jar$/;

/** True for the name of a server jar, false for its tests, sources and the like, and for `zookeeper-jute`. */
export function isServerJarName(name: string): boolean {
  return serverJarShape.test(name) && !sideJarShape.test(name);
}

/**
 * Looks whether `dir` holds a release that can be run, and which.
 *
 * @throws LabError `BAD_RELEASE` with what is missing
 */
export async function inspectRelease(dir: string): Promise<ReleaseLayout> {
  if ((await kindOf(dir)) !== "directory") throw new LabError("BAD_RELEASE", `${dir} is not a directory`);
  const top = await jarNames(dir);
  const lib = await jarNames(join(dir, "lib"));
  const candidates = [
    ...top.filter(isServerJarName),
    ...lib.filter(isServerJarName).map((name) => `lib/${name}`),
  ];
  const serverJar = candidates[0];
  if (serverJar === undefined) {
    throw new LabError(
      "BAD_RELEASE",
      `${dir} holds no server jar (zookeeper-VERSION.jar at its top or in lib/): a binary release is needed, not sources`,
    );
  }
  if (candidates.length > 1) {
    throw new LabError("BAD_RELEASE", `${dir} holds more than one server jar: ${candidates.join(", ")}`);
  }
  if (![...top, ...lib].some((name) => name.startsWith("slf4j-api-"))) {
    throw new LabError(
      "BAD_RELEASE",
      `${dir} is not complete: lib/ holds no slf4j-api jar, so no server can start from it`,
    );
  }
  return {
    version: await readServerVersion(join(dir, serverJar)),
    serverJar,
    ownScripts:
      (await kindOf(join(dir, "bin", "zkServer.sh"))) === "file" &&
      ((await kindOf(join(dir, "bin", "zkEnv.sh"))) === "file" ||
        (await kindOf(join(dir, "libexec", "zkEnv.sh"))) === "file"),
  };
}

/**
 * The version in a server jar's manifest.
 *
 * 3.4.x writes `Implementation-Version: 3.4.6-1569965`, the number being the revision it was built from.
 *
 * @throws LabError `BAD_RELEASE` when the file is no jar or names no version
 */
export async function readServerVersion(jar: string): Promise<string> {
  const manifest = await readJarManifest(jar);
  for (const attribute of ["Implementation-Version", "Bundle-Version", "Specification-Version"]) {
    const version = /^(\d+\.\d+\.\d+)(-(?:alpha|beta|rc)[\w.]*)?/.exec(manifest.get(attribute)?.trim() ?? "");
    if (version) return version[0];
  }
  throw new LabError("BAD_RELEASE", `${jar} names no version in its manifest`);
}

async function jarNames(dir: string): Promise<string[]> {
  const entries = await listDirectory(dir);
  return entries
    .filter((entry) => !entry.isDirectory() && entry.name.endsWith(".jar"))
    .map((entry) => entry.name);
}
