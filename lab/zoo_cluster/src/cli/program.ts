/** The `lab` command: words and options, and how a run ends. */
import { Command, CommanderError } from "commander";
import { isLabError } from "../errors.js";
import { addDoctor } from "./commands/doctor.js";
import { addEnv } from "./commands/env.js";
import { addImage } from "./commands/image.js";
import { addLogs } from "./commands/logs.js";
import { addSignals } from "./commands/signals.js";
import { addRestart, addStart } from "./commands/start.js";
import { addStatus } from "./commands/status.js";
import { addDown, addUp } from "./commands/up.js";
import { ExitCode, exitCodeFor } from "./exit-codes.js";
import type { CommandContext } from "./options.js";
import { Terminal, type TerminalOptions } from "./terminal.js";

/** What a run of the command gets from the process around it. */
export interface RunOptions extends TerminalOptions {
  /** Aborted with an {@link Interruption} by Ctrl-C. */
  readonly signal?: AbortSignal;
  /** Folder of the default lab; the package's own unless a test says otherwise. */
  readonly home?: string;
}

/** Why the signal of a run was aborted. */
export class Interruption extends Error {
  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM" | "SIGHUP") {
    super(`ended by ${signal}`);
    this.exitCode = signal === "SIGINT" ? ExitCode.INTERRUPTED : ExitCode.TERMINATED;
  }
}

/** Runs one command; `words` are those after the program's name. Gives the exit status and never throws. */
export async function runLab(words: readonly string[], options: RunOptions): Promise<number> {
  const terminal = new Terminal(options);
  const { env, signal, home } = options;
  const context: CommandContext = { terminal, env, signal, home, onProgress: terminal.progress };
  let exitCode: number = ExitCode.OK;
  const end = (code: number): void => {
    exitCode = code;
  };
  const program = createProgram(context, options, end);
  try {
    await program.parseAsync(["node", "lab", ...words]);
    return exitCode;
  } catch (error) {
    return endWith(error, words.includes("--json"), terminal);
  }
}

function createProgram(
  context: CommandContext,
  streams: TerminalOptions,
  end: (code: number) => void,
): Command {
  const program = new Command("lab")
    .description("A real ZooKeeper ensemble on this machine: bring it up, break it, look at it.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
    })
    .showHelpAfterError("(`--help` tells the words and options)");
  addUp(program, context);
  addDown(program, context);
  addStatus(program, context, end);
  addLogs(program, context);
  addSignals(program, context);
  addStart(program, context);
  addRestart(program, context);
  addEnv(program, context);
  addImage(program, context);
  addDoctor(program, context, end);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

function endWith(error: unknown, isJson: boolean, terminal: Terminal): number {
  if (error instanceof CommanderError) {
    // Help was asked for and given; anything else is a word or option that does not exist, and has been told.
    if (error.exitCode === 0) return ExitCode.OK;
    if (isJson) terminal.printJson({ error: { code: "USAGE", message: error.message, details: {} } });
    return ExitCode.USAGE;
  }
  if (error instanceof Interruption) {
    terminal.error(`${error.message}; nothing that was begun is left half done`);
    if (isJson) terminal.printJson({ error: { code: "INTERRUPTED", message: error.message, details: {} } });
    return error.exitCode;
  }
  const message = error instanceof Error ? error.message : String(error);
  terminal.error(message);
  if (isJson) {
    const known = isLabError(error) ? error : null;
    terminal.printJson({
      error: { code: known?.code ?? "INTERNAL", message, details: known?.details ?? {} },
    });
  }
  if (!isLabError(error) && error instanceof Error) terminal.progress(error.stack ?? "");
  return exitCodeFor(error);
}
