/** What a command prints: data on stdout, progress and errors on stderr, colours only for a terminal that wants them. */
import type { Writable } from "node:stream";
import type { Environment } from "../release/types.js";
import { pnpmCommand } from "./pnpm-command.js";

/** The two streams and the variables of a run. */
export interface TerminalOptions {
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Environment;
}

export type Colour = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

const codes: Record<Colour, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** One run's way to speak. */
export class Terminal {
  readonly #options: TerminalOptions;

  constructor(options: TerminalOptions) {
    this.#options = options;
  }

  get env(): Environment {
    return this.#options.env;
  }

  /** One line of data. */
  print(line = ""): void {
    this.#options.stdout.write(`${line}\n`);
  }

  /** The whole answer of a command under `--json`: one document. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value, jsonValue, 2));
  }

  /** One JSON value on one line, for streams of them. */
  printJsonLine(value: unknown): void {
    this.print(JSON.stringify(value, jsonValue));
  }

  /** One line about what is going on. */
  readonly progress = (line: string): void => {
    this.#options.stderr.write(`${paint("dim", line, this.#hasColour(this.#options.stderr))}\n`);
  };

  /** A failure. */
  error(message: string): void {
    const label = paint("red", "error:", this.#hasColour(this.#options.stderr));
    this.#options.stderr.write(`${label} ${this.withPnpm(message)}\n`);
  }

  /** Text in which `pnpm lab:…` is as this user can run it. */
  withPnpm(text: string): string {
    return text.replaceAll(/\bpnpm (?=lab:|example:)/g, `${pnpmCommand(this.env)} `);
  }

  /** Text for stdout, coloured if that takes colours. */
  paint(colour: Colour, text: string): string {
    return paint(colour, text, this.#hasColour(this.#options.stdout));
  }

  /** `NO_COLOR` (any value but none) wins over `FORCE_COLOR`, and that over what the stream is. */
  #hasColour(stream: { readonly isTTY?: boolean }): boolean {
    const { env } = this.#options;
    if (env["NO_COLOR"]) return false;
    if (env["FORCE_COLOR"] && env["FORCE_COLOR"] !== "0") return true;
    return stream.isTTY === true && env["TERM"] !== "dumb";
  }
}

/** Columns that line up; a cell may be coloured. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => visibleLength(row[column] ?? ""))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - visibleLength(cell))))
      .join("  ")
      .trimEnd(),
  );
}

function paint(colour: Colour, text: string, isColoured: boolean): string {
  const [on, off] = codes[colour];
  return isColoured ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are control characters.
  return text.replace(/\u001b\[\d+m/g, "").length;
}

/** zxids have 64 bits, which a JSON number cannot hold: they are text, in hexadecimal as the server prints them. */
function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `0x${BigInt.asUintN(64, value).toString(16)}` : value;
}
