/** What a command's `human` writes on. */
import type { CommandIo } from "../definition/command-io.js";
import { type Colour, type ColourChoice, hasColour, paint } from "./colour.js";
import { table } from "./table.js";

/** stdout for people: lines, colours, tables, and bytes as they are. */
export class Screen {
  /** Whether a person looks at it. */
  readonly isTerminal: boolean;
  readonly hasColour: boolean;
  readonly #write: (chunk: string | Uint8Array) => Promise<void> | void;
  readonly #columns: number | undefined;

  constructor(
    io: CommandIo,
    colour: ColourChoice,
    write: (chunk: string | Uint8Array) => Promise<void> | void,
  ) {
    this.isTerminal = io.stdout.isTTY === true;
    this.hasColour = hasColour(colour, io.stdout, io.env);
    this.#write = write;
    this.#columns = io.stdout.columns;
  }

  /** Columns of the terminal; 80 when there is none. */
  get width(): number {
    return this.#columns ?? 80;
  }

  /** One line. */
  line(text = ""): void {
    this.#write(`${text}\n`);
  }

  /** Text or bytes, with nothing added. Awaited, it waits until whoever reads has caught up. */
  write(chunk: string | Uint8Array): Promise<void> | void {
    return this.#write(chunk);
  }

  paint(colour: Colour, text: string): string {
    return this.hasColour ? paint(colour, text) : text;
  }

  /** Rows in columns, the heading dim. */
  table(
    heading: readonly string[],
    rows: readonly (readonly string[])[],
    right: readonly number[] = [],
  ): void {
    const [first, ...rest] = table([heading, ...rows], right);
    if (first !== undefined) this.line(this.paint("dim", first));
    for (const line of rest) this.line(line);
  }
}
