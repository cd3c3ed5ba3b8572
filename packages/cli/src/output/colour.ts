/** When there is colour: per stream; a flag over a variable, `FORCE_COLOR` over `NO_COLOR` over what the stream is. */

export type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan";
export type ColourChoice = "auto" | "always" | "never";

const CODES: Readonly<Record<Colour, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
};

/** Whether a stream takes colours. */
export function hasColour(
  choice: ColourChoice,
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (choice !== "auto") return choice === "always";
  const force = env["FORCE_COLOR"];
  if (force !== undefined && force !== "") return force !== "0" && force !== "false";
  if (env["NO_COLOR"]) return false;
  return stream.isTTY === true && env["TERM"] !== "dumb";
}

/** What `--color` says in words that are not parsed yet, or cannot be. */
export function colourChoiceIn(words: readonly string[]): ColourChoice {
  const at = words.findLastIndex((word) => word === "--color" || word.startsWith("--color="));
  const given = words[at] === "--color" ? words[at + 1] : words[at]?.slice("--color=".length);
  return given === "always" || given === "never" ? given : "auto";
}

/** Text in a colour. */
export function paint(colour: Colour, text: string): string {
  const [on, off] = CODES[colour];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}
