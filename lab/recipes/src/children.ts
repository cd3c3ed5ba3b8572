/** Programs of these tests in processes of their own, which can be killed and stopped without harm to the test. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "./wait.js";

/** What a program tells: one JSON record a line, with a type. */
export interface ChildRecord {
  readonly type: string;
  readonly [name: string]: unknown;
}

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Programs run built, as users run theirs: see that they are of the sources that are tested. */
export function buildPrograms(): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["tools/build.mjs", "lab/recipes"], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the programs cannot be built:\n${stdout}${stderr}`);
}

/** See the head of this file. */
export class Child implements AsyncDisposable {
  readonly records: ChildRecord[] = [];
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #stderr = "";
  #isOver = false;

  /** @param program a file in `src/programs`, without its ending */
  constructor(program: string, options: object) {
    const path = `${root}lab/recipes/dist/programs/${program}.js`;
    this.#process = spawn(process.execPath, [path, JSON.stringify(options)], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    // A killed child takes no more words; that is no news.
    this.#process.stdin?.on("error", () => {});
    this.#process.stderr?.on("data", (text) => {
      this.#stderr += String(text);
    });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error("the child has no output");
    createInterface({ input: stdout }).on("line", (line) =>
      this.records.push(JSON.parse(line) as ChildRecord),
    );
    this.#exited = new Promise((resolve) => {
      this.#process.once("close", () => {
        this.#isOver = true;
        resolve();
      });
    });
  }

  /** What must not happen in a child: words on stderr, unhandled rejections among them. */
  get accidents(): string {
    return this.#stderr;
  }

  /** Whether the process is there. */
  get isRunning(): boolean {
    return !this.#isOver;
  }

  of(type: string): ChildRecord[] {
    return this.records.filter((record) => record.type === type);
  }

  /** Waits until it has told so many records of a type. */
  async tells(type: string, count = 1): Promise<void> {
    await until(`the child to tell ${count} of ${type}`, () => {
      if (this.of(type).length >= count) return true;
      if (this.#isOver) throw new Error(`it ended before it told ${type}: ${this.#stderr}`);
      return undefined;
    });
  }

  /** Asks it to end by itself, and waits until it has. */
  async finish(): Promise<void> {
    this.#process.stdin?.end();
    await until("the child to end", () => this.#isOver, 60_000);
  }

  /** SIGSTOP. */
  pause(): void {
    this.#process.kill("SIGSTOP");
  }

  /** SIGCONT. */
  resume(): void {
    this.#process.kill("SIGCONT");
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) await this.kill();
  }
}
