/** Runs the lab's commands inside the test, with streams, variables and a home of its own. */
import { Writable } from "node:stream";
import { type RunOptions, runLab } from "../../src/cli/program.js";

/** How a run ended and what it said. */
export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON. */
  json<T>(): T;
}

/** Collects what is written, as a terminal or as a pipe. */
class Collector extends Writable {
  text = "";
  readonly isTTY: boolean;
  onLine: (line: string) => void = () => {};

  constructor(isTTY: boolean) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    for (const line of chunk.split("\n")) this.onLine(line);
    done();
  }
}

/** Settings of one run besides its words. */
export interface RunSettings {
  readonly home: string;
  readonly env?: Record<string, string | undefined>;
  readonly isTTY?: boolean;
  readonly signal?: AbortSignal;
  /** Sees every piece written to either stream. */
  readonly onLine?: (line: string) => void;
}

/** `lab WORDS`; a text is split at blanks. */
export async function run(words: string | readonly string[], settings: RunSettings): Promise<Run> {
  const stdout = new Collector(settings.isTTY === true);
  const stderr = new Collector(settings.isTTY === true);
  if (settings.onLine) {
    stdout.onLine = settings.onLine;
    stderr.onLine = settings.onLine;
  }
  const options: RunOptions = {
    stdout,
    stderr,
    env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, TERM: "xterm", ...settings.env },
    home: settings.home,
    ...(settings.signal ? { signal: settings.signal } : {}),
  };
  const exitCode = await runLab(
    typeof words === "string" ? words.split(" ").filter(Boolean) : words,
    options,
  );
  return { exitCode, stdout: stdout.text, stderr: stderr.text, json: () => JSON.parse(stdout.text) };
}
