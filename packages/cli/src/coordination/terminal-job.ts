/**
 * A command in front of our terminal, in a process group of its own: Ctrl-C and Ctrl-Z are the command's then, and what asks at
 * /dev/tty for a password, as sudo and ssh do, gets an answer. Node can neither make such a group nor bring it to the front, so
 * that a shell with job control does, and stays behind it as its parent.
 *
 * Who is in front is a matter of three groups: ours, the shell's, and the command's. The user's own shell takes the terminal
 * when we stop or end, and must not lose it again to ours: before anything is brought to the front it is asked who is there.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { CommandIo } from "../definition/command-io.js";
import { type ChildEnd, endOfStatus } from "./child-end.js";
import { isInFront, processStat } from "./process-stat.js";

/**
 * Descriptor 4: what to do after the command has stopped or ended (`front`, `wait GROUP`, else end). 5: what has happened (`back
 * STATUS`, `key NAME` when the shell itself was in front). The shell's own words about jobs go nowhere. When it ends, it gives the
 * terminal back to our group.
 */
const SCRIPT = `exec 6>&2 2>/dev/null
zk__hit=
trap 'zk__hit=1; echo key SIGINT >&5' INT
trap 'zk__hit=1; echo key SIGQUIT >&5' QUIT
trap 'zk__hit=1; echo key SIGTSTP >&5' TSTP
(exec "$@" 2>&6 6>&-)
zk__status=$?
while echo "back $zk__status" >&5; do
  until read -r zk__word zk__group <&4; do
    [ -n "$zk__hit" ] || exit "$zk__status"
    zk__hit=
  done
  case $zk__word in
    front) fg >/dev/null ;;
    wait) wait "$zk__group" ;;
    *) exit "$zk__status" ;;
  esac
  zk__status=$?
done`;

/**
 * Whether the terminal is for a command alone to have: not where another part of a pipeline reads or shows something there, which
 * would stand still behind it, and not where our own shell reads lines.
 */
export function isWholeTerminal(io: CommandIo): boolean {
  const streams = [io.stdin, io.stdout, io.stderr];
  return io.znode === undefined && streams.every(({ isTTY }) => isTTY === true);
}

/** Shells whose jobs were tried. bash brings itself to the front when it waits for a job behind, and the user's own shell ends then. */
const TRIED: readonly string[] = ["dash", "busybox"];
const PLACES: readonly string[] = ["/bin/sh", "/bin/dash", "/usr/bin/dash"];

/** How often it is looked at while the shell does not wait for it, in milliseconds. */
const LOOK_MS = 100;

/** What is told of it. */
export interface TerminalJobEvents {
  /** It has stopped, and not by us. */
  readonly stopped: () => void;
  /** A key that came while it was not in front. */
  readonly key: (signal: NodeJS.Signals) => void;
}

/** What node makes of the six descriptors; its own type knows of five. */
type Pipes = readonly [null, null, null, gate: Writable, words: Writable, says: Readable];

/** A command that waits at its gate, or runs. */
export class TerminalJob {
  /** The process of the command, and the number of its group. */
  readonly group: number;
  readonly shellPid: number;
  readonly ended: Promise<ChildEnd>;
  readonly #shell: ChildProcess;
  readonly #words: Writable;
  #events: TerminalJobEvents | undefined;
  #isPaused = false;
  #status: number | undefined;
  /** How often the shell has come back from the command, and how often it was told what to do then. */
  #backs = 0;
  #answers = 0;
  #isBehind = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(shell: ChildProcess, group: number, said: AsyncIterator<string>) {
    this.#shell = shell;
    this.#words = shell.stdio[4] as Writable;
    this.group = group;
    this.shellPid = shell.pid!;
    this.ended = new Promise((resolve) => {
      shell.once("exit", (code, signal) => {
        clearInterval(this.#timer);
        resolve(endOfStatus(this.#status ?? code ?? 128 + constants.signals[signal!]));
      });
    });
    void this.#listen(said);
  }

  /**
   * Starts a launcher in front of our terminal.
   *
   * @param launcher words that say `group NUMBER` on descriptor 5, and wait at descriptor 3
   * @returns undefined when we are not in front ourselves, or there is no such shell: then nothing runs
   */
  static async start(
    launcher: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<TerminalJob | undefined> {
    const place = PLACES.find(isTried);
    if (place === undefined || !isInFront()) return undefined;
    const shell = spawn(place, ["-m", "-c", SCRIPT, "zk-foreground", ...launcher], {
      stdio: ["inherit", "inherit", "inherit", "pipe", "pipe", "pipe"],
      env: env as NodeJS.ProcessEnv,
    });
    shell.on("error", () => {});
    const [, , , gate, words, says] = shell.stdio as unknown as Pipes;
    for (const stream of [gate, words, says]) stream.on("error", () => {});
    const lines = createInterface({ input: says });
    const said = lines[Symbol.asyncIterator]();
    const first = await said.next();
    const group = Number(/^group (\d+)$/.exec(String(first.value))?.[1]);
    const stat = Number.isNaN(group) ? undefined : processStat(group);
    if (stat?.group === group && stat.front === group) return new TerminalJob(shell, group, said);
    // It ends at the closed gate, and the shell behind it.
    gate.end();
    words.end();
    return undefined;
  }

  /** Lets the command run. */
  open(): void {
    (this.#shell.stdio[3] as Writable).end("go\n");
  }

  listen(events: TerminalJobEvents): void {
    this.#events = events;
  }

  /** Whoever stops the group says so here first. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Lets it go on: in front when we are there, or have brought it there, and else behind. */
  resume(): void {
    this.#isPaused = false;
    const front = processStat("self")?.front;
    if (front === this.group || front === this.shellPid || isInFront()) return this.#bringToFront();
    this.#isBehind = true;
    kill(-this.group, "SIGCONT");
  }

  /** Whether the shell waits to hear what to do. */
  get #isAsked(): boolean {
    return this.#answers < this.#backs;
  }

  async #listen(said: AsyncIterator<string>): Promise<void> {
    for (;;) {
      const { value, done } = await said.next();
      if (done) return;
      const [what, about] = String(value).split(" ");
      // What has ended by Ctrl-C passes for that key once more.
      if (what === "key" && this.#isAsked) this.#events?.key(about as NodeJS.Signals);
      if (what === "back") this.#comeBack(Number(about));
    }
  }

  #comeBack(status: number): void {
    this.#backs++;
    if (processStat(this.group) === undefined) {
      this.#status = status;
      clearInterval(this.#timer);
      // At its end it hands the terminal on to us, also when somebody else has got it meanwhile.
      if (processStat("self")?.front === this.shellPid) this.#answer("end");
      else this.#shell.kill("SIGKILL");
      return;
    }
    // Stopped and let go on at once: it has been told already.
    if (!this.#isAsked) return;
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    if (!this.#isPaused) this.#events?.stopped();
  }

  /** While the shell waits for a word of ours it does not see what becomes of the command. */
  #look(): void {
    if (!this.#isAsked) return;
    const state = processStat(this.group)?.state ?? "Z";
    if (state === "Z") return this.#answer(`wait ${this.group}`);
    if (!this.#isBehind) return;
    if (isInFront()) return this.#bringToFront();
    if (state !== "T" || this.#isPaused) return;
    this.#isBehind = false;
    this.#events?.stopped();
  }

  #bringToFront(): void {
    this.#isBehind = false;
    this.#answer("front");
  }

  #answer(word: string): void {
    this.#answers++;
    this.#words.write(`${word}\n`);
  }
}

function isTried(place: string): boolean {
  try {
    return TRIED.includes(basename(realpathSync(place)));
  } catch {
    return false;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
