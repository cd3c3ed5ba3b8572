/**
 * A command that runs while something is held: in a process group of its own, without a shell, with our stdin, stdout and
 * stderr. Signals go to the whole group, so that what it has started itself does not outlive it.
 */
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { type ChildEnd, whenEnded } from "./child-end.js";
import { notExecutable, notFound } from "./find-program.js";
import { launcherOf } from "./launcher.js";
import { TerminalJob, type TerminalJobEvents } from "./terminal-job.js";

/** Signals that are passed on. */
export const FORWARDED: readonly NodeJS.Signals[] = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
];

/**
 * The stdout of a command that runs beside records of ours. What programs read has the records alone: what the command says
 * goes to stderr then, as a descriptor of ours.
 */
export function stdoutBesideRecords(run: {
  readonly isJson: boolean;
  readonly isPlain: boolean;
}): "inherit" | 2 {
  return run.isJson || run.isPlain ? 2 : "inherit";
}

/** How a command is started. */
export interface StartOptions {
  /** Ours, or a descriptor of ours. Default: ours. */
  readonly stdout?: "inherit" | number;
  /** Whether it gets a process group of its own; one that has none is not to be signalled as a group. Default: true. */
  readonly isDetached?: boolean;
  /**
   * Hears of its process group, and is waited for, while nothing of the command has run yet. Where a shell stands between us and
   * the command it hears of that, too.
   */
  readonly beforeItRuns?: (pid: number, shellPid?: number) => Promise<void>;
  /** Whether it takes our place in front of the terminal, if that is ours: needs `beforeItRuns`. Default: false. */
  readonly isInFront?: boolean;
}

/** A running command. */
export class Child {
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  #isEnded = false;
  #isPaused = false;
  readonly #job: TerminalJob | undefined;

  private constructor(pid: number, ended: Promise<ChildEnd>, job?: TerminalJob) {
    this.pid = pid;
    this.#job = job;
    this.ended = ended.then((end) => {
      this.#isEnded = true;
      return end;
    });
  }

  /**
   * @param stdin ours, none, or bytes
   * @param options what else there is to say
   * @throws CliError with exit code 127 or 126 when there is no such command, or none that can be run
   */
  static async start(
    words: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    stdin: "inherit" | "ignore" | Uint8Array = "inherit",
    { isDetached = true, beforeItRuns, isInFront = false, stdout = "inherit" }: StartOptions = {},
  ): Promise<Child> {
    if (isInFront && beforeItRuns !== undefined) {
      const child = await Child.#startInFront(words, env, beforeItRuns);
      if (child !== undefined) return child;
    }
    const launcher = beforeItRuns === undefined ? undefined : launcherOf(words, env);
    const [program = "", ...rest] = launcher ?? words;
    const isBytes = typeof stdin !== "string";
    const child = spawn(program, rest, {
      stdio: [
        isBytes ? "pipe" : stdin,
        stdout,
        "inherit",
        ...(launcher === undefined ? [] : ["pipe" as const]),
      ],
      detached: isDetached,
      env: env as NodeJS.ProcessEnv,
    });
    const gate = child.stdio[3] as Writable | undefined;
    // A command that does not read is no failure, nor is a launcher that a signal has ended.
    child.stdin?.on("error", () => {});
    gate?.on("error", () => {});
    const started = new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error: NodeJS.ErrnoException) =>
        reject(
          error.code === "ENOENT" ? notFound(words[0] ?? "") : notExecutable(words[0] ?? "", error.message),
        ),
      );
    });
    const handle = child.pid === undefined ? undefined : new Child(child.pid, whenEnded(child));
    if (handle !== undefined) await beforeItRuns?.(handle.pid);
    gate?.end("go\n");
    await started;
    if (isBytes) child.stdin?.end(stdin);
    return handle!;
  }

  static async #startInFront(
    words: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    beforeItRuns: NonNullable<StartOptions["beforeItRuns"]>,
  ): Promise<Child | undefined> {
    const launcher = launcherOf(words, env, true);
    const job = launcher && (await TerminalJob.start(launcher, env));
    if (job === undefined) return undefined;
    const child = new Child(job.group, job.ended, job);
    await beforeItRuns(job.group, job.shellPid);
    job.open();
    return child;
  }

  /** Hears of the terminal, where the command has that. */
  onTerminal(events: TerminalJobEvents): void {
    this.#job?.listen(events);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** To the whole group. What is gone already needs no signal. */
  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#job?.pause();
    this.signal("SIGSTOP");
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#job === undefined) this.signal("SIGCONT");
    else this.#job.resume();
  }

  /** Whether anything of the group is left: the command, or what it has started. */
  hasGroup(): boolean {
    try {
      process.kill(-this.pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  /** TERM, then KILL to whatever is left of the group. Resolves when the group is gone. */
  async end(killAfterMs: number): Promise<void> {
    // A stopped process cannot act on TERM, and must not run again.
    if (this.#isPaused) this.signal("SIGKILL");
    else this.signal("SIGTERM");
    const limit = performance.now() + killAfterMs;
    while (this.hasGroup() && performance.now() < limit)
      await new Promise((resolve) => setTimeout(resolve, 20));
    if (this.hasGroup()) this.signal("SIGKILL");
    await this.ended;
  }
}
