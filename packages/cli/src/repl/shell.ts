/**
 * The shell that `zk` alone opens on a terminal: the grammar of the command line without `zk` in front, one session for all
 * commands, paths relative to a current znode.
 */
import { createInterface } from "node:readline";
import { parseWhole } from "../definition/specs.js";
import { UnfinishedLine } from "../input/words.js";
import { resolvePath } from "../input/znode-path.js";
import { hasColour } from "../output/colour.js";
import { visible } from "../output/visible.js";
import { CliError, Interruption, UsageError } from "../program/errors.js";
import { ExitCode } from "../program/exit-codes.js";
import type { ZkOptions } from "../program/run-zk.js";
import { runZk } from "../program/run-zk.js";
import { SessionPool } from "../program/session-pool.js";
import { whyFile } from "../program/why.js";
import { resolveSettings, type Settings } from "../settings/settings.js";
import { History } from "./history.js";
import { searchHistoryOn } from "./history-search.js";
import { backslashed, isBackslashed, parseLine } from "./line.js";
import { LineCompleter } from "./line-completer.js";
import { promptText, ServerRole } from "./prompt.js";
import { pipeTo, writeTo } from "./target.js";

const BUILT_IN = ["cd", "pwd", "addauth", "history", "redo", "exit", "quit", "\\timing", "\\json"] as const;

const HELP = `cd [PATH]                  the znode that relative paths begin at, and commands without a path; alone: /, -: back
pwd                        print it
history [N]                lines of before; Ctrl-R looks for one that has the letters typed so far, again: the next
redo N                     the line of that number again
addauth SCHEME CREDENTIAL  who we are, for this session; such lines are not remembered
\\timing                    say how long each command took; again: no more
\\json on|off               --json on every command
exit, Ctrl-D               leave
COMMAND | PROGRAM          into a program of the system
COMMAND > FILE             into a file; >> appends

Ctrl-C ends a command, or forgets a line. Everything else is a command of zk:
`;

/** Reads lines and runs them until the end of input; gives the exit code. */
export async function startShell(options: ZkOptions): Promise<number> {
  const shell = new Shell(options);
  try {
    return await shell.loop();
  } finally {
    await shell.close();
  }
}

class Shell {
  readonly #options: ZkOptions;
  readonly #sessions = new SessionPool();
  readonly #history: History;
  readonly #completer: LineCompleter;
  #settings: Settings;
  readonly #role = new ServerRole();
  #znode = "/";
  /** For `cd -`. */
  #znodeBefore = "/";
  #isTimed = false;
  #isJson = false;
  #running: AbortController | undefined;
  /** Lines that came together with one that was asked for: pasted, or typed while a command ran. */
  readonly #ahead: string[] = [];
  /** The beginning of a line that came so. */
  #begun = "";

  constructor(options: ZkOptions) {
    this.#options = options;
    this.#history = new History(options.env);
    this.#settings = resolveSettings({}, options.env, options.cwd);
    this.#completer = new LineCompleter({
      builtIn: BUILT_IN,
      env: options.env,
      settings: () => this.#settings,
      znode: () => this.#znode,
      connect: () =>
        this.#sessions.connect(
          this.#settings,
          options,
          AbortSignal.timeout(1_000),
          () => {},
          performance.now(),
        ),
    });
    // Ctrl-C while a command runs ends the command, not the shell.
    options.takeSignals?.(["SIGINT"], () => {
      if (this.#running === undefined) return false;
      if (this.#running.signal.aborted) return false;
      this.#running.abort(new Interruption("SIGINT", 2));
      return true;
    });
  }

  async loop(): Promise<number> {
    let exitCode = 0;
    for (;;) {
      const typed = await this.#readLine();
      if (typed === undefined) return exitCode;
      if (typed.trim() === "") continue;
      const text = this.#redone(typed);
      if (text === undefined) {
        exitCode = ExitCode.USAGE;
        continue;
      }
      this.#history.add(text);
      const words = this.#trySplit(text);
      if (words?.[0] === "exit" || words?.[0] === "quit") return exitCode;
      exitCode = await this.#runLine(text);
      this.#lookAtSettings();
      if (this.#options.signal.aborted) return exitCode;
    }
  }

  /** A line of before in place of `redo N`, and every other as it is; undefined when there is none of that number. */
  #redone(typed: string): string | undefined {
    const number = /^\s*redo\s+(\d+)\s*$/.exec(typed)?.[1];
    if (number === undefined) return typed;
    const { lines } = this.#history;
    const line = lines[lines.length - Number(number)];
    if (line === undefined)
      this.#complain(new UsageError(`there is no line ${number}`, "history shows what there is"));
    else this.#options.stdout.write(`${visible(line)}\n`);
    return line;
  }

  /** A command may have taken another context: the prompt says what holds for the next. */
  #lookAtSettings(): void {
    const before = this.#settings;
    try {
      this.#settings = resolveSettings({}, this.#options.env, this.#options.cwd);
    } catch {
      // The next command says what is wrong with them.
      return;
    }
    if (before.servers !== this.#settings.servers || before.chroot !== this.#settings.chroot)
      this.#znode = this.#znodeBefore = "/";
  }

  #complain(error: CliError): void {
    this.#options.stderr.write(
      `zk: ${visible(error.message)}\n${error.hint === undefined ? "" : `    ${visible(error.hint)}\n`}`,
    );
  }

  async close(): Promise<void> {
    this.#history.save();
    await this.#sessions.close();
  }

  /** One line, or several when a quote is open; undefined at the end of input. */
  async #readLine(): Promise<string | undefined> {
    let text = "";
    let prompt = await this.#prompt();
    for (;;) {
      const line = await this.#question(prompt);
      if (line === "end") return undefined;
      if (line === "forget") {
        text = "";
        prompt = await this.#prompt();
        continue;
      }
      text += text === "" ? line.text : `\n${line.text}`;
      if (isBackslashed(text)) return text;
      try {
        parseLine(text);
        return text;
      } catch (error) {
        if (!(error instanceof UnfinishedLine)) return text;
        prompt = "... ";
      }
    }
  }

  /** A fresh reader for each line: between lines the terminal is as the commands expect it. */
  #question(prompt: string): Promise<{ readonly text: string } | "end" | "forget"> {
    const { stdin, stdout, signal } = this.#options;
    const next = this.#ahead.shift();
    if (next !== undefined) {
      stdout.write(`${prompt}${next}\n`);
      return Promise.resolve({ text: next });
    }
    return new Promise((done) => {
      const reader = createInterface({
        input: stdin,
        output: stdout as NodeJS.WritableStream,
        terminal: true,
        history: [...this.#history.lines],
        historySize: 1_000,
        completer: (line: string, callback: (error: null, result: [string[], string]) => void) => {
          this.#completer.complete(line).then(
            (result) => callback(null, result),
            () => callback(null, [[], line]),
          );
        },
      });
      let result: { readonly text: string } | "end" | "forget" | undefined;
      const finish = (ending: { readonly text: string } | "end" | "forget"): void => {
        if (result !== undefined) return;
        result = ending;
        // What came in the same breath is read before the reader goes.
        setImmediate(() => {
          this.#begun = ending === "forget" ? "" : reader.line;
          reader.close();
          done(ending);
        });
      };
      const endSearch = searchHistoryOn(stdin, reader, this.#history.lines);
      const onAbort = (): void => finish("end");
      signal.addEventListener("abort", onAbort, { once: true });
      reader.on("SIGINT", () => {
        stdout.write("^C\n");
        this.#ahead.length = 0;
        finish("forget");
      });
      reader.on("close", () => {
        signal.removeEventListener("abort", onAbort);
        endSearch();
        if (result === undefined) stdout.write("\n");
        finish("end");
      });
      reader.on("line", (text) => {
        if (result === undefined) finish({ text });
        else this.#ahead.push(text);
      });
      reader.setPrompt(prompt);
      reader.prompt();
      if (this.#begun !== "") reader.write(this.#begun);
      this.#begun = "";
    });
  }

  async #prompt(): Promise<string> {
    const { stdout, env } = this.#options;
    const client = await this.#sessions.find(this.#settings);
    const role = client === undefined ? undefined : await this.#role.of(client);
    const session = client === undefined ? undefined : { state: client.state, role };
    return promptText(this.#settings, this.#znode, session, hasColour("auto", stdout, env));
  }

  async #runLine(text: string): Promise<number> {
    const began = performance.now();
    let exitCode: number;
    try {
      const { words, pipe, file } = isBackslashed(text) ? backslashed(text) : parseLine(text);
      exitCode = (await this.#builtIn(words)) ?? (await this.#command(words, pipe, file));
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      this.#complain(error);
      exitCode = error.exitCode;
    }
    if (this.#isTimed) this.#options.stderr.write(`${(performance.now() - began).toFixed(1)} ms\n`);
    return exitCode;
  }

  async #builtIn(words: readonly string[]): Promise<number | undefined> {
    const { stdout } = this.#options;
    const [word, argument] = words;
    switch (word) {
      case "cd": {
        const target = argument === "-" ? this.#znodeBefore : resolvePath(argument ?? "/", this.#znode);
        const exitCode = await this.#command(["exists", "-q", "--", target], undefined, undefined);
        if (exitCode === 0) [this.#znodeBefore, this.#znode] = [this.#znode, target];
        else if (exitCode === 1) throw new CliError("NO_NODE", 3, `${visible(target)} does not exist`);
        return exitCode;
      }
      case "pwd":
        stdout.write(`${visible(this.#znode)}\n`);
        return 0;
      case "addauth": {
        const credential = words[2];
        if (argument === undefined || credential === undefined || words.length > 3)
          throw new UsageError("addauth SCHEME CREDENTIAL, as in addauth digest bob:secret");
        await this.#addAuth(argument, credential);
        return 0;
      }
      case "history": {
        const lines = [...this.#history.lines].reverse();
        const from = argument === undefined ? 0 : lines.length - parseWhole(argument, 1);
        for (const [index, line] of lines.entries())
          if (index >= from) stdout.write(`${String(index + 1).padStart(5)}  ${visible(line)}\n`);
        return 0;
      }
      case "\\timing":
        this.#isTimed = !this.#isTimed;
        stdout.write(`timing is ${this.#isTimed ? "on" : "off"}\n`);
        return 0;
      case "\\json":
        if (argument !== "on" && argument !== "off") throw new UsageError("\\json on, or \\json off");
        this.#isJson = argument === "on";
        return 0;
      case "help":
      case "\\?":
        if (words.length > 1) return undefined;
        stdout.write(`${HELP}\n`);
        return await this.#command(["help"], undefined, undefined);
      default:
        return undefined;
    }
  }

  async #addAuth(scheme: string, credential: string): Promise<void> {
    const { signal } = this.#options;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(15_000)]);
    const client = await this.#sessions.connect(
      this.#settings,
      this.#options,
      limit,
      () => {},
      performance.now(),
    );
    await client.addAuth(scheme, credential, { signal: limit });
  }

  async #command(
    given: readonly string[],
    pipe: string | undefined,
    file: { readonly name: string; readonly append: boolean } | undefined,
  ): Promise<number> {
    // A line from a script of zk works here as it is.
    const words = given[0] === "zk" ? given.slice(1) : given;
    if (words.length === 0) return 0;
    const controller = new AbortController();
    this.#running = controller;
    const { signal: outer } = this.#options;
    const target =
      pipe !== undefined ? pipeTo(pipe) : file !== undefined ? writeTo(file, this.#options.cwd) : undefined;
    let failure: CliError | undefined;
    target?.stream.on("error", (error: Error) => {
      const isPipe = (error as NodeJS.ErrnoException).code === "EPIPE";
      failure ??= isPipe
        ? new Interruption("SIGPIPE", 13)
        : new CliError("OUTPUT_FAILED", 9, `${file?.name ?? pipe} cannot be written: ${whyFile(error)}`);
      controller.abort(failure);
    });
    let exitCode: number;
    try {
      exitCode = await runZk(this.#isJson ? [...words.slice(0, 1), "--json", ...words.slice(1)] : words, {
        ...this.#options,
        signal: AbortSignal.any([outer, controller.signal]),
        sessions: this.#sessions,
        znode: this.#znode,
        ...(target === undefined ? {} : { stdout: target.stream }),
      });
    } finally {
      await target?.end();
      this.#running = undefined;
    }
    // What was written last may fail when the command has long ended.
    if (failure !== undefined && !(failure instanceof Interruption) && exitCode <= ExitCode.FALSE)
      throw failure;
    return exitCode;
  }

  #trySplit(text: string): readonly string[] | undefined {
    try {
      return isBackslashed(text) ? backslashed(text).words : parseLine(text).words;
    } catch {
      return undefined;
    }
  }
}
