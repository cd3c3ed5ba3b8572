/**
 * Text that came from a server, made safe to show. A znode's name or data may hold escape sequences that would move the
 * cursor, change colours or answer for the user; they are shown, never obeyed.
 */
import { eastAsianWidth } from "get-east-asian-width";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** One line of text: every control and direction character as an escape. */
export function visible(text: string): string {
  return text.replace(CONTROL, escapeOf);
}

/** Several lines of text: line ends and tabs stay. */
export function visibleLines(text: string): string {
  return text.replace(CONTROL, (character) =>
    character === "\n" || character === "\t" ? character : escapeOf(character),
  );
}

function escapeOf(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  if (character === "\r") return "\\r";
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Columns that a text takes on a terminal, colour codes aside. */
export function widthOf(text: string): number {
  // Most text is plain; only the rest needs the tables of Unicode.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are control characters.
  const bare = text.replace(/\u001b\[[\d;]*m/g, "");
  let width = 0;
  for (const character of bare) {
    if (!/[\p{M}\p{Cf}]/u.test(character)) width += eastAsianWidth(character.codePointAt(0) ?? 0);
  }
  return width;
}
