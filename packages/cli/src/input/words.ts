/** Splits a line into words as a POSIX shell does: quotes, backslashes, comments. No variables and no globs. */
import { UsageError } from "../program/errors.js";

/** A word, and whether any of it was quoted (then `|`, `>` and `-` mean themselves). */
export interface Word {
  readonly text: string;
  readonly isQuoted: boolean;
}

/** Thrown for a line that ends within a quote; a shell asks for the rest then. */
export class UnfinishedLine extends UsageError {
  constructor(quote: string) {
    super(quote === "\\" ? "the line ends with a backslash" : `there is no closing ${quote}`);
  }
}

/** @throws UnfinishedLine */
export function splitWords(line: string): Word[] {
  const words: Word[] = [];
  let text: string | undefined;
  let isQuoted = false;
  const end = (): void => {
    if (text !== undefined) words.push({ text, isQuoted });
    text = undefined;
    isQuoted = false;
  };
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (character === "'") {
      const close = line.indexOf("'", at + 1);
      if (close < 0) throw new UnfinishedLine("'");
      text = (text ?? "") + line.slice(at + 1, close);
      isQuoted = true;
      at = close;
    } else if (character === '"') {
      isQuoted = true;
      text ??= "";
      for (at++; ; at++) {
        if (at >= line.length) throw new UnfinishedLine('"');
        if (line[at] === '"') break;
        if (line[at] === "\\" && /["\\$`\n]/.test(line[at + 1] ?? "")) at++;
        text += line[at];
      }
    } else if (character === "\\") {
      if (at + 1 >= line.length) throw new UnfinishedLine("\\");
      at++;
      isQuoted = true;
      if (line[at] !== "\n") text = (text ?? "") + line[at];
    } else if (/\s/.test(character)) {
      end();
    } else if (character === "#" && text === undefined) {
      while (at + 1 < line.length && line[at + 1] !== "\n") at++;
    } else {
      text = (text ?? "") + character;
    }
  }
  end();
  return words;
}

/** The words of a line that is being typed; the last is the one under the cursor, empty behind a blank. */
export function typedWords(line: string): string[] {
  // With something behind the cursor there is a word there, whatever quote is open.
  for (const close of ["", "'", '"']) {
    try {
      const words = splitWords(`${line}x${close}`).map(({ text }) => text);
      return [...words.slice(0, -1), (words.at(-1) ?? "").slice(0, -1)];
    } catch (error) {
      if (!(error instanceof UnfinishedLine)) throw error;
    }
  }
  return [];
}

/** A word for a shell: quoted when it has to be. */
export function quoteWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
