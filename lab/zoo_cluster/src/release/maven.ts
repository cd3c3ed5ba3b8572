import { mkdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { LabError } from "../errors.js";
import { hashFile } from "./digest.js";
import { isServerJarName, readServerVersion } from "./layout.js";
import { copyJars, type JarDependency } from "./maven-jars.js";
import { pinnedServerJar } from "./pinned-digests.js";
import type { Environment } from "./types.js";
import { isAtLeast } from "./version.js";

/**
 * Assembles a release from Maven coordinates.
 */

/** What {@link assembleWithMaven} needs. */
export interface MavenAssembly {
  readonly version: string;
  readonly mvn: string;
  /** An empty directory to work in. */
  readonly workDir: string;
  readonly env: Environment;
  readonly onProgress: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches the server jar and all that it needs at run time.
 *
 * @returns the directory that now holds `zookeeper-VERSION.jar` and `lib/`
 * @throws LabError `MAVEN_FAILED` with the last lines of the client; `DIGEST_MISMATCH` when the server jar is not the
 * published one; `BAD_RELEASE` when a jar is damaged
 */
export async function assembleWithMaven(assembly: MavenAssembly): Promise<string> {
  const { version, workDir, onProgress, signal } = assembly;
  const project = join(workDir, "project");
  const jars = await copyJars({
    ...assembly,
    what: `org.apache.zookeeper:zookeeper:${version}`,
    dependencies: releaseDependencies(version),
    workDir: project,
  });

  const release = join(workDir, "release");
  await mkdir(join(release, "lib"), { recursive: true });
  let serverJar: string | null = null;
  for (const jar of jars) {
    const name = basename(jar);
    const isServer = isServerJarName(name);
    if (isServer) serverJar = join(release, name);
    await rename(jar, isServer ? join(release, name) : join(release, "lib", name));
  }
  await rm(project, { recursive: true, force: true });
  if (serverJar === null) {
    throw new LabError(
      "MAVEN_FAILED",
      `${assembly.mvn} reported success but delivered no server jar for ${version}`,
    );
  }
  await checkServerJar(serverJar, version, signal);
  onProgress(`maven: ${jars.length} jars, every entry checked`);
  return release;
}

/**
 * What a version's release is made of: the server and what its own pom leaves to others.
 *
 * From 3.5 on the server's pom marks as "provided" what the tarball does carry: the logging library in most versions,
 * the option parser of zkCli, and (from 3.6) metrics and snappy, without which the server does not start. Logging is
 * replaced as a whole, so that every version has exactly one binding: log4j 1.2's successor up to 3.7, then logback.
 */
export function releaseDependencies(version: string): JarDependency[] {
  const modern = isAtLeast(version, 3, 5);
  const exclusions = [...unwanted, ...(modern ? loggingOfOthers : [])];
  const needed: JarDependency[] = [{ name: "org.apache.zookeeper:zookeeper", version, exclusions }];
  if (modern) {
    needed.push(
      { name: "org.slf4j:slf4j-api", version: "1.7.36" },
      isAtLeast(version, 3, 8)
        ? { name: "ch.qos.logback:logback-classic", version: "1.2.13" }
        : { name: "org.slf4j:slf4j-reload4j", version: "1.7.36" },
      { name: "commons-cli:commons-cli", version: "1.5.0" },
      { name: "jline:jline", version: "2.14.6" },
    );
  }
  if (isAtLeast(version, 3, 6)) {
    needed.push(
      { name: "io.dropwizard.metrics:metrics-core", version: "4.1.12.1" },
      { name: "org.xerial.snappy:snappy-java", version: "1.1.10.5" },
    );
  }
  return needed;
}

/** jline 0.9.94 declares junit for run time by mistake; no release carries it. */
const unwanted = ["junit:junit"];
const loggingOfOthers = [
  "log4j:log4j",
  "org.slf4j:slf4j-log4j12",
  "org.slf4j:slf4j-reload4j",
  "ch.qos.reload4j:reload4j",
  "ch.qos.logback:logback-classic",
  "ch.qos.logback:logback-core",
];

async function checkServerJar(jar: string, version: string, signal?: AbortSignal): Promise<void> {
  const pinned = pinnedServerJar(version);
  if (pinned) {
    const actual = await hashFile(jar, pinned.algorithm, signal);
    if (actual !== pinned.hex) {
      throw new LabError(
        "DIGEST_MISMATCH",
        `the server jar of ${version} that Maven delivered is not the published one: its ${pinned.algorithm} is ${actual}, and ${pinned.hex} is ${pinned.origin}. Look at the repository or mirror in Maven's settings, and remove org/apache/zookeeper/zookeeper/${version} from its local repository`,
        { details: { version, actual, expected: pinned.hex } },
      );
    }
  }
  const actual = await readServerVersion(jar);
  if (actual !== version) {
    throw new LabError(
      "BAD_RELEASE",
      `Maven delivered a server jar whose manifest says ${actual}, not ${version}`,
    );
  }
}
