/**
 * stdout on a terminal, for what may be longer than the screen: it is held back until it is, and then goes through a pager.
 * What comes slowly is not held back for longer than a moment, and then not paged either.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { Writable } from "node:stream";
import type { CommandIo } from "../definition/command-io.js";
import { splitWords } from "../input/words.js";
import { UsageError } from "../program/errors.js";

const PAGER_DEFAULT = "less -FIRX";
/** Milliseconds for which lines are held back at most. */
const HOLD_MS = 1_000;

/** Whether, and with what, long output of this process is paged. */
export function pagerOf(io: CommandIo): readonly string[] | undefined {
  const { stdin, stdout, env } = io;
  if (stdin.isTTY !== true || stdout.isTTY !== true || stdout.rows === undefined || env["TERM"] === "dumb")
    return undefined;
  let words: readonly string[];
  try {
    words = splitWords(env["PAGER"] ?? PAGER_DEFAULT).map(({ text }) => text);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
  return words.length === 0 || words[0] === "cat" ? undefined : words;
}

/** What is heard of a pager. */
export interface PagerEvents {
  /** It takes the terminal: whatever else is to be said has to wait. */
  readonly start?: () => void;
  /** The reader has seen enough, or wants the work to end. */
  readonly quit?: () => void;
}

export class PagedStdout extends Writable {
  readonly isTTY = true;
  readonly columns: number | undefined;
  readonly #io: CommandIo;
  readonly #words: readonly string[];
  readonly #events: PagerEvents;
  #held: Buffer[] = [];
  #lines = 0;
  #mode: "hold" | "through" | "paged" | "over" = "hold";
  #timer: NodeJS.Timeout | undefined;
  #pager: ChildProcessByStdio<Writable, null, null> | undefined;
  #ended: Promise<void> | undefined;
  #giveBack: (() => void) | undefined;

  constructor(io: CommandIo, words: readonly string[], events: PagerEvents = {}) {
    super();
    this.columns = io.stdout.columns;
    this.#io = io;
    this.#words = words;
    this.#events = events;
  }

  /** Whether the pager was left before everything was written: then there is nothing to complain of. */
  get wasQuit(): boolean {
    return this.#mode === "over";
  }

  /** Writes what is held back, or waits until the reader leaves the pager. */
  async finish(): Promise<void> {
    await new Promise<void>((resolve) => this.end(resolve));
    clearTimeout(this.#timer);
    if (this.#mode === "hold") this.#release();
    this.#pager?.stdin.end();
    await this.#ended;
    this.#giveBack?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (this.#mode === "over") return done();
    if (this.#mode === "through") {
      this.#toTerminal(chunk);
      return done();
    }
    if (this.#mode === "paged") return this.#toPager(chunk, done);
    this.#held.push(chunk);
    for (const byte of chunk) if (byte === 10) this.#lines++;
    this.#timer ??= setTimeout(() => this.#release(), HOLD_MS);
    if (this.#lines < (this.#io.stdout.rows ?? Number.POSITIVE_INFINITY)) return done();
    clearTimeout(this.#timer);
    this.#start().then(() => done(), done);
  }

  #release(): void {
    if (this.#mode !== "hold") return;
    this.#mode = "through";
    for (const chunk of this.#held.splice(0)) this.#toTerminal(chunk);
  }

  #toTerminal(chunk: Buffer): void {
    this.#io.stdout.write(chunk);
  }

  async #start(): Promise<void> {
    const [program = "", ...rest] = this.#words;
    this.#events.start?.();
    const pager = spawn(program, rest, {
      stdio: ["pipe", "inherit", "inherit"],
      env: this.#io.env as NodeJS.ProcessEnv,
    });
    pager.stdin.on("error", () => {});
    try {
      await once(pager, "spawn");
    } catch {
      // There is no such program: what was asked for is shown all the same.
      return this.#release();
    }
    this.#mode = "paged";
    this.#pager = pager;
    // A pager takes Ctrl-C as a wish to stop reading on, and so do we; it is left by its own key.
    this.#giveBack = this.#io.takeSignals?.(["SIGINT"], () => {
      this.#events.quit?.();
      return true;
    });
    this.#ended = new Promise((resolve) => {
      pager.once("close", () => {
        const isEarly = !this.writableFinished;
        this.#mode = "over";
        if (isEarly) this.#events.quit?.();
        resolve();
      });
    });
    for (const chunk of this.#held.splice(0)) pager.stdin.write(chunk);
  }

  #toPager(chunk: Buffer, done: () => void): void {
    const { stdin } = this.#pager!;
    if (stdin.destroyed || stdin.write(chunk) || stdin.destroyed) return done();
    // A reader who looks at the first page holds the work back.
    const go = (): void => {
      stdin.removeListener("drain", go);
      stdin.removeListener("close", go);
      done();
    };
    stdin.once("drain", go);
    stdin.once("close", go);
  }
}
