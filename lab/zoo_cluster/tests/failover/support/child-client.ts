/** A client in a process of its own, which can be killed and stopped without harm to the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { SessionState } from "@zk/client";
import { processTable } from "../../../src/process/process-table.js";
import { runCommand } from "../../../src/release/run-command.js";
import { until } from "./wait.js";

/** What the child is told. */
export interface ChildOptions {
  /** Connection string with the chroot. */
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  /** Ephemeral znode to create. */
  readonly ephemeral: string;
  /** Znode to write again and again; default: the child is idle. */
  readonly writes?: string;
  /** Server address to sit on at first, `host:port`. */
  readonly on?: string;
  /** Pauses longer than this between two continuations are told, in milliseconds. Default: none. */
  readonly gapMs?: number;
}

/** What the child tells; `atMs` is wall-clock time with fractions, to be compared between processes. */
export type ChildRecord = { readonly atMs: number } & (
  | {
      readonly type: "ready";
      readonly sessionId: string;
      readonly password: string;
      readonly sessionTimeoutMs: number;
      readonly server: string;
    }
  | { readonly type: "state"; readonly state: SessionState; readonly reason: string }
  /** Nothing ran for a while; `first` ran first after it. */
  | { readonly type: "gap"; readonly gapMs: number; readonly first: string; readonly state: SessionState }
  /** A timer of the user's own came before any continuation after such a pause, and saw this state. */
  | { readonly type: "seenByTimer"; readonly gapMs: number; readonly state: SessionState }
  /** Answer to a `touch`: the request went out at `sentAtMs`. */
  | { readonly type: "touched"; readonly sentAtMs: number }
  | { readonly type: "wrote"; readonly count: number }
  | { readonly type: "writeFailed"; readonly code: string; readonly applied: string }
  | { readonly type: "accident"; readonly text: string }
);

type RecordOf<Type extends ChildRecord["type"]> = Extract<ChildRecord, { readonly type: Type }>;

const program = fileURLToPath(new URL("./child-program.mjs", import.meta.url));

const builder = fileURLToPath(new URL("../../../../../tools/build.mjs", import.meta.url));

/** Children run the built client, as users do: see that it is of the sources that are tested. */
export async function buildClient(): Promise<void> {
  const { status, tail } = await runCommand(process.execPath, [builder, "packages/client"], {
    env: process.env,
    timeoutMs: 180_000,
  });
  if (status !== 0) throw new Error(`the client cannot be built:\n${tail.join("\n")}`);
}

/** Wall-clock time with fractions, as the records of children have it. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

/** See the head of this file. */
export class ChildClient {
  readonly records: ChildRecord[] = [];
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #stderr = "";
  #isOver = false;

  constructor(options: ChildOptions) {
    this.#process = spawn(process.execPath, [program, JSON.stringify(options)], {
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

  /** What must not happen in a child: unhandled rejections, exceptions, words on stderr. */
  get accidents(): string[] {
    const told = this.of("accident").map(({ text }) => text);
    return this.#stderr === "" ? told : [...told, this.#stderr];
  }

  get session(): { readonly id: bigint; readonly password: Uint8Array } {
    const [ready] = this.of("ready");
    if (ready === undefined) throw new Error("the child has no session yet");
    return { id: BigInt(ready.sessionId), password: Buffer.from(ready.password, "hex") };
  }

  get sessionTimeoutMs(): number {
    return this.of("ready")[0]?.sessionTimeoutMs ?? 0;
  }

  of<Type extends ChildRecord["type"]>(type: Type): RecordOf<Type>[] {
    return this.records.filter((record): record is RecordOf<Type> => record.type === type);
  }

  get states(): SessionState[] {
    return this.of("state").map(({ state }) => state);
  }

  async ready(): Promise<void> {
    await this.#until("the child to have its session and its znode", () => this.of("ready")[0]);
  }

  async reaches(state: SessionState): Promise<RecordOf<"state">> {
    return await this.#until(`the child to be ${state}`, () => {
      const last = this.of("state").at(-1);
      return last?.state === state ? last : undefined;
    });
  }

  /** Lets the child ask its server something, and gives the time at which it did. */
  async touch(): Promise<RecordOf<"touched">> {
    const before = this.of("touched").length;
    this.#process.stdin?.write("touch\n");
    return await this.#until("the child to have touched its session", () => this.of("touched")[before]);
  }

  /** The child stops itself (SIGSTOP) between two turns of its event loop; resolves when it stands still. */
  async pause(): Promise<void> {
    this.#process.stdin?.write("stand still\n");
    await until("the child to stand still", () => processTable.read(this.#process.pid ?? 0)?.isPaused);
  }

  resume(): void {
    this.#process.kill("SIGCONT");
  }

  /** SIGKILL; resolves when the process is gone. @returns the time of the signal */
  async kill(): Promise<number> {
    const atMs = wallMs();
    this.#process.kill("SIGKILL");
    await this.#exited;
    return atMs;
  }

  /** Ends the child however it is. */
  async end(): Promise<void> {
    if (!this.#isOver) await this.kill();
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    return await until(
      what,
      () => {
        const seen = look();
        if (seen !== undefined) return seen;
        if (this.#isOver || this.accidents.length > 0)
          throw new Error(`waited for ${what}, but it failed: ${this.accidents.join("\n")}`);
        return undefined;
      },
      { describe: () => JSON.stringify(this.records.slice(-10)) },
    );
  }
}
