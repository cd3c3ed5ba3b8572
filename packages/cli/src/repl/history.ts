/** The shell's memory, in a file that only its owner reads. Lines that begin with a blank are not kept. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stateFolder } from "../settings/config-files.js";

const LINES_MAX = 1_000;

export class History {
  /** The newest first, as readline wants it. */
  readonly lines: string[];
  readonly #path: string;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#path = env["ZK_HISTORY"] || join(stateFolder(env), "history");
    this.lines = readLines(this.#path);
  }

  add(line: string): void {
    if (line.trim() === "" || line.startsWith(" ") || line.includes("\n")) return;
    // Credentials have no place in a file of commands.
    if (/^\s*addauth\b/.test(line)) return;
    const at = this.lines.indexOf(line);
    if (at >= 0) this.lines.splice(at, 1);
    this.lines.unshift(line);
    this.lines.length = Math.min(this.lines.length, LINES_MAX);
  }

  save(): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(
        this.#path,
        [...this.lines]
          .reverse()
          .map((line) => `${line}\n`)
          .join(""),
        { mode: 0o600 },
      );
    } catch {
      // A shell without memory is a shell still.
    }
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean).reverse().slice(0, LINES_MAX);
  } catch {
    return [];
  }
}
