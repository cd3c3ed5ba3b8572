/** The process: streams, signals, and how it ends. */
import { Interruption } from "./errors.js";
import { runZk } from "./run-zk.js";

/** Signals that end a run in order, with their numbers. */
const SIGNALS = { SIGINT: 2, SIGHUP: 1, SIGTERM: 15 } as const;
const SIGPIPE = 13;

/** Runs the command line of this process and ends it. */
export async function main(): Promise<void> {
  const controller = new AbortController();
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      // The second wish to end is taken at its word.
      if (controller.signal.aborted) process.exit(128 + number);
      controller.abort(new Interruption(signal, number));
    });
  }
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // `zk tree | head`: nobody reads any more.
    if (error.code === "EPIPE") controller.abort(new Interruption("SIGPIPE", SIGPIPE));
    else process.exit(74);
  });
  process.stderr.on("error", () => {});
  const exitCode = await runZk(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: controller.signal,
    startShell: async (options) => {
      const { startShell } = await import("../repl/shell.js");
      return await startShell(options);
    },
  });
  await flushed(process.stdout);
  await flushed(process.stderr);
  process.exit(exitCode);
}

/** Resolves when everything written has gone to the system. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) return resolve();
    stream.write("", () => resolve());
  });
}
