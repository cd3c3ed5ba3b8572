/** The process: streams, signals, and how it ends. */
import { constants } from "node:os";
import { CliError, Interruption } from "./errors.js";
import { ExitCode } from "./exit-codes.js";
import { runZk } from "./run-zk.js";
import { SignalDesk } from "./signal-desk.js";
import { whyFile } from "./why.js";

/** Runs the command line of this process and ends it. */
export async function main(): Promise<void> {
  const controller = new AbortController();
  const desk = new SignalDesk((signal) => {
    // The second wish to end is taken at its word.
    if (controller.signal.aborted) process.exit(128 + constants.signals[signal]);
    controller.abort(new Interruption(signal, constants.signals[signal]));
  });
  let outputFailure: CliError | undefined;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // `zk tree | head`: nobody reads any more.
    outputFailure ??=
      error.code === "EPIPE"
        ? new Interruption("SIGPIPE", constants.signals.SIGPIPE)
        : new CliError("OUTPUT_FAILED", ExitCode.PARTLY_DONE, `stdout cannot be written: ${whyFile(error)}`);
    controller.abort(outputFailure);
  });
  process.stderr.on("error", () => {});
  process.on("uncaughtException", (error: unknown) => {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(
      `${what}\nzk: internal error; this is a fault of zk, please report it with the lines above\n`,
    );
    process.exit(ExitCode.INTERNAL);
  });
  let exitCode = await runZk(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: controller.signal,
    takeSignals: (signals, take) => desk.take(signals, take),
    startShell: async (options) => {
      const { startShell } = await import("../repl/shell.js");
      return await startShell(options);
    },
  });
  await flushed(process.stdout);
  // What was written last may fail when the command has long ended: its answer has not arrived all the same.
  if (outputFailure !== undefined && exitCode <= ExitCode.FALSE) {
    exitCode = outputFailure.exitCode;
    if (exitCode !== ExitCode.BROKEN_PIPE) process.stderr.write(`zk: ${outputFailure.message}\n`);
  }
  await flushed(process.stderr);
  process.exit(exitCode);
}

/** Resolves when everything written has gone to the system, and the stream has said so if it could not. */
async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (!stream.destroyed && stream.writableLength > 0)
    await new Promise<void>((resolve) => stream.write("", () => resolve()));
  // A file is written at once, and its failure told a turn later.
  await new Promise((resolve) => setImmediate(resolve));
}
