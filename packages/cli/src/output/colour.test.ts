import { describe, expect, it } from "vitest";
import { colourChoiceIn, hasColour } from "./colour.js";

const terminal = { isTTY: true };
const pipe = { isTTY: false };

describe("colour", () => {
  it.each<[string, Record<string, string>, boolean, boolean]>([
    ["without a word", { TERM: "xterm" }, true, false],
    ["on a dumb terminal", { TERM: "dumb" }, false, false],
    ["with NO_COLOR", { NO_COLOR: "1" }, false, false],
    ["with an empty NO_COLOR", { NO_COLOR: "" }, true, false],
    ["with FORCE_COLOR, which wins", { FORCE_COLOR: "1", NO_COLOR: "1", TERM: "dumb" }, true, true],
    ["with FORCE_COLOR=0", { FORCE_COLOR: "0" }, false, false],
    ["with an empty FORCE_COLOR", { FORCE_COLOR: "" }, true, false],
  ])("%s", (_what, env, onTerminal, onPipe) => {
    expect(hasColour("auto", terminal, env)).toBe(onTerminal);
    expect(hasColour("auto", pipe, env)).toBe(onPipe);
    expect(hasColour("never", terminal, { ...env, FORCE_COLOR: "1" })).toBe(false);
    expect(hasColour("always", pipe, { ...env, NO_COLOR: "1" })).toBe(true);
  });

  it.each<[string, string]>([
    ["nope --color=never", "never"],
    ["--color always nope", "always"],
    ["--color=never nope --color=auto", "auto"],
    ["nope --color", "auto"],
    ["nope --color=purple", "auto"],
    ["nope", "auto"],
  ])("%s says %s before it is parsed", (line, choice) => {
    expect(colourChoiceIn(line.split(" "))).toBe(choice);
  });
});
