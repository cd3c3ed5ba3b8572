/** Where data meets the streams: the only place that writes to stdout. */
import type { Command, CommandIo } from "../definition/command.js";
import type { ColourChoice } from "./colour.js";
import { jsonValue, schemaOf } from "./json.js";
import { Screen } from "./screen.js";
import { visible } from "./visible.js";

/** How a run is to speak. */
export interface PrinterOptions {
  readonly isJson: boolean;
  readonly isPlain: boolean;
  readonly colour: ColourChoice;
  /** Name of the context in use, for documents. */
  readonly context: string | null;
}

/** Prints what commands return. */
export class Printer {
  readonly screen: Screen;
  readonly #io: CommandIo;
  readonly #options: PrinterOptions;
  #drained: Promise<void> | undefined;

  constructor(io: CommandIo, options: PrinterOptions) {
    this.#io = io;
    this.#options = options;
    const colour = options.isPlain ? "never" : options.colour;
    this.screen = new Screen(io, colour, (chunk) => this.#write(chunk));
  }

  /** The whole answer of a command. */
  async document(command: Command, data: unknown, run: unknown): Promise<void> {
    const { isJson, isPlain, context } = this.#options;
    if (isJson) {
      const value = command.json === undefined ? data : command.json(data as never, run as never);
      if (value === undefined) return await this.#drained;
      this.#write(
        `${JSON.stringify({ schema: schemaOf(command.name), context, ...(value as object) }, jsonValue, 2)}\n`,
      );
    } else if (isPlain && command.plain !== undefined) {
      this.#rows(command.plain(data as never, run as never));
    } else {
      await command.human(data as never, this.screen, run as never);
    }
    await this.#drained;
  }

  /** One item of a stream. */
  async item(command: Command, data: unknown, run: unknown): Promise<void> {
    const { isJson, isPlain } = this.#options;
    if (isJson) {
      const value = command.json === undefined ? data : command.json(data as never, run as never);
      this.#write(`${JSON.stringify({ schema: schemaOf(command.name), ...(value as object) }, jsonValue)}\n`);
    } else if (isPlain && command.plain !== undefined) {
      this.#rows(command.plain(data as never, run as never));
    } else {
      await command.human(data as never, this.screen, run as never);
    }
    await this.#drained;
  }

  /** A failure, on stdout for programs. */
  error(error: Readonly<Record<string, unknown>>, isStream: boolean): void {
    if (!this.#options.isJson) return;
    this.#write(`${JSON.stringify({ schema: "zk.error/1", error }, jsonValue, isStream ? undefined : 2)}\n`);
  }

  #rows(rows: Iterable<readonly (string | number | null)[]>): void {
    for (const row of rows) {
      this.#write(
        `${row.map((cell) => (typeof cell === "string" ? visible(cell) : (cell ?? ""))).join("\t")}\n`,
      );
    }
  }

  /** Resolves when there is room again, so that a slow reader holds the command back. */
  #write(chunk: string | Uint8Array): Promise<void> | void {
    const { stdout } = this.#io;
    if (stdout.write(chunk)) return;
    // A stream that has failed has no room any more and never says so again; its error ends the run.
    if (!stdout.writable) return this.#drained;
    this.#drained ??= new Promise<void>((resolve) => {
      const done = (): void => {
        stdout.removeListener("drain", done);
        stdout.removeListener("close", done);
        this.#drained = undefined;
        resolve();
      };
      stdout.once("drain", done);
      stdout.once("close", done);
    });
    return this.#drained;
  }
}
