/** One line of the shell: words, and where its output goes. */
import { splitWords } from "../input/words.js";
import { UsageError } from "../program/errors.js";

/** A line, read. */
export interface Line {
  readonly words: readonly string[];
  /** The rest of the line behind `|`, for the system's shell. */
  readonly pipe: string | undefined;
  /** Behind `>` or `>>`. */
  readonly file: { readonly name: string; readonly append: boolean } | undefined;
}

/** @throws UnfinishedLine when it goes on, UsageError */
export function parseLine(text: string): Line {
  // A bar outside of quotes ends our part; what is behind it is not ours to split.
  const bar = findBar(text);
  const own = bar < 0 ? text : text.slice(0, bar);
  const pipe = bar < 0 ? undefined : text.slice(bar + 1).trim();
  if (pipe === "") throw new UsageError("there is no program behind |");
  const words = splitWords(own);
  const at = words.findIndex(({ text: word, isQuoted }) => !isQuoted && /^>{1,2}/.test(word));
  if (at < 0) return { words: words.map(({ text: word }) => word), pipe, file: undefined };
  const word = words[at]!.text;
  const append = word.startsWith(">>");
  const glued = word.slice(append ? 2 : 1);
  const name = glued !== "" ? glued : words[at + 1]?.text;
  if (name === undefined) throw new UsageError(`there is no file behind ${word}`);
  const rest = words.slice(at + (glued !== "" ? 1 : 2));
  return { words: [...words.slice(0, at), ...rest].map((each) => each.text), pipe, file: { name, append } };
}

/** The first bar that no quote and no backslash covers; -1 when there is none. */
function findBar(text: string): number {
  let quote: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\" && quote !== "'") at++;
    else if (quote !== undefined) quote = character === quote ? undefined : quote;
    else if (character === "'" || character === '"') quote = character;
    else if (character === "|") return at;
  }
  return -1;
}

/** `\\timing` and its like: in words of our grammar a backslash would mean something else. */
export function isBackslashed(text: string): boolean {
  return /^\s*\\[a-z?]/.test(text);
}

/** Its words. */
export function backslashed(text: string): Line {
  return { words: text.trim().split(/\s+/), pipe: undefined, file: undefined };
}
