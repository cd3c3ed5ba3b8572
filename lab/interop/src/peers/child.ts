/**
 * A process that speaks in lines. We write requests `{id, op, ...}`, it writes answers `{id, ok, value}` or `{id, error: {type,
 * message}}` in any order, and events `{event, ...}`; the first line is the event `hello`.
 *
 * | op | fields | value |
 * | --- | --- | --- |
 * | connect | connectionString, sessionTimeoutMs | number of the session |
 * | session | session | sessionId, sessionPassword |
 * | open | session, recipe, path, options | number of the handle |
 * | call | handle, method, arguments | what the method gives |
 * | release | handle | |
 * | disconnect | session | |
 *
 * It ends when its input ends, and so when our process ends, however that happens.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { type Failure, PeerError } from "./errors.js";
import { decodeLine, encodeLine } from "./wire.js";

/** How to run a peer's program. */
export interface Program {
  /** For messages, `Curator 4.3.0`. */
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A line that nobody asked for. */
export interface ChildEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What is asked, for messages, and how long it may take. */
export interface Asking {
  readonly what: string;
  readonly timeoutMs: number;
}

const helloTimeoutMs = 60_000;
/** The program gives its sessions four seconds; then it is gone. */
const endTimeoutMs = 8_000;
const logLinesMax = 40;
/** Classes by which libraries and our programs say that there is no such thing. */
const unsupported = new Set(["UnsupportedOperationException", "NotImplementedError"]);

const living = new Set<Child>();
// What no test has closed goes at once when the test process goes in order; in any other end their input ends.
process.once("exit", () => {
  for (const child of living) child.signal("SIGKILL");
});

interface Pending extends Asking {
  settle(value: unknown): void;
  fail(error: PeerError): void;
}

/** See the head of this file. */
export class Child {
  readonly title: string;
  /** What it told of itself at first. */
  hello: ChildEvent = { event: "hello" };
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: ChildEvent) => void>();
  readonly #log: string[] = [];
  readonly #ended: Promise<void>;
  #lastId = 0;
  /** Why nothing more can be asked. */
  #end: { readonly code: "DIED" | "CLOSED" | "PROTOCOL"; readonly reason: string } | undefined;

  private constructor(program: Program) {
    this.title = program.title;
    this.#process = spawn(program.command, program.args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...program.env },
    });
    living.add(this);
    // A process that is gone shows by its end; writing to it must not throw.
    this.#process.stdin.on("error", () => {});
    createInterface({ input: this.#process.stderr }).on("line", (line) => {
      this.#log.push(line);
      if (this.#log.length > logLinesMax) this.#log.shift();
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#hear(line));
    this.#ended = new Promise((resolve) => {
      this.#process.once("error", (error) => this.#close("DIED", `could not be run: ${error.message}`));
      this.#process.once("error", () => resolve());
      this.#process.once("close", (code, signal) => {
        this.#close("DIED", `ended with ${signal ?? `exit code ${code}`}`);
        resolve();
      });
    });
    void this.#ended.then(() => living.delete(this));
  }

  /** Runs a program and waits for its first line. @throws PeerError `DIED`, `TIMEOUT` */
  static async start(program: Program): Promise<Child> {
    const child = new Child(program);
    try {
      child.hello = await child.#wait({ what: "its first line", timeoutMs: helloTimeoutMs }, (settle) =>
        child.onEvent((event) => event.event === "hello" && settle(event)),
      );
      return child;
    } catch (error) {
      await child.kill();
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Asks, and waits for the answer. @throws PeerError */
  async ask(op: string, fields: object, asking: Asking): Promise<unknown> {
    const id = ++this.#lastId;
    return await this.#wait(
      asking,
      () => {
        this.#process.stdin.write(`${encodeLine({ id, op, ...fields })}\n`);
      },
      id,
    );
  }

  onEvent(listener: (event: ChildEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** Ends its input and waits until it is gone; after some seconds with force. */
  async stop(): Promise<void> {
    this.#close("CLOSED", "was closed");
    this.#process.stdin.end();
    const timer = setTimeout(() => this.signal("SIGKILL"), endTimeoutMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** As a power cut would; its session lives on at the servers until it expires. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
  }

  /** SIGSTOP makes it silent, SIGCONT wakes it. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async #wait<T>(
    asking: Asking,
    begin: (settle: (value: T) => void) => void,
    id: number = ++this.#lastId,
  ): Promise<T> {
    if (this.#end !== undefined) throw this.#error(this.#end.code, asking.what, this.#end.reason);
    return await new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        pending.fail(this.#error("TIMEOUT", asking.what, `no answer within ${asking.timeoutMs} ms`));
      }, asking.timeoutMs);
      const done = (): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
      };
      const pending: Pending = {
        ...asking,
        settle: (value) => {
          done();
          resolve(value as T);
        },
        fail: (error) => {
          done();
          reject(error);
        },
      };
      this.#pending.set(id, pending);
      begin(pending.settle);
    });
  }

  #hear(line: string): void {
    let said: { id?: number; ok?: boolean; value?: unknown; error?: Failure; event?: string };
    try {
      said = decodeLine(line) as typeof said;
    } catch {
      this.#close("PROTOCOL", `said what is no JSON: ${line.slice(0, 200)}`);
      this.signal("SIGKILL");
      return;
    }
    if (said.event !== undefined) {
      for (const listener of this.#listeners) listener(said as ChildEvent);
      return;
    }
    // An answer that came too late has nobody waiting for it.
    const pending = this.#pending.get(said.id ?? -1);
    if (pending === undefined) return;
    if (said.error === undefined) pending.settle(said.value);
    else {
      const { type, message } = said.error;
      const code = unsupported.has(type) ? "UNSUPPORTED" : "FAILED";
      pending.fail(this.#error(code, pending.what, `${type}: ${message}`, said.error));
    }
  }

  #close(code: "DIED" | "CLOSED" | "PROTOCOL", reason: string): void {
    this.#end ??= { code, reason };
    for (const pending of [...this.#pending.values()]) pending.fail(this.#error(code, pending.what, reason));
  }

  #error(code: PeerError["code"], what: string, reason: string, failure?: Failure): PeerError {
    const log = this.#log.length === 0 ? "" : `\nIts log ends with:\n${this.#log.join("\n")}`;
    const message = `${this.title}, ${what}: ${reason}${code === "UNSUPPORTED" ? "" : log}`;
    return new PeerError(code, message, failure === undefined ? {} : { failure });
  }
}
