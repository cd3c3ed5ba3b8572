import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { LabError } from "../errors.js";
import { describeError, isExecutable, kindOf, listDirectory } from "./files.js";
import { runCommand } from "./run-command.js";
import type { Environment, Java } from "./types.js";

/** Settings of {@link findJava}. */
export interface FindJavaOptions {
  readonly env?: Environment;
  readonly signal?: AbortSignal;
  /** Time limit for each `-version`, in milliseconds (5 000). */
  readonly timeoutMs?: number;
  /** Folders whose children are Java homes, after everything named by variables (the platform's usual ones). */
  readonly usualFolders?: readonly string[];
}

interface Candidate {
  readonly path: string;
  readonly why: string;
}

/** The oldest feature release that a 3.4 server runs on. */
export const javaMajorMin = 6;

/**
 * Finds a Java launcher that works: `ZK_LAB_JAVA` (a launcher or a home), `JAVA_HOME`, `JAVA8_HOME` and its like, `PATH`,
 * then the usual folders.
 *
 * `ZK_LAB_JAVA` is binding: if it is set and does not work, nothing else is looked at.
 *
 * @throws LabError `NO_JAVA`, with everything that was tried
 */
export async function findJava(options: FindJavaOptions = {}): Promise<Java> {
  const env = options.env ?? process.env;
  const tried: string[] = [];
  const seen = new Set<string>();
  for await (const { path, why } of candidates(env, options.usualFolders ?? usualJavaFolders(env))) {
    if (seen.has(path)) continue;
    seen.add(path);
    const result = await tryJava(path, options);
    if (typeof result !== "string") return result;
    tried.push(`${why}: ${path}: ${result}`);
  }
  throw new LabError("NO_JAVA", explainNoJava(tried, env), { details: { tried } });
}

/** The launcher's version and feature release from what `java -version` prints, or null. */
export function parseJavaVersion(
  output: string,
): { readonly version: string; readonly major: number } | null {
  const version = /^(?:java|openjdk) version "([^"\s]{1,64})"/m.exec(output)?.[1];
  const numbers = /^(\d+)(?:\.(\d+))?/.exec(version ?? "");
  if (version === undefined || !numbers) return null;
  const first = Number(numbers[1]);
  return { version, major: first === 1 && numbers[2] !== undefined ? Number(numbers[2]) : first };
}

async function tryJava(path: string, options: FindJavaOptions): Promise<Java | string> {
  if (!(await isExecutable(path)))
    return (await kindOf(path)) === "absent" ? "not there" : "not an executable file";
  const limitMs = options.timeoutMs ?? 5_000;
  try {
    const result = await runCommand(path, ["-version"], {
      env: options.env ?? process.env,
      timeoutMs: limitMs,
      signal: options.signal,
    });
    if (result.timedOut) return `no answer to -version within ${limitMs} ms`;
    const parsed = parseJavaVersion(result.tail.join("\n"));
    const said = result.tail.find((line) => line.trim() !== "")?.slice(0, 200) ?? "nothing";
    if (result.status !== 0) return `-version ended with ${result.status ?? result.signal}, saying: ${said}`;
    if (!parsed) return `-version printed no version, but: ${said}`;
    if (parsed.major < javaMajorMin) return `is Java ${parsed.version}; ${javaMajorMin} or later is needed`;
    return { path, home: await homeOf(path), ...parsed };
  } catch (error) {
    options.signal?.throwIfAborted();
    return describeError(error);
  }
}

/** `bin/java` in the true place of the launcher, so that a link from /usr/bin gives the home it belongs to. */
async function homeOf(path: string): Promise<string | null> {
  const real = await realpath(path);
  const bin = dirname(real);
  if (basename(bin) !== "bin") return null;
  const home = dirname(bin);
  // A wrapper script in /usr/bin must not make /usr a Java home: those have a `lib` of their own with the runtime in it.
  const runtime = ["lib/modules", "lib/rt.jar", "jre/lib/rt.jar", "release"];
  for (const file of runtime) if ((await kindOf(join(home, file))) === "file") return home;
  return null;
}

async function* candidates(env: Environment, usualFolders: readonly string[]): AsyncGenerator<Candidate> {
  const chosen = env["ZK_LAB_JAVA"];
  if (chosen) {
    const path = (await kindOf(chosen)) === "directory" ? launcherIn(chosen) : chosen;
    yield { path, why: "ZK_LAB_JAVA" };
    return;
  }
  if (env["JAVA_HOME"]) yield { path: launcherIn(env["JAVA_HOME"]), why: "JAVA_HOME" };
  for (const name of homeVariables(env)) yield { path: launcherIn(env[name]!), why: name };
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, launcherName);
    if (folder !== "" && (await isExecutable(path))) yield { path, why: "PATH" };
  }
  for (const folder of usualFolders) {
    for (const entry of await listDirectory(folder).catch(() => [])) {
      for (const home of [join(folder, entry.name), join(folder, entry.name, "Contents", "Home")]) {
        if (await isExecutable(launcherIn(home))) yield { path: launcherIn(home), why: folder };
      }
    }
  }
}

/** `JAVA8_HOME`, `JAVA17_HOME`, `JAVA_8_HOME`, `JAVA_HOME_11_X64` and the like, lowest feature release first. */
function homeVariables(env: Environment): string[] {
  const named: { name: string; major: number }[] = [];
  for (const name of Object.keys(env)) {
    const match = /^(?:JAVA_?(\d{1,2})_HOME|JAVA_HOME_(\d{1,2})(?:_\w+)?|JDK_?(\d{1,2})(?:_HOME)?)$/.exec(
      name,
    );
    if (match && env[name]) named.push({ name, major: Number(match[1] ?? match[2] ?? match[3]) });
  }
  named.sort((a, b) => a.major - b.major || (a.name < b.name ? -1 : 1));
  return named.map(({ name }) => name);
}

const launcherName = process.platform === "win32" ? "java.exe" : "java";

function launcherIn(home: string): string {
  return join(home, "bin", launcherName);
}

function usualJavaFolders(env: Environment): string[] {
  const home = env["HOME"] || homedir();
  return [
    "/usr/lib/jvm",
    "/usr/java",
    "/opt/java",
    "/opt/jdk",
    "/opt",
    "/usr/local/opt",
    "/opt/homebrew/opt",
    "/Library/Java/JavaVirtualMachines",
    join(home, "Library", "Java", "JavaVirtualMachines"),
    join(home, ".sdkman", "candidates", "java"),
    join(home, ".jdks"),
    join(home, ".local", "share", "mise", "installs", "java"),
  ];
}

function explainNoJava(tried: readonly string[], env: Environment): string {
  const lines = [
    "no usable Java was found, and ZooKeeper is a Java program.",
    ...(tried.length === 0
      ? [
          "Looked at ZK_LAB_JAVA, JAVA_HOME, JAVA8_HOME and the like, PATH and the usual folders: nothing there.",
        ]
      : ["Tried:", ...tried.map((line) => `  ${line}`)]),
  ];
  if (env["ZK_LAB_JAVA"])
    lines.push("ZK_LAB_JAVA is binding: correct it, or unset it to have the usual places searched.");
  lines.push(
    "Ways out:",
    "  Debian, Ubuntu:  sudo apt-get install default-jre-headless",
    "  macOS, Homebrew: brew install openjdk",
    "  SDKMAN!:         sdk install java",
    "  already there:   export ZK_LAB_JAVA=/path/to/bin/java   (or JAVA_HOME)",
  );
  return lines.join("\n");
}
