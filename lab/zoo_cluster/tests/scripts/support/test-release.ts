/**
 * A release folder with our scripts and a `java` that is not one, in a temporary folder with a blank in its name. Runs
 * the scripts in an environment that holds nothing of the machine's own, and ends every process that came of it.
 */
import { spawn } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";
import { endProcess, eventually, isAlive } from "./processes.js";
import { type RunOptions, runProgram, type ScriptRun } from "./run-program.js";

const scriptsDir = fileURLToPath(new URL("../../../scripts/", import.meta.url));
const standIn = fileURLToPath(new URL("./stand-in-java.mjs", import.meta.url));

/** How the stand-in behaves; see stand-in-java.mjs. */
export interface Behaviour {
  /** What a server does: dies at once, answers four-letter words, accepts and says nothing, or has no port at all. */
  readonly server?: "dies" | "answers" | "accepts" | "idles";
  readonly answers?: Readonly<Record<string, string>>;
  readonly port?: number;
  readonly host?: string;
  readonly delayMs?: number;
  readonly ignoresTerm?: boolean;
  readonly exitCode?: number;
  /** What any other class writes. */
  readonly output?: string;
  readonly errorOutput?: string;
  readonly readsStdin?: boolean;
}

/** One call of the stand-in. */
export interface JavaCall {
  readonly words: readonly string[];
  readonly mainClass: string;
  readonly cwd: string;
  readonly pid: number;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string | null;
}

/** What a strict server says when all is well. */
export const standaloneAnswer =
  "Zookeeper version: 3.4.6-1569965, built on 02/20/2014 09:09 GMT\nLatency min/avg/max: 0/0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: 0x0\nMode: standalone\nNode count: 4\n";

export const notServingAnswer = "This ZooKeeper instance is not currently serving requests\n";

const tools =
  "sh bash awk cat tr cut ps sleep ls head tail date uname mkdir mv rm dirname grep sed nohup readlink kill env".split(
    " ",
  );

export class TestRelease {
  readonly root: string;
  readonly port: number;
  readonly version: string;
  /** Pids that tests started beside the stand-ins. */
  readonly #processes = new Set<number>();

  private constructor(root: string, port: number, version: string) {
    this.root = root;
    this.port = port;
    this.version = version;
  }

  static async create(
    options: { readonly port?: number; readonly version?: string } = {},
  ): Promise<TestRelease> {
    const version = options.version ?? "3.4.6";
    const release = new TestRelease(await mkdtemp(join(tmpdir(), "zk scripts-")), options.port ?? 1, version);
    await Promise.all(
      [
        release.path("conf"),
        release.path("lib"),
        release.binDir,
        release.toolsDir,
        release.javaBin,
        release.cwd,
      ].map((folder) => mkdir(folder, { recursive: true })),
    );
    await cp(scriptsDir, release.binDir, { recursive: true, filter: (source) => !source.endsWith(".md") });
    for (const jar of ["lib/a.jar", "lib/b.jar", `zookeeper-${version}.jar`])
      await writeFile(release.path(jar), "");
    await release.writeConfig(`tickTime=2000\ndataDir=${release.dataDir}\nclientPort=${release.port}\n`);
    for (const tool of tools) await release.addTool(tool);
    await release.writeJava(join(release.javaBin, "java"));
    await release.behave({ server: "answers", answers: { srvr: standaloneAnswer } });
    return release;
  }

  /** A path in the release. */
  path(...parts: readonly string[]): string {
    return join(this.root, `zookeeper-${this.version}`, ...parts);
  }

  get binDir(): string {
    return this.path("bin");
  }
  get config(): string {
    return this.path("conf", "zoo.cfg");
  }
  /** The configuration as the scripts spell it. */
  get spelledConfig(): string {
    return `${this.binDir}/../conf/zoo.cfg`;
  }
  get dataDir(): string {
    return join(this.root, "data");
  }
  get pidFile(): string {
    return join(this.dataDir, "zookeeper_server.pid");
  }
  get cwd(): string {
    return join(this.root, "cwd");
  }
  get javaBin(): string {
    return join(this.root, "java home", "bin");
  }
  get javaHome(): string {
    return join(this.root, "java home");
  }
  get toolsDir(): string {
    return join(this.root, "tools");
  }
  /** The tools of a small system and the stand-in java. */
  get searchPath(): string {
    return [this.javaBin, this.toolsDir].join(delimiter);
  }
  /** The class path of 3.4.6: what does not exist stands there as well. */
  get compatClassPath(): string {
    const at = (tail: string): string => `${this.binDir}/../${tail}`;
    return [
      at("build/classes"),
      at("build/lib/*.jar"),
      at("lib/b.jar"),
      at("lib/a.jar"),
      at(`zookeeper-${this.version}.jar`),
      at("src/java/lib/*.jar"),
      at("conf"),
      "",
    ].join(":");
  }
  get strictClassPath(): string {
    const at = (tail: string): string => `${this.binDir}/../${tail}`;
    return [at("lib/b.jar"), at("lib/a.jar"), at(`zookeeper-${this.version}.jar`), at("conf")].join(":");
  }

  async writeConfig(text: string, file: string = this.config): Promise<void> {
    await writeFile(file, text);
  }

  async behave(behaviour: Behaviour): Promise<void> {
    await writeFile(
      join(this.root, "behaviour.json"),
      JSON.stringify({ port: this.port, ...behaviour, ownerPid: process.pid }),
    );
  }

  async writeJava(path: string): Promise<void> {
    await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${standIn}' '${this.root}' "$@"\n`);
    await chmod(path, 0o755);
  }

  /** Puts a command of this machine into the tools. Returns false when there is none. */
  async addTool(name: string): Promise<boolean> {
    const found = (await findCommand(name)) ?? (name === "nc" ? await findCommand("busybox") : null);
    if (found !== null) await symlink(found, join(this.toolsDir, name));
    return found !== null;
  }

  /** Makes the processes that call a tool wait there for each other, until as many have come. */
  async meetAt(name: string, count: number): Promise<void> {
    const real = await findCommand(name);
    const meeting = join(this.root, "meeting");
    await mkdir(meeting);
    await this.removeTool(name);
    await writeFile(
      join(this.toolsDir, name),
      `#!/bin/sh\n: >'${meeting}'/$$\nwhile [ $(ls '${meeting}' | wc -l) -lt ${count} ]; do sleep 0.02; done\nexec ${real} "$@"\n`,
    );
    await chmod(join(this.toolsDir, name), 0o755);
    await this.addTool("wc");
  }

  async removeTool(name: string): Promise<void> {
    await rm(join(this.toolsDir, name), { force: true });
  }

  /** Runs `bin/SCRIPT WORD…`. Standard input is empty unless given. */
  async run(script: string, words: readonly string[], options: RunOptions = {}): Promise<ScriptRun> {
    return await this.runFile(join(this.binDir, script), words, options);
  }

  async runFile(file: string, words: readonly string[], options: RunOptions = {}): Promise<ScriptRun> {
    const compat = options.mode === "3.4.6" ? { ZKLAB_COMPAT: "3.4.6" } : {};
    return await runProgram(file, words, {
      ...options,
      cwd: options.cwd ?? this.cwd,
      env: { PATH: this.searchPath, HOME: this.root, ...compat, ...options.env },
    });
  }

  async calls(): Promise<JavaCall[]> {
    const text = await readFile(join(this.root, "calls.ndjson"), "utf8").catch(() => "");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as JavaCall);
  }

  /** The last call, once there are `count`: a script that does not wait may be done before java has begun. */
  async lastCall(count = 1): Promise<JavaCall> {
    await eventually(`java to be called ${count} times`, async () => (await this.calls()).length >= count);
    const call = (await this.calls()).at(-1);
    if (call === undefined) throw new Error("java was not called");
    return call;
  }

  async serverPid(file: string = this.pidFile): Promise<number> {
    return Number(await readFile(file, "utf8"));
  }

  /** Replaces what differs from run to run: this folder by ROOT, the pid on record and that of the last call by PID. */
  async golden(text: string): Promise<string> {
    const recorded = await readFile(this.pidFile, "utf8").catch(() => "");
    const called = (await this.calls()).at(-1)?.pid;
    let golden = text.replaceAll(this.root, "ROOT");
    for (const pid of [recorded, String(called ?? "")]) {
      if (/^[0-9]+$/.test(pid)) golden = golden.replaceAll(new RegExp(`\\b${pid}\\b`, "g"), "PID");
    }
    return golden;
  }

  /** A process of the test's own, ended with the release. */
  own(pid: number): number {
    this.#processes.add(pid);
    return pid;
  }

  async dispose(): Promise<void> {
    const started = (await this.calls()).map((call) => call.pid);
    for (const pid of new Set([...started, ...this.#processes])) {
      if (isAlive(pid)) await endProcess(pid, this.root);
    }
    await rm(this.root, { recursive: true, force: true });
  }
}

/** A release that goes with the test, and every process with it, however the test ends. */
export async function releaseFor(
  context: Pick<TestContext, "onTestFinished">,
  options: { readonly port?: number; readonly version?: string } = {},
): Promise<TestRelease> {
  const release = await TestRelease.create(options);
  context.onTestFinished(() => release.dispose());
  return release;
}

/** Where a command of this machine is, as a path. */
export async function findCommand(name: string): Promise<string | null> {
  let found = commands.get(name);
  if (found === undefined) {
    found = searchCommand(name);
    commands.set(name, found);
  }
  return await found;
}

const commands = new Map<string, Promise<string | null>>();

async function searchCommand(name: string): Promise<string | null> {
  // A python3 may be a shim that needs more than we put into the tools; it knows where the real one is.
  const question =
    name === "python3" ? `python3 -c "import sys; print(sys.executable)"` : `command -v -- "$1"`;
  return await new Promise((resolve) => {
    const child = spawn("/bin/sh", ["-c", question, "sh", name], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    child.once("close", () => resolve(text.trim().startsWith("/") ? text.trim() : null));
  });
}
