import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { LabError } from "../errors.js";
import { hashFile } from "./digest.js";
import { describeError, isExecutable, kindOf, listDirectory } from "./files.js";
import { verifyJar } from "./jar.js";
import { findJava } from "./java.js";
import { isServerJarName, readServerVersion } from "./layout.js";
import { pinnedServerJar } from "./pinned-digests.js";
import { type CommandResult, runCommand } from "./run-command.js";
import type { Environment } from "./types.js";
import { isAtLeast } from "./version.js";

/**
 * Assembles a release from Maven coordinates with the user's own `mvn`, whose settings alone decide about
 * repositories, mirrors, proxies and passwords.
 */

/** Time limit of the Maven client in milliseconds, unless `ZK_LAB_MAVEN_TIMEOUT` gives one in seconds. */
export const mavenTimeoutMs = 300_000;

const goal = "dependency:copy-dependencies";

/** The Maven client that would be used: `ZK_LAB_MVN`, else `mvn` from `PATH`; null when there is none. */
export async function findMaven(env: Environment): Promise<string | null> {
  const chosen = env["ZK_LAB_MVN"];
  if (chosen) return (await isExecutable(chosen)) ? chosen : null;
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    if (folder !== "" && (await isExecutable(join(folder, "mvn")))) return join(folder, "mvn");
  }
  return null;
}

/** Why {@link findMaven} found nothing. */
export function explainNoMaven(env: Environment): string {
  return env["ZK_LAB_MVN"]
    ? `ZK_LAB_MVN=${env["ZK_LAB_MVN"]} is not an executable file`
    : "no mvn on PATH (install it with: apt-get install maven, brew install maven, sdk install maven; or set ZK_LAB_MVN)";
}

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
  const jars = join(project, "jars");
  await mkdir(jars, { recursive: true });
  await writeFile(join(project, "pom.xml"), releasePom(version));
  onProgress(`maven: asking ${assembly.mvn} for org.apache.zookeeper:zookeeper:${version}`);
  await runMaven(assembly, project, jars);

  const release = join(workDir, "release");
  await mkdir(join(release, "lib"), { recursive: true });
  let serverJar: string | null = null;
  let count = 0;
  for (const { name } of await listDirectory(jars)) {
    if (!name.endsWith(".jar")) continue;
    await verifyDelivered(join(jars, name));
    count += 1;
    const isServer = isServerJarName(name);
    if (isServer) serverJar = join(release, name);
    await rename(join(jars, name), isServer ? join(release, name) : join(release, "lib", name));
  }
  await rm(project, { recursive: true, force: true });
  if (serverJar === null) {
    throw new LabError(
      "MAVEN_FAILED",
      `${assembly.mvn} reported success but delivered no server jar for ${version}`,
    );
  }
  await checkServerJar(serverJar, version, signal);
  onProgress(`maven: ${count} jars, every entry checked`);
  return release;
}

async function verifyDelivered(jar: string): Promise<void> {
  try {
    await verifyJar(jar);
  } catch (error) {
    throw new LabError(
      "MAVEN_FAILED",
      `Maven delivered a damaged ${basename(jar)} (${describeError(error)}): remove it from Maven's local repository, usually ~/.m2/repository, and run this again`,
      { cause: error },
    );
  }
}

/**
 * The pom of a version's release: the server and what its own pom leaves to others.
 *
 * From 3.5 on the server's pom marks as "provided" what the tarball does carry: the logging library in most versions,
 * the option parser of zkCli, and (from 3.6) metrics and snappy, without which the server does not start. Logging is
 * replaced as a whole, so that every version has exactly one binding: log4j 1.2's successor up to 3.7, then logback.
 */
export function releasePom(version: string): string {
  const modern = isAtLeast(version, 3, 5);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    "  <modelVersion>4.0.0</modelVersion>",
    "  <groupId>zk.lab</groupId>",
    "  <artifactId>release</artifactId>",
    "  <version>1</version>",
    "  <packaging>pom</packaging>",
    "  <dependencies>",
    ...dependency("org.apache.zookeeper:zookeeper", version, [
      ...unwanted,
      ...(modern ? loggingOfOthers : []),
    ]),
  ];
  if (modern) {
    lines.push(
      ...dependency("org.slf4j:slf4j-api", "1.7.36"),
      ...(isAtLeast(version, 3, 8)
        ? dependency("ch.qos.logback:logback-classic", "1.2.13")
        : dependency("org.slf4j:slf4j-reload4j", "1.7.36")),
      ...dependency("commons-cli:commons-cli", "1.5.0"),
      ...dependency("jline:jline", "2.14.6"),
    );
  }
  if (isAtLeast(version, 3, 6)) {
    lines.push(
      ...dependency("io.dropwizard.metrics:metrics-core", "4.1.12.1"),
      ...dependency("org.xerial.snappy:snappy-java", "1.1.10.5"),
    );
  }
  return [...lines, "  </dependencies>", "</project>", ""].join("\n");
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

function dependency(coordinates: string, version: string, exclusions: readonly string[] = []): string[] {
  const pair = (of: string): string => {
    const [group, artifact] = of.split(":");
    return `<groupId>${group}</groupId><artifactId>${artifact}</artifactId>`;
  };
  const excluded = exclusions.map((of) => `        <exclusion>${pair(of)}</exclusion>`);
  return [
    "    <dependency>",
    `      ${pair(coordinates)}<version>${version}</version>`,
    ...(excluded.length === 0 ? [] : ["      <exclusions>", ...excluded, "      </exclusions>"]),
    "    </dependency>",
  ];
}

async function runMaven(assembly: MavenAssembly, project: string, jars: string): Promise<void> {
  const { mvn, version, onProgress, signal } = assembly;
  const limitMs = timeoutOf(assembly.env);
  const progress = progressReporter(onProgress);
  let result: CommandResult;
  try {
    const args = ["-B", "-Dstyle.color=never", goal, "-DincludeScope=runtime", `-DoutputDirectory=${jars}`];
    const env = await mavenEnvironment(assembly.env, signal);
    result = await runCommand(mvn, args, {
      cwd: project,
      env,
      timeoutMs: limitMs,
      signal,
      onLine: progress.line,
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new LabError("MAVEN_FAILED", `${mvn} could not be run: ${describeError(error)}`, { cause: error });
  } finally {
    progress.stop();
  }
  if (result.status === 0) return;
  const how = result.timedOut
    ? `did not finish within ${limitMs / 1000} s (ZK_LAB_MAVEN_TIMEOUT sets the limit in seconds)`
    : `ended with ${result.status === null ? result.signal : `status ${result.status}`}`;
  throw new LabError(
    "MAVEN_FAILED",
    `${mvn} ${how} while fetching org.apache.zookeeper:zookeeper:${version}; its last lines:\n${lastWords(result.tail)}`,
    { details: { status: result.status, timedOut: result.timedOut } },
  );
}

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

/** Maven needs a Java too. One that the user set for it stays; only where it would find none does it get ours. */
async function mavenEnvironment(env: Environment, signal: AbortSignal | undefined): Promise<Environment> {
  const home = env["JAVA_HOME"];
  if (home && (await isExecutable(join(home, "bin", "java")))) return env;
  const { JAVA_HOME: _unusable, ...rest } = env;
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    if (folder !== "" && (await isExecutable(join(folder, "java")))) return rest;
  }
  const java = await findJava({ env, ...(signal ? { signal } : {}) });
  return java.home === null || (await kindOf(java.home)) !== "directory"
    ? rest
    : { ...rest, JAVA_HOME: java.home };
}

function timeoutOf(env: Environment): number {
  const seconds = Number(env["ZK_LAB_MAVEN_TIMEOUT"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.round(seconds * 1000) : mavenTimeoutMs;
}

/** Says about once a second which file was fetched last, and every five that Maven is still at work. */
function progressReporter(onProgress: (line: string) => void): { line(line: string): void; stop(): void } {
  const started = performance.now();
  let files = 0;
  let told = started;
  const tell = (line: string): void => {
    told = performance.now();
    onProgress(line);
  };
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - told < 4_900) return;
    const seconds = Math.round((now - started) / 1000);
    tell(
      `maven: at work for ${seconds} s, ${files} files fetched (a first run fetches Maven's own plugins too)`,
    );
  }, 1_000);
  timer.unref();
  return {
    line: (line) => {
      const name = /\bDownloaded(?: from [^:]*)?: \S*\/([^/\s]+)/.exec(line)?.[1];
      if (name === undefined) return;
      files += 1;
      if (performance.now() - told >= 1_000) tell(`maven: ${files} files fetched, the latest ${name}`);
    },
    stop: () => clearInterval(timer),
  };
}

/** The lines that say why: Maven's errors if there are any, without its advice on debugging, else simply the last ones. */
function lastWords(tail: readonly string[]): string {
  const said = tail.map((line) => line.trimEnd()).filter((line) => line !== "" && line !== "[ERROR]");
  const errors = said.filter(
    (line) =>
      line.startsWith("[ERROR]") &&
      !/Re-run Maven|To see the full stack trace|For more information/.test(line),
  );
  const chosen = errors.length > 0 ? errors : said;
  return chosen.length === 0
    ? "  (it said nothing)"
    : chosen
        .slice(-12)
        .map((line) => `  ${line}`)
        .join("\n");
}
