/** Real ZooKeeper servers under our scripts, in a temporary folder with a blank in its name. */
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";
import { findJava, installRelease, provisionRelease } from "../../../src/release/index.js";
import { endProcess, isAlive } from "./processes.js";
import { type RunOptions, runProgram, type ScriptRun } from "./run-program.js";

const scriptsDir = fileURLToPath(new URL("../../../scripts/", import.meta.url));
const guardProgram = fileURLToPath(new URL("./guard.mjs", import.meta.url));

/** What a JVM on a busy machine needs to start; waits for a server have this limit. */
export const startLimitSeconds = 90;

export class RealServer {
  readonly root: string;
  readonly releaseDir: string;
  readonly port: number;
  readonly #env: Readonly<Record<string, string>>;
  readonly #seen = new Set<number>();
  readonly #guard: ChildProcess;

  private constructor(root: string, version: string, port: number, env: Readonly<Record<string, string>>) {
    this.root = root;
    this.releaseDir = join(root, `zookeeper-${version}`);
    this.port = port;
    this.#env = env;
    this.#guard = spawn(process.execPath, [guardProgram, root], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#guard.unref();
    (this.#guard.stdin as unknown as { unref(): void }).unref();
  }

  /**
   * Provisions and installs a release, with our scripts whatever scripts it brings.
   *
   * @param config lines of the configuration after dataDir and clientPort; no `myid` is written without `id`.
   */
  static async create(options: {
    readonly port: number;
    readonly version?: string;
    readonly id?: number;
    readonly config?: string;
  }): Promise<RealServer> {
    const version = options.version ?? "3.4.6";
    const [release, java] = await Promise.all([provisionRelease({ version }), findJava()]);
    const root = await mkdtemp(join(tmpdir(), "zk real-"));
    const server = new RealServer(root, version, options.port, {
      PATH: `${dirname(java.path)}:${process.env["PATH"] ?? ""}`,
      HOME: root,
      ZOO_LOG_DIR: join(root, "logs"),
      JMXDISABLE: "1",
      SERVER_JVMFLAGS: "-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dzookeeper.jmx.log4j.disable=true",
      CLIENT_JVMFLAGS: "-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    });
    await installRelease(release, server.releaseDir);
    await cp(scriptsDir, join(server.releaseDir, "bin"), { recursive: true });
    await mkdir(server.dataDir, { recursive: true });
    if (options.id !== undefined) await writeFile(join(server.dataDir, "myid"), `${options.id}\n`);
    await server.writeConfig(options.config ?? "");
    return server;
  }

  get dataDir(): string {
    return join(this.root, "data");
  }
  get pidFile(): string {
    return join(this.dataDir, "zookeeper_server.pid");
  }
  get config(): string {
    return join(this.releaseDir, "conf", "zoo.cfg");
  }

  async writeConfig(more: string): Promise<void> {
    await writeFile(
      this.config,
      `tickTime = 500\ninitLimit=20\nsyncLimit=10\ndataDir = ${this.dataDir}\nclientPort: ${this.port}\nclientPortAddress=127.0.0.1\n${more}`,
    );
  }

  /** Runs `bin/zkServer.sh WORD…`; remembers the pid on record, to end it with the test. */
  async zkServer(words: readonly string[], options: RunOptions = {}): Promise<ScriptRun> {
    try {
      return await this.run("zkServer.sh", words, options);
    } finally {
      const pid = await this.pid().catch(() => Number.NaN);
      if (pid > 0) this.#seen.add(pid);
    }
  }

  /** Runs `bin/zkCli.sh -server … WORD…`. */
  async zkCli(words: readonly string[], options: RunOptions = {}): Promise<ScriptRun> {
    return await this.run("zkCli.sh", ["-server", `127.0.0.1:${this.port}`, ...words], options);
  }

  async run(script: string, words: readonly string[], options: RunOptions = {}): Promise<ScriptRun> {
    return await runProgram(join(this.releaseDir, "bin", script), words, {
      limitMs: 150_000,
      ...options,
      cwd: this.root,
      env: {
        ...this.#env,
        ...(options.mode === "3.4.6" ? { ZKLAB_COMPAT: "3.4.6" } : {}),
        ...options.env,
      },
    });
  }

  /** Starts a script as the leader of a process group of its own, and does not wait for it. */
  spawn(script: string, words: readonly string[]): ChildProcess {
    return spawn(join(this.releaseDir, "bin", script), words, {
      cwd: this.root,
      env: this.#env,
      stdio: "ignore",
      detached: true,
    });
  }

  async start(...options: readonly string[]): Promise<ScriptRun> {
    return await this.zkServer(["start", "--wait", String(startLimitSeconds), ...options]);
  }

  async pid(): Promise<number> {
    return Number(await readFile(this.pidFile, "utf8"));
  }

  own(pid: number): number {
    this.#seen.add(pid);
    return pid;
  }

  async dispose(): Promise<void> {
    for (const pid of this.#seen) if (isAlive(pid)) await endProcess(pid, this.root);
    await new Promise((resolve) => {
      this.#guard.once("exit", resolve);
      this.#guard.stdin?.end();
    });
    await rm(this.root, { recursive: true, force: true });
  }
}

/** A server that goes with the test, however that ends. */
export async function realServerFor(
  context: Pick<TestContext, "onTestFinished">,
  options: Parameters<typeof RealServer.create>[0],
): Promise<RealServer> {
  const server = await RealServer.create(options);
  context.onTestFinished(() => server.dispose());
  return server;
}
