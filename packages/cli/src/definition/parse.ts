/** From words to a command with its arguments and options. */
import { Argument, CommanderError, Option, Command as Parser } from "commander";
import { quoteWord } from "../input/words.js";
import { UsageError } from "../program/errors.js";
import { nearest } from "../program/suggest.js";
import type { ArgumentSpec, Command, OptionSpec, OptionSpecs } from "./command.js";
import { CONNECTION_OPTIONS, commonOptions, GLOBAL_OPTIONS, longName } from "./globals.js";
import { placeName } from "./help.js";
import { oldOption, wordElsewhere } from "./zk-cli-words.js";

/** What a command line asks for. */
export type Parsed =
  | { readonly kind: "version"; readonly isJson: boolean }
  | { readonly kind: "help"; readonly words: readonly string[]; readonly isJson: boolean }
  | { readonly kind: "nothing" }
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly arguments: Readonly<Record<string, unknown>>;
      readonly options: Readonly<Record<string, unknown>>;
      /** For people: an old word was used. */
      readonly notes: readonly string[];
    };

/** @throws UsageError */
export function parseWords(words: readonly string[], commands: readonly Command[]): Parsed {
  const { before, after, notes: oldOptions } = splitGlobals(words);
  const isJson = before.includes("--json") || after.includes("--json");
  const [first] = after;
  if (first === undefined) {
    if (before.includes("--version")) return { kind: "version", isJson };
    if (before.includes("--help") || before.includes("-h")) return { kind: "help", words: [], isJson };
    return { kind: "nothing" };
  }
  const { command, rest, notes } = findCommand(after, commands);
  if (asksForHelp(command, before, rest)) return { kind: "help", words: command.name.split(" "), isJson };
  return { kind: "run", command, notes: [...oldOptions, ...notes], ...parseCommand(command, before, rest) };
}

/** Global options may stand before the command's word. */
function splitGlobals(words: readonly string[]): {
  readonly before: string[];
  readonly after: readonly string[];
  readonly notes: readonly string[];
} {
  const known: OptionSpecs = { ...CONNECTION_OPTIONS, ...GLOBAL_OPTIONS };
  const byName = new Map(Object.entries(known).map(([name, spec]) => [longName(name), spec]));
  const before: string[] = [];
  const notes: string[] = [];
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-") || word === "-") break;
    const old = oldOption(word);
    if (old !== undefined) {
      const value = old.takesValue ? words[++at] : "";
      if (value === undefined) throw new UsageError(`${word} needs a value`);
      const now = old.gives(value);
      before.push(...now);
      notes.push(
        now.length === 0
          ? `${word} is not needed: zk always waits`
          : `${word} is the old word for: ${now[0]}`,
      );
      continue;
    }
    before.push(word);
    if (word === "--version" || word === "-h" || word === "-q") continue;
    const [name = "", value] = word.split(/=(.*)/s);
    const spec = byName.get(name);
    if (spec === undefined) {
      const near = /^-v$/i.test(name) ? "--version" : nearest(name, [...byName.keys(), "--version"]);
      throw new UsageError(
        `there is no option ${name}`,
        near === undefined ? "zk --help lists what there is" : `did you mean ${near}?`,
      );
    }
    if (spec.parse !== undefined && value === undefined) {
      const next = words[++at];
      if (next === undefined) throw new UsageError(`${name} needs a value: ${name} ${spec.value}`);
      before.push(next);
    }
  }
  return { before, after: words.slice(at), notes };
}

/** @throws UsageError with the nearest command; it is not run */
function findCommand(
  words: readonly string[],
  commands: readonly Command[],
): { readonly command: Command; readonly rest: readonly string[]; readonly notes: readonly string[] } {
  const [first = "", second = ""] = words;
  const two = commands.find(({ name }) => name === `${first} ${second}`);
  if (two !== undefined) return { command: two, rest: words.slice(2), notes: [] };
  const one = commands.find(({ name }) => name === first);
  if (one !== undefined) return { command: one, rest: words.slice(1), notes: [] };
  for (const command of commands) {
    const old = command.oldSpellings?.find(({ word }) => word === first);
    if (old !== undefined) {
      const given = words.slice(1);
      const rest = old.rewrites === undefined ? [...old.gives, ...given] : old.rewrites(given);
      const now = old.rewrites === undefined ? old.gives : rest.map(quoteWord);
      return {
        command,
        rest,
        notes: [`${first} is the old word for: ${["zk", command.name, ...now].join(" ")}`],
      };
    }
  }
  const family = commands
    .filter(({ name, isHidden }) => name.startsWith(`${first} `) && !isHidden)
    .map(({ name }) => name);
  if (family.length > 0) {
    const near = nearest(`${first} ${second}`, family);
    const list = family.map((name) => name.slice(first.length + 1)).join(", ");
    if (second === "") throw new UsageError(`zk ${first} needs another word: ${list}`);
    throw new UsageError(
      `there is no command "${first} ${second}"`,
      near === undefined ? `there are ${list}` : `did you mean zk ${near}?`,
    );
  }
  const elsewhere = wordElsewhere(first);
  if (elsewhere !== undefined) throw new UsageError(`zk has no command ${first}`, elsewhere);
  const listed = commands.filter(({ isHidden }) => !isHidden);
  const near = nearest(
    first,
    listed.flatMap(({ name, oldSpellings }) => [name, ...(oldSpellings ?? []).map(({ word }) => word)]),
  );
  throw new UsageError(
    `there is no command ${JSON.stringify(first)}`,
    near === undefined ? "zk --help lists what there is" : `did you mean zk ${near}?`,
  );
}

function asksForHelp(command: Command, before: readonly string[], rest: readonly string[]): boolean {
  const own = new Set(Object.values(command.options).map(({ short }) => short));
  const end = rest.indexOf("--");
  const looked = [...before, ...(command.passesOn ? [] : end < 0 ? rest : rest.slice(0, end))];
  if (looked.includes("--help")) return true;
  return looked.includes("-h") && !own.has("h");
}

/** @throws UsageError */
function parseCommand(
  command: Command,
  before: readonly string[],
  rest: readonly string[],
): { readonly arguments: Record<string, unknown>; readonly options: Record<string, unknown> } {
  const own = Object.entries(command.options);
  const taken = new Set(own.flatMap(([, { short }]) => short ?? []));
  const common = Object.entries(commonOptions(command.connects !== false)).filter(
    ([name]) => command.options[name] === undefined,
  );
  const parser = new Parser(command.name);
  parser
    .exitOverride()
    .helpOption(false)
    .allowExcessArguments(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  for (const [name, spec] of own) parser.addOption(optionOf(name, spec, spec.short));
  for (const [name, spec] of common) {
    parser.addOption(
      optionOf(name, spec, spec.short !== undefined && taken.has(spec.short) ? undefined : spec.short),
    );
  }
  const names = Object.keys(command.arguments);
  for (const name of names) parser.addArgument(argumentOf(name, command.arguments[name]!));
  const passed = command.passesOn ? [...before, "--", ...rest] : [...before, ...rest];
  try {
    parser.parse(passed, { from: "user" });
  } catch (error) {
    throw error instanceof CommanderError ? usageOf(error, command, rest) : error;
  }
  const options: Record<string, unknown> = {};
  const given = parser.opts();
  for (const [name, spec] of [...own, ...common])
    options[name] = given[name] ?? spec.fallback ?? (spec.parse ? undefined : false);
  return {
    arguments: Object.fromEntries(names.map((name, index) => [name, parser.processedArgs[index]])),
    options,
  };
}

function optionOf(name: string, spec: OptionSpec, short: string | undefined): Option {
  const long = longName(name);
  const flags = `${short === undefined ? "" : `-${short}, `}${long}${spec.parse === undefined ? "" : ` <${spec.value}>`}`;
  const option = new Option(flags, spec.summary);
  // commander takes --no-acl for "acl is off"; here it is a flag of its own, with a name of its own.
  option.negate = false;
  // Choices come last: they bring a parser of their own.
  const { parse } = spec;
  if (parse === undefined) return option;
  const read = (given: string): unknown => {
    if (spec.choices !== undefined && !spec.choices.includes(given)) {
      const near = nearest(given, spec.choices);
      throw new UsageError(
        `${long} is one of ${spec.choices.join(", ")}, not ${JSON.stringify(given)}`,
        near === undefined ? undefined : `did you mean ${near}?`,
      );
    }
    try {
      return parse(given);
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(`${long}: ${error.message}`, error.hint) : error;
    }
  };
  return option.argParser((given: string, all: unknown): unknown =>
    spec.isRepeatable ? [...(Array.isArray(all) ? all : []), read(given)] : read(given),
  );
}

function argumentOf(name: string, spec: ArgumentSpec): Argument {
  const word = spec.isVariadic ? `${name}...` : name;
  return new Argument(spec.isOptional ? `[${word}]` : `<${word}>`, spec.summary);
}

/** The parser's words, in ours. */
function usageOf(error: CommanderError, command: Command, rest: readonly string[]): UsageError {
  const message = error.message.replace(/^error: /, "").split("\n")[0] ?? "";
  const hint = `zk ${command.name} --help shows how it is used`;
  const unknown = /^unknown option '(-[^'=]+)/.exec(message)?.[1];
  if (unknown !== undefined) {
    const names = [
      ...Object.keys(command.options),
      ...Object.keys(commonOptions(command.connects !== false)),
    ].map(longName);
    const near = nearest(unknown, names);
    const takesText = Object.values(command.arguments).some(({ kind }) => kind === "text");
    if (unknown === "-w")
      return new UsageError(`zk ${command.name} has no option -w`, "zk watch tells of changes");
    return new UsageError(
      `zk ${command.name} has no option ${unknown}`,
      near !== undefined
        ? `did you mean ${near}?`
        : takesText
          ? `a word that begins with - stands behind --; ${hint}`
          : hint,
    );
  }
  if (error.code === "commander.missingArgument") {
    const name = /'(\w+)'/.exec(message)?.[1] ?? "";
    return new UsageError(`zk ${command.name} needs ${placeName(name, { isVariadic: false })}`, hint);
  }
  if (error.code === "commander.excessArguments") {
    return new UsageError(
      `zk ${command.name} takes no more words`,
      rest.at(-1) === "watch"
        ? `zk watch ${rest[0]} tells of changes`
        : "quote what has blanks in it; words that begin with - stand behind --",
    );
  }
  if (error.code === "commander.optionMissingArgument") {
    return new UsageError(message.replace(/^option '(.*)' argument missing$/, "$1 needs a value"), hint);
  }
  return new UsageError(message, hint);
}
