/** The program behind `pnpm differential`: streams, signals and the exit status. */
import { ExitCode, runDifferential } from "./program.js";

const controller = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // A second wish to end is taken at its word.
    if (controller.signal.aborted) process.exit(ExitCode.INTERRUPTED);
    controller.abort(new Error(`ended by ${signal}`));
  });
}
// `pnpm differential | head` closes our output: there is nobody left to speak to.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = await runDifferential(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: controller.signal,
  env: process.env,
});
