/**
 * Jars by their Maven coordinates, through the user's own `mvn`, whose settings alone decide about repositories, mirrors,
 * proxies and passwords.
 */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { isLabError, LabError } from "../errors.js";
import { cacheDirectory } from "./cache-directory.js";
import { describeError, isExecutable, kindOf } from "./files.js";
import { verifyJar } from "./jar.js";
import { findJava } from "./java.js";
import { withLock } from "./lock.js";
import { type CommandResult, runCommand } from "./run-command.js";
import type { Environment } from "./types.js";

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

/** A jar, which brings all that it needs at run time. */
export interface JarDependency {
  /** `group:artifact`. */
  readonly name: string;
  readonly version: string;
  /** What it asks for and shall not bring, as `group:artifact`; `*` stands for any artifact. */
  readonly exclusions?: readonly string[];
}

/** What {@link copyJars} needs. */
export interface JarFetch {
  /** For messages. */
  readonly what: string;
  readonly dependencies: readonly JarDependency[];
  readonly mvn: string;
  /** A directory for the project file and, in `jars/`, what is fetched. Made when it is not there. */
  readonly workDir: string;
  readonly env: Environment;
  readonly onProgress: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What {@link fetchJars} needs. */
export interface FetchJarsOptions {
  readonly dependencies: readonly JarDependency[];
  /** The jars go to its folder `jars`. Made when it is not there. */
  readonly dir: string;
  /** Variables to read instead of the process's own: `ZK_LAB_MVN`, `ZK_LAB_MAVEN_TIMEOUT`, `PATH`, `JAVA_HOME`. */
  readonly env?: Environment;
  /** Receives one line at a time, without line end, for people. */
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Fetches jars and all that they need at run time with the user's Maven, and checks every entry of them.
 *
 * @returns the paths of the jars, sorted
 * @throws LabError `MAVEN_FAILED` when there is no Maven, when it fails (with its last lines), or when a jar is damaged;
 * `LOCK_TIMEOUT` when another process is at it for ten minutes
 */
export async function fetchJars(options: FetchJarsOptions): Promise<string[]> {
  const { dependencies, dir, env = process.env, onProgress = () => {}, signal } = options;
  const mvn = await findMaven(env);
  const what = dependencies.map(({ name, version }) => `${name}:${version}`).join(", ");
  if (mvn === null) throw new LabError("MAVEN_FAILED", `${what} cannot be fetched: ${explainNoMaven(env)}`);
  return await copyJars({ what, dependencies, mvn, workDir: dir, env, onProgress, signal });
}

/** As {@link fetchJars}, with a client that was found before. */
export async function copyJars(fetch: JarFetch): Promise<string[]> {
  const { what, dependencies, mvn, workDir, onProgress } = fetch;
  const folder = join(workDir, "jars");
  await mkdir(folder, { recursive: true });
  await writeFile(join(workDir, "pom.xml"), pomOf(dependencies));
  onProgress(`maven: asking ${mvn} for ${what}`);
  await runMaven(fetch, workDir, folder);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jar")).sort();
  const jars = names.map((name) => join(folder, name));
  for (const jar of jars) await verifyDelivered(jar);
  return jars;
}

/** A project that needs nothing but these. */
export function pomOf(dependencies: readonly JarDependency[]): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    "  <modelVersion>4.0.0</modelVersion>",
    "  <groupId>zk.lab</groupId>",
    "  <artifactId>release</artifactId>",
    "  <version>1</version>",
    "  <packaging>pom</packaging>",
    "  <dependencies>",
    ...dependencies.flatMap(dependencyLines),
    "  </dependencies>",
    "</project>",
    "",
  ].join("\n");
}

function dependencyLines({ name, version, exclusions = [] }: JarDependency): string[] {
  const pair = (of: string): string => {
    const [group, artifact] = of.split(":");
    return `<groupId>${group}</groupId><artifactId>${artifact}</artifactId>`;
  };
  const excluded = exclusions.map((of) => `        <exclusion>${pair(of)}</exclusion>`);
  return [
    "    <dependency>",
    `      ${pair(name)}<version>${version}</version>`,
    ...(excluded.length === 0 ? [] : ["      <exclusions>", ...excluded, "      </exclusions>"]),
    "    </dependency>",
  ];
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

async function runMaven(fetch: JarFetch, project: string, jars: string): Promise<void> {
  const { mvn, what, onProgress, signal } = fetch;
  const limitMs = timeoutOf(fetch.env);
  const progress = progressReporter(onProgress);
  let result: CommandResult;
  try {
    const args = ["-B", "-Dstyle.color=never", goal, "-DincludeScope=runtime", `-DoutputDirectory=${jars}`];
    const env = await mavenEnvironment(fetch.env, signal);
    // One at a time: two Mavens that fill one local repository can read what the other has written half.
    const lock = join(cacheDirectory(fetch.env), "locks", "maven.lock");
    result = await withLock(lock, { purpose: what, signal, onProgress }, () =>
      runCommand(mvn, args, { cwd: project, env, timeoutMs: limitMs, signal, onLine: progress.line }),
    );
  } catch (error) {
    signal?.throwIfAborted();
    if (isLabError(error)) throw error;
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
    `${mvn} ${how} while fetching ${what}; its last lines:\n${lastWords(result.tail)}`,
    { details: { status: result.status, timedOut: result.timedOut } },
  );
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
