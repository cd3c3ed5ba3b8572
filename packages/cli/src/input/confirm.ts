/** Questions to a person. Without a terminal there is nobody to ask, and nothing is done. */
import { createInterface } from "node:readline";
import type { CommandIo } from "../definition/command.js";
import { UsageError } from "../program/errors.js";

/** Whether a person can be asked: not when stdin was the data, and has been read to its end. */
export function canAsk(io: CommandIo): boolean {
  const { readableEnded } = io.stdin as Partial<Pick<NodeJS.ReadStream, "readableEnded">>;
  return io.stdin.isTTY === true && io.stderr.isTTY === true && readableEnded !== true;
}

/** One line from the terminal; the end of input is an empty answer. Rejects with the signal's reason. */
export function ask(io: CommandIo, question: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const reader = createInterface({
      input: io.stdin,
      output: io.stderr as NodeJS.WritableStream,
      terminal: true,
    });
    let isAnswered = false;
    const onAbort = (): void => {
      // Before the reader closes, which would be the empty answer.
      isAnswered = true;
      reject(signal.reason);
      reader.close();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const done = (answer: string): void => {
      if (isAnswered) return;
      isAnswered = true;
      signal.removeEventListener("abort", onAbort);
      reader.close();
      resolve(answer);
    };
    // In raw mode Ctrl-C comes as a key; it means what it always means.
    reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    reader.on("close", () => done(""));
    reader.question(question, (answer) => done(answer.trim()));
  });
}

/** How much a deed has to be confirmed. */
export interface Danger {
  /** What will be done, as a question. */
  readonly question: string;
  /** Nothing, a yes, or the path typed. */
  readonly degree: "none" | "yes" | "path";
  readonly path: string;
}

/** What the command line says already. */
export interface Consent {
  readonly yes: boolean;
  readonly confirm: string | undefined;
}

/** @throws UsageError when it is not confirmed; the signal's reason */
export async function confirm(
  danger: Danger,
  consent: Consent,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const { degree, path, question } = danger;
  if (degree === "none" || consent.confirm === path) return;
  if (consent.confirm !== undefined) {
    throw new UsageError(`--confirm=${consent.confirm} is not the path ${path}; nothing was changed`);
  }
  if (degree === "yes") {
    if (consent.yes) return;
    if (!canAsk(io))
      throw new UsageError(`${question} Nobody can be asked here; nothing was changed`, "--yes answers");
    const answer = await ask(io, `${question} [y/N] `, signal);
    if (!/^y(es)?$/i.test(answer)) throw new UsageError("not confirmed; nothing was changed");
    return;
  }
  if (!canAsk(io)) {
    throw new UsageError(
      `${question} Nobody can be asked here; nothing was changed`,
      `--confirm=${path} answers`,
    );
  }
  const answer = await ask(io, `${question}\nType the path to go on: `, signal);
  if (answer !== path) throw new UsageError("that is not the path; nothing was changed");
}
