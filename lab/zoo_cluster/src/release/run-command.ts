import { spawn } from "node:child_process";
import type { Environment } from "./types.js";

/** How a command ended. */
export interface CommandResult {
  /** Exit status, or null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  /** The newest lines of both outputs in the order in which they came, without colour codes. */
  readonly tail: readonly string[];
}

/** Settings of {@link runCommand}. */
export interface RunOptions {
  readonly env: Environment;
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
}

/** Lines kept in {@link CommandResult.tail}. */
export const tailLinesMax = 400;
const lineCharsMax = 4_000;
const killAfterMs = 2_000;

/**
 * Runs a program without a shell and without input, and collects what it says.
 *
 * On abort or at the time limit it gets SIGTERM, and SIGKILL two seconds later; the promise settles when it is gone.
 *
 * @throws the signal's reason on abort; the system's error (`ENOENT`, `EACCES`) when it cannot be started
 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const child = spawn(program, args, {
    env: options.env as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const tail: string[] = [];
  const take = (raw: string): void => {
    const line = stripColour(raw).slice(0, lineCharsMax);
    tail.push(line);
    if (tail.length > tailLinesMax) tail.shift();
    options.onLine?.(line);
  };
  const flushes = [eachLine(child.stdout, take), eachLine(child.stderr, take)];

  let timedOut = false;
  let killer: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill("SIGTERM");
    killer ??= setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs);
  options.signal?.addEventListener("abort", end, { once: true });
  try {
    const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      // A grandchild may hold the pipes open for ever, so after `exit` only a moment is left for what is in them.
      child.once("exit", (code, by) => {
        const done = (): void => resolve([code, by]);
        child.once("close", done);
        setTimeout(done, 250).unref();
      });
    });
    options.signal?.throwIfAborted();
    for (const flush of flushes) flush();
    return { status, signal, timedOut, tail };
  } finally {
    clearTimeout(timer);
    clearTimeout(killer);
    options.signal?.removeEventListener("abort", end);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** Removes terminal colour and cursor codes. */
export function stripColour(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal codes begin with the escape character.
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "");
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): () => void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const parts = (rest + chunk).split(/\r?\n/);
    rest = parts.pop()!.slice(0, lineCharsMax);
    for (const part of parts) take(part);
  });
  return () => {
    if (rest !== "") take(rest);
    rest = "";
  };
}
