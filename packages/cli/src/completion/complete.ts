/** What may stand next on a command line; the same for the ordinary shell and for zk's own. */
import type { Command, OptionSpec, OptionSpecs, WordKind } from "../definition/command.js";
import { commonOptions, longName } from "../definition/globals.js";

/** What is offered. */
export interface Offer {
  readonly words: readonly string[];
  /** What the caller has to add itself: paths of znodes, names of files or contexts. */
  readonly kind: WordKind | "none";
  /** What stands before the part that is completed, as in `--output=`. */
  readonly prefix: string;
}

/** @param words those before the one that is being typed; @param current that one, maybe empty */
export function complete(words: readonly string[], current: string, commands: readonly Command[]): Offer {
  const listed = commands.filter(({ isHidden }) => isHidden !== true);
  const globals = commonOptions(true);
  let at = 0;
  // Global options may stand before the command.
  while (at < words.length && words[at]!.startsWith("-")) {
    const spec = find(globals, words[at]!);
    at += spec?.parse !== undefined && !words[at]!.includes("=") ? 2 : 1;
  }
  if (at > words.length) return valueOffer(find(globals, words.at(-1)!), current, "");
  const [first, second] = words.slice(at);
  if (first === undefined) {
    if (current.startsWith("-")) return optionOffer(globals, words, current);
    const names = [...new Set(listed.map(({ name }) => name.split(" ")[0]!))];
    return plain(names.filter((name) => name.startsWith(current)));
  }
  const two = listed.find(({ name }) => name === `${first} ${second}`);
  const command =
    two ??
    listed.find(
      ({ name, oldSpellings }) => name === first || oldSpellings?.some(({ word }) => word === first),
    );
  const family =
    second === undefined
      ? listed
          .filter(({ name }) => name.startsWith(`${first} ${current}`))
          .map(({ name }) => name.slice(first.length + 1))
      : [];
  // Where a path may stand as well, as behind `zk lock`, only a letter says that the word is meant.
  if (command === undefined || (family.length > 0 && current !== "")) return plain(family);
  return completeCommand(command, words.slice(at + (two === undefined ? 1 : 2)), current);
}

function completeCommand(command: Command, words: readonly string[], current: string): Offer {
  const options: OptionSpecs = { ...commonOptions(command.connects !== false), ...command.options };
  if (command.passesOn === true) return plain([]);
  const end = words.indexOf("--");
  if (end >= 0) return places(command, words, current, options);
  const before = words.at(-1);
  const waiting = before === undefined || before.includes("=") ? undefined : find(options, before);
  if (waiting?.parse !== undefined) return valueOffer(waiting, current, "");
  const equals = /^(--[^=]+=)(.*)$/s.exec(current);
  if (equals !== null) return valueOffer(find(options, equals[1]!.slice(0, -1)), equals[2]!, equals[1]!);
  if (current.startsWith("-") && current !== "-") return optionOffer(options, words, current);
  return places(command, words, current, options);
}

/** The argument whose turn it is. */
function places(command: Command, words: readonly string[], current: string, options: OptionSpecs): Offer {
  let count = 0;
  let isOpen = true;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (isOpen && word === "--") isOpen = false;
    else if (isOpen && word.startsWith("-") && word !== "-") {
      if (!word.includes("=") && find(options, word)?.parse !== undefined) at++;
    } else count++;
  }
  const specs = Object.values(command.arguments);
  const spec = specs[Math.min(count, specs.length - 1)];
  if (spec === undefined || (count >= specs.length && !spec.isVariadic)) return plain([]);
  if (spec.kind === "url")
    return { words: [], kind: current.startsWith("/") || current === "" ? "path" : "file", prefix: "" };
  if (spec.kind === "text") return { words: [], kind: current.startsWith("/") ? "path" : "none", prefix: "" };
  return { words: [], kind: spec.kind, prefix: "" };
}

function valueOffer(spec: OptionSpec | undefined, current: string, prefix: string): Offer {
  if (spec?.choices !== undefined)
    return { words: spec.choices.filter((choice) => choice.startsWith(current)), kind: "none", prefix };
  return { words: [], kind: spec?.kind ?? "none", prefix };
}

function optionOffer(options: OptionSpecs, words: readonly string[], current: string): Offer {
  const given = new Set(words.map((word) => word.split("=")[0]));
  const names = Object.entries(options)
    .filter(([name, spec]) => spec.isRepeatable === true || !given.has(longName(name)))
    .map(([name]) => longName(name));
  return plain(names.filter((name) => name.startsWith(current)).sort());
}

function find(options: OptionSpecs, word: string): OptionSpec | undefined {
  const name = word.split("=")[0]!;
  return Object.entries(options).find(
    ([key, spec]) => longName(key) === name || (spec.short !== undefined && name === `-${spec.short}`),
  )?.[1];
}

function plain(words: readonly string[]): Offer {
  return { words, kind: "none", prefix: "" };
}
