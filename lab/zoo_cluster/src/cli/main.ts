/** The program behind `pnpm lab:…`: streams, signals and the exit status. */
import { Interruption, runLab } from "./program.js";

const controller = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // A second wish to end is taken at its word.
    if (controller.signal.aborted) process.exit(new Interruption(signal).exitCode);
    controller.abort(new Interruption(signal));
  });
}
// `lab logs | head` closes our output: there is nobody left to speak to.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = await runLab(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: controller.signal,
});
