/** From words to a command with its arguments and options. */
import { Argument, CommanderError, Option, Command as Parser } from "commander";
import { UsageError } from "../program/errors.js";
import { nearest } from "../program/suggest.js";
import type { ArgumentSpec, Command, OptionSpec, OptionSpecs } from "./command.js";
import { CONNECTION_OPTIONS, commonOptions, GLOBAL_OPTIONS, longName } from "./globals.js";
import { placeName } from "./help.js";

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
  const { before, after } = splitGlobals(words);
  const isJson = before.includes("--json") || after.includes("--json");
  const [first] = after;
  if (first === undefined) {
    if (before.includes("--version")) return { kind: "version", isJson };
    if (before.includes("--help") || before.includes("-h")) return { kind: "help", words: [], isJson };
    return { kind: "nothing" };
  }
  const { command, rest, notes } = findCommand(after, commands);
  if (asksForHelp(command, before, rest)) return { kind: "help", words: command.name.split(" "), isJson };
  return { kind: "run", command, notes, ...parseCommand(command, before, rest) };
}

/** Global options may stand before the command's word. */
function splitGlobals(words: readonly string[]): {
  readonly before: string[];
  readonly after: readonly string[];
} {
  const known: OptionSpecs = { ...CONNECTION_OPTIONS, ...GLOBAL_OPTIONS };
  const byName = new Map(Object.entries(known).map(([name, spec]) => [longName(name), spec]));
  const before: string[] = [];
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-") || word === "-") break;
    before.push(word);
    if (word === "--version" || word === "-h" || word === "-q") continue;
    const [name = "", value] = word.split(/=(.*)/s);
    const spec = byName.get(name);
    if (spec === undefined) {
      const near = nearest(name, [...byName.keys(), "--version"]);
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
  return { before, after: words.slice(at) };
}

/** Words of zkCli.sh whose work is done in another way. */
const WORDS_ELSEWHERE: Readonly<Record<string, string>> = {
  addauth: "--auth-file FILE, ZK_AUTH_FILE, or zk context add NAME --auth-file FILE; in the shell: addauth",
  connect: "--servers HOST:PORT, or zk context use NAME",
  close: "the session of a command ends with the command",
  quit: "that is a word of the shell, which zk alone opens",
  exit: "that is a word of the shell, which zk alone opens",
  history: "that is a word of the shell, which zk alone opens",
  redo: "in the shell, which zk alone opens: Ctrl-R, or the arrow keys",
  printwatches: "zk watch PATH prints changes",
  removewatches: "a watch ends with the zk watch that set it",
  config: "zk get /zookeeper/config, on servers of 3.5 and newer",
  reconfig: "servers of 3.4 are configured by their zoo.cfg: zk doctor --config FILE reads one",
  version: "zk --version; zk status shows the releases of the servers",
  whoami: "zk acl PATH shows who may; servers of 3.4 tell nobody who they are",
};

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
      const now = ["zk", command.name, ...old.gives].join(" ");
      return {
        command,
        rest: [...old.gives, ...words.slice(1)],
        notes: [`${first} is the old word for: ${now}`],
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
  const elsewhere = WORDS_ELSEWHERE[first];
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
    const isNumber = /^-\d/.test(unknown);
    if (unknown === "-w")
      return new UsageError(`zk ${command.name} has no option -w`, "zk watch tells of changes");
    return new UsageError(
      `zk ${command.name} has no option ${unknown}`,
      near !== undefined
        ? `did you mean ${near}?`
        : isNumber
          ? "words that begin with - stand behind --"
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
