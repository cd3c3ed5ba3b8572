/** One command line from its words to its exit code. */
import { setMaxListeners } from "node:events";
import { type Client, isZkError } from "@zk/client";
import { COMMANDS } from "../commands/catalogue.js";
import type {
  ArgumentSpecs,
  Command,
  CommandIo,
  ConnectOptions,
  OptionSpecs,
  Run,
} from "../definition/command.js";
import type { GlobalValues } from "../definition/globals.js";
import { commandHelp, overview } from "../definition/help.js";
import { type Parsed, parseWords } from "../definition/parse.js";
import { absolutePaths } from "../input/znode-path.js";
import { colourChoiceIn, hasColour, paint } from "../output/colour.js";
import { PagedStdout, pagerOf } from "../output/pager.js";
import { Printer } from "../output/printer.js";
import { Progress } from "../output/progress.js";
import { visibleLines } from "../output/visible.js";
import { type ServerConnection, serversOf } from "../session/servers.js";
import {
  type ConnectionFlags,
  defaultSettings,
  resolveSettings,
  type Settings,
} from "../settings/settings.js";
import { describeError } from "./describe-error.js";
import { CliError, TimeUp, UsageError } from "./errors.js";
import { ExitCode } from "./exit-codes.js";
import { SessionPool } from "./session-pool.js";
import { versionText } from "./version.js";

/** What a run gets from the process around it. */
export interface ZkOptions extends CommandIo {
  /** Aborted, with an error that has an exit code, by signals and when stdout is closed. */
  readonly signal: AbortSignal;
  /** Sessions to use and to leave open; a shell has some. Default: the run's own, closed at its end. */
  readonly sessions?: SessionPool;
  /** The shell, for `zk` alone on a terminal. */
  readonly startShell?: (options: ZkOptions) => Promise<number>;
}

/** Runs one command; `words` are those after `zk`. Gives the exit code and never rejects. */
export async function runZk(words: readonly string[], options: ZkOptions): Promise<number> {
  let parsed: Parsed;
  try {
    parsed = parseWords(words, COMMANDS);
  } catch (error) {
    return reportEarly(error, words, options);
  }
  const colour = (name: Parameters<typeof paint>[0], text: string): string =>
    hasColour(colourChoiceIn(words), options.stdout, options.env) ? paint(name, text) : text;
  switch (parsed.kind) {
    case "version":
      options.stdout.write(versionText(parsed.isJson));
      return ExitCode.OK;
    case "help": {
      if (parsed.isJson) return await runZk(["help", ...parsed.words, "--json"], options);
      const command = COMMANDS.find(({ name }) => name === parsed.words.join(" "));
      const pager = pagerOf(options);
      const paged = pager === undefined ? undefined : new PagedStdout(options, pager);
      const text = command === undefined ? overview(COMMANDS, colour) : commandHelp(command, colour);
      (paged ?? options.stdout).write(text);
      await paged?.finish();
      return ExitCode.OK;
    }
    case "nothing":
      if (options.startShell !== undefined && options.stdin.isTTY === true && options.stdout.isTTY === true) {
        return await options.startShell(options);
      }
      options.stderr.write(
        overview(COMMANDS, (name, text) =>
          hasColour(colourChoiceIn(words), options.stderr, options.env) ? paint(name, text) : text,
        ),
      );
      return ExitCode.USAGE;
    case "run":
      return await new CommandRun(parsed, options).go();
  }
}

/** A command line that could not even be read: told like every other failure. */
function reportEarly(error: unknown, words: readonly string[], options: ZkOptions): number {
  const report = describeError(error);
  const isJson = words.includes("--json");
  if (isJson)
    options.stdout.write(`${JSON.stringify({ schema: "zk.error/1", error: report.fields }, null, 2)}\n`);
  writeError(options, colourChoiceIn(words), report);
  return report.exitCode;
}

function writeError(
  io: CommandIo,
  colour: GlobalValues["color"],
  report: ReturnType<typeof describeError>,
): void {
  const isColoured = hasColour(colour, io.stderr, io.env);
  const label = isColoured ? paint("red", "zk:") : "zk:";
  if (report.stack !== undefined) io.stderr.write(`${report.stack}\n`);
  // Words of the command line come back in messages, and may hold what a terminal would obey.
  io.stderr.write(`${label} ${visibleLines(report.message)}\n`);
  if (report.hint === undefined) return;
  const hint = visibleLines(report.hint);
  io.stderr.write(`    ${isColoured ? paint("dim", hint) : hint}\n`);
}

type RunParsed = Extract<Parsed, { readonly kind: "run" }>;

/** The reader has left the pager: there is nobody to work for, and nothing went wrong. */
class PagerLeft extends CliError {
  constructor() {
    super("PAGER_LEFT", ExitCode.OK, "the pager was left");
  }
}

/** The life of one command. */
class CommandRun {
  readonly #command: Command;
  readonly #parsed: RunParsed;
  readonly #io: ZkOptions;
  readonly #globals: GlobalValues;
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  readonly #progress: Progress;
  readonly #sessions: SessionPool;
  readonly #beganMs = performance.now();
  #exitCode = 0;
  #chroot = "/";
  /** Lines for stderr while a pager has the terminal. */
  #unsaid: string[] | undefined;

  constructor(parsed: RunParsed, io: ZkOptions) {
    this.#parsed = parsed;
    this.#command = parsed.command;
    this.#io = io;
    this.#globals = parsed.options as unknown as GlobalValues;
    this.#signal = AbortSignal.any([io.signal, this.#controller.signal]);
    // A walk has dozens of reads under way, and each of them listens.
    setMaxListeners(0, this.#signal, io.signal);
    this.#progress = new Progress(io, this.#globals.progress, this.#globals.quiet);
    this.#sessions = io.sessions ?? new SessionPool();
  }

  async go(): Promise<number> {
    const { json: isJson, plain: isPlain, color } = this.#globals;
    const pager = this.#command.isPaged === true ? pagerOf(this.#io) : undefined;
    const paged =
      pager === undefined
        ? undefined
        : new PagedStdout(this.#io, pager, {
            start: () => {
              this.#progress.silence();
              this.#unsaid = [];
            },
            quit: () => this.#controller.abort(new PagerLeft()),
          });
    const io = paged === undefined ? this.#io : { ...this.#io, stdout: paged };
    let printer = new Printer(io, { isJson, isPlain, colour: color, context: null });
    let timer: NodeJS.Timeout | undefined;
    try {
      if (isJson && isPlain) throw new UsageError("--json and --plain exclude each other");
      for (const line of this.#parsed.notes) this.#note(line);
      const settings = this.#resolve();
      const { timeoutMs } = settings;
      this.#chroot = settings.chroot;
      if (timeoutMs !== undefined)
        timer = setTimeout(() => this.#controller.abort(new TimeUp(timeoutMs)), timeoutMs);
      printer = new Printer(io, { isJson, isPlain, colour: color, context: settings.context });
      await this.#execute(this.#runOf(settings), printer);
      await this.#leavePager(paged);
    } catch (error) {
      await this.#leavePager(paged);
      // Whoever leaves the pager has seen enough.
      if (!(this.#signal.reason instanceof PagerLeft)) this.#fail(error, printer);
    } finally {
      clearTimeout(timer);
      this.#progress.end();
      if (this.#io.sessions === undefined) await this.#sessions.close();
    }
    return this.#exitCode;
  }

  #resolve(): Settings {
    try {
      return resolveSettings(this.#parsed.options as ConnectionFlags, this.#io.env, this.#io.cwd);
    } catch (error) {
      const { connects, mendsSettings } = this.#command;
      // Help needs no settings, and who mends broken ones must get as far as that.
      if (!(error instanceof UsageError) || (connects !== false && mendsSettings !== true)) throw error;
      if (mendsSettings === true) this.#warn(error.message);
      return defaultSettings();
    }
  }

  async #execute(run: Run<ArgumentSpecs, OptionSpecs>, printer: Printer): Promise<void> {
    const command = this.#command;
    const { writes } = command;
    const isWrite = typeof writes === "function" ? writes(run as never) : writes === true;
    if (isWrite && run.settings.readOnly) {
      throw new CliError(
        "READ_ONLY",
        ExitCode.NOT_PERMITTED,
        `zk ${command.name} changes something, and ${run.settings.readOnlySource} says read-only`,
        {
          hint: "--read-write allows it for this command",
        },
      );
    }
    this.#signal.throwIfAborted();
    const result = command.run(run as never);
    if (Symbol.asyncIterator in result) {
      for await (const item of result) {
        this.#progress.clear();
        await printer.item(command, item, run);
        this.#signal.throwIfAborted();
      }
    } else {
      const data = await result;
      this.#progress.end();
      await printer.document(command, data, run);
    }
  }

  #runOf(settings: Settings): Run<ArgumentSpecs, OptionSpecs> {
    const warn = (line: string): void => this.#warn(line);
    return {
      arguments: absolutePaths(this.#command, this.#parsed.arguments, this.#io.znode),
      options: this.#parsed.options,
      io: this.#io,
      settings,
      flags: this.#parsed.options as ConnectionFlags,
      isJson: this.#globals.json,
      isPlain: this.#globals.plain,
      isQuiet: this.#globals.quiet,
      isShell: this.#io.sessions !== undefined,
      signal: this.#signal,
      progress: this.#progress,
      connect: (options: ConnectOptions = {}): Promise<Client> =>
        this.#sessions.connect(options.settings ?? settings, this.#io, this.#signal, warn, this.#beganMs),
      servers: async (): Promise<readonly ServerConnection[]> => serversOf(settings, this.#signal),
      note: (line) => this.#note(line),
      warn,
      endWith: (exitCode) => {
        this.#exitCode = Math.max(this.#exitCode, exitCode);
      },
    };
  }

  async #leavePager(paged: PagedStdout | undefined): Promise<void> {
    await paged?.finish();
    const unsaid = this.#unsaid ?? [];
    this.#unsaid = undefined;
    for (const line of unsaid) this.#say(line);
  }

  #note(line: string): void {
    if (!this.#globals.quiet) this.#say(this.#paint("dim", line));
  }

  #warn(line: string): void {
    this.#say(`${this.#paint("yellow", "warning:")} ${line}`);
  }

  #say(line: string): void {
    if (this.#unsaid !== undefined) return void this.#unsaid.push(line);
    this.#progress.clear();
    this.#io.stderr.write(`${line}\n`);
  }

  #paint(colour: "dim" | "yellow", text: string): string {
    return hasColour(this.#globals.color, this.#io.stderr, this.#io.env) ? paint(colour, text) : text;
  }

  #fail(error: unknown, printer: Printer): void {
    this.#progress.end();
    // What ended the run says why; an error that follows from it does not, except on the fate of a write.
    const cause = this.#signal.aborted && !(error instanceof CliError) ? this.#signal.reason : error;
    const report = describeError(cause instanceof CliError ? cause : error, this.#chroot);
    if (cause !== error && isZkError(error) && error.applied === "maybe") this.#warn(error.message);
    this.#exitCode = report.exitCode;
    printer.error(report.fields, this.#command.output.form === "stream");
    if (report.exitCode !== ExitCode.BROKEN_PIPE) writeError(this.#io, this.#globals.color, report);
  }
}
