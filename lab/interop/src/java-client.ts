/**
 * The Java client of a release, through the command line that comes with it: one process, commands on its standard input,
 * answers on its outputs.
 *
 * Source: ZooKeeper 3.4.6, ZooKeeperMain.java
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findJava, provisionRelease } from "@zk/lab";

const mainClass = "org.apache.zookeeper.ZooKeeperMain";

/** See the head of this file. */
export class JavaClient {
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #wake: () => void = () => {};
  #from = 0;

  private constructor(java: string, classPath: string, hosts: string) {
    this.#process = spawn(java, ["-cp", classPath, mainClass, "-timeout", "6000", "-server", hosts], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process.stdin?.on("error", () => {});
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      if (output === null) continue;
      createInterface({ input: output }).on("line", (line) => {
        this.lines.push(line);
        this.#wake();
      });
    }
    this.#exited = new Promise((resolve) => this.#process.once("close", () => resolve()));
  }

  /**
   * Starts the client of a release and waits for its session.
   * @throws LabError when there is no Java or no release
   */
  static async start(hosts: string, version = "3.4.6"): Promise<JavaClient> {
    const { env } = process;
    const release = await provisionRelease({ version, env });
    const java = await findJava({ env });
    // Without jline the program reads plain lines.
    const libraries = (await readdir(join(release.dir, "lib"))).filter(
      (name) => name.endsWith(".jar") && !name.startsWith("jline"),
    );
    const classPath = [
      join(release.dir, `zookeeper-${version}.jar`),
      ...libraries.map((name) => join(release.dir, "lib", name)),
    ].join(":");
    const client = new JavaClient(java.path, classPath, hosts);
    await client.until(/state:SyncConnected/);
    return client;
  }

  /** Gives a command, and waits until it has said something that fits. @returns the matching line */
  async ask(command: string, expected: RegExp): Promise<string> {
    this.#from = this.lines.length;
    this.#process.stdin?.write(`${command}\n`);
    return await this.until(expected);
  }

  /** Does something, and waits until the client has said something that fits. */
  async hears(what: () => Promise<unknown>, expected: RegExp): Promise<string> {
    this.#from = this.lines.length;
    await what();
    return await this.until(expected);
  }

  /** The first line since the last command that fits. @throws Error after half a minute */
  async until(expected: RegExp): Promise<string> {
    const deadline = AbortSignal.timeout(30_000);
    for (;;) {
      const line = this.lines.slice(this.#from).find((each) => expected.test(each));
      if (line !== undefined) return line;
      if (deadline.aborted) {
        const said = this.lines.slice(-30).join("\n");
        throw new Error(`the Java client did not say ${expected}; the last it said:\n${said}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Lets it end its session and go. */
  async quit(): Promise<void> {
    this.#process.stdin?.write("quit\n");
    this.#process.stdin?.end();
    await this.#exited;
  }

  /** Ends it however it is. */
  async end(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exited;
  }
}
