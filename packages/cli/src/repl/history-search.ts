/** Ctrl-R in the shell: what is typed so far looks for lines of before that have its letters in that order. */
import type { Interface } from "node:readline";

/** Lines that match, the best first: those that have the text as it is, then those that have its letters; the newest first. */
export function matchLines(newestFirst: readonly string[], pattern: string): string[] {
  const wanted = pattern.trim().toLowerCase();
  const whole: string[] = [];
  const scattered: string[] = [];
  for (const line of newestFirst) {
    const text = line.toLowerCase();
    if (text.includes(wanted)) whole.push(line);
    else if (hasInOrder(text, wanted)) scattered.push(line);
  }
  return [...whole, ...scattered];
}

function hasInOrder(text: string, wanted: string): boolean {
  let at = 0;
  for (const letter of wanted) {
    if (letter === " ") continue;
    at = text.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

/** What a terminal's keys are like, as far as we look at them. */
interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
}

/** Puts a matching line in place of what is typed, with each Ctrl-R the next one. @returns what ends it */
export function searchHistoryOn(
  input: NodeJS.ReadableStream,
  reader: Interface,
  newestFirst: readonly string[],
): () => void {
  let matches: readonly string[] | undefined;
  let next = 0;
  const onKey = (_text: string | undefined, key: Key): void => {
    if (key.ctrl !== true || key.name !== "r") {
      matches = undefined;
      return;
    }
    const { line } = reader;
    if (matches === undefined) {
      matches = matchLines(newestFirst, line).filter((each) => each !== line);
      next = 0;
    }
    const match = matches[next++];
    // Behind the last one stays the last one.
    if (match === undefined) return;
    reader.write(null, { ctrl: true, name: "e" });
    reader.write(null, { ctrl: true, name: "u" });
    const standing = matches;
    reader.write(match);
    // To write is not to press a key.
    matches = standing;
  };
  input.on("keypress", onKey);
  return () => input.off("keypress", onKey);
}
