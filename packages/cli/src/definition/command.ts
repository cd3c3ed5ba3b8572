/**
 * What a command is: one value from which the parser, `--help`, completion, the pages in docs/cli and the JSON description
 * all come. A command returns data; only its `human` and `plain` know how that looks.
 */
import type { Client } from "@zk/client";
import type { Progress } from "../output/progress.js";
import type { Screen } from "../output/screen.js";
import type { ServerConnection } from "../session/servers.js";
import type { ConnectionFlags, Settings } from "../settings/settings.js";
import type { CommandIo } from "./command-io.js";
import type { ArgumentSpecs, OptionSpecs, ValuesOf } from "./spec-types.js";

export type { CommandIo } from "./command-io.js";
export type {
  ArgumentSpec,
  ArgumentSpecs,
  OptionSpec,
  OptionSpecs,
  ValuesOf,
  WordKind,
} from "./spec-types.js";

/** A field of the JSON that a command prints. */
export interface FieldSpec {
  readonly name: string;
  readonly type: string;
  readonly means: string;
}

/** The documented JSON of a command. */
export interface OutputSpec {
  /** `document`: one object. `stream`: one object a line, as it comes. `none`: nothing on stdout. */
  readonly form: "document" | "stream" | "none";
  readonly fields: readonly FieldSpec[];
  /** The columns of `--plain`. */
  readonly plain?: readonly string[];
}

/** A line to copy, and what it does. */
export interface Example {
  readonly command: string;
  readonly does: string;
}

/** A word of zkCli.sh for the same thing. */
export interface OldSpelling {
  readonly word: string;
  /** What is put before the words that follow it. */
  readonly gives: readonly string[];
  /** Where options of the old word mean something else here: every word that follows, in ours. @throws UsageError */
  rewrites?(words: readonly string[]): readonly string[];
}

export type Group = "everyday" | "coordination" | "moving data" | "operating" | "setup";

/** What a running command is given. */
export interface Run<Arguments extends ArgumentSpecs, Options extends OptionSpecs> {
  readonly arguments: ValuesOf<Arguments>;
  readonly options: ValuesOf<Options>;
  readonly io: CommandIo;
  /** The servers, limits and guards that hold for this run. */
  readonly settings: Settings;
  /** The options about servers as they were given; for a second ensemble in one command. */
  readonly flags: ConnectionFlags;
  readonly isJson: boolean;
  readonly isPlain: boolean;
  readonly isQuiet: boolean;
  /** Whether the session outlives the command. */
  readonly isShell: boolean;
  /** Aborted by Ctrl-C, by `--timeout`, and when nobody reads stdout any more. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** A session, opened at the first call and closed behind the command. */
  connect(options?: ConnectOptions): Promise<Client>;
  /** The servers one by one, for what is asked of each. */
  servers(): Promise<readonly ServerConnection[]>;
  /** One line on stderr for people. */
  note(line: string): void;
  /** A warning on stderr; not silenced by `--quiet`. */
  warn(line: string): void;
  /** How the process will end unless an error decides; the largest wins. */
  endWith(exitCode: number): void;
}

/** What a command asks of its session. */
export interface ConnectOptions {
  /** Other servers than those of the settings; used when a command speaks with two ensembles. */
  readonly settings?: Settings;
}

/** What {@link defineCommand} is told. */
export interface CommandSpec<Arguments extends ArgumentSpecs, Options extends OptionSpecs, Data> {
  /** The word, or words, after `zk`. */
  readonly name: string;
  readonly group: Group;
  readonly summary: string;
  /** Paragraphs below the examples. */
  readonly details?: readonly string[];
  readonly examples: readonly Example[];
  readonly arguments: Arguments;
  readonly options: Options;
  /** Whether the options about servers, contexts and time apply. Default true. */
  readonly connects?: boolean;
  /** Whether it changes znodes: refused where a context is read-only. */
  readonly writes?: boolean | ((run: Run<Arguments, Options>) => boolean);
  /** Whether it goes on, with a warning, where settings cannot be used: it is how they are looked at. */
  readonly mendsSettings?: boolean;
  /** Exit codes that mean something special here. */
  readonly exits?: readonly (readonly [code: number, meaning: string])[];
  readonly oldSpellings?: readonly OldSpelling[];
  readonly output: OutputSpec;
  /** A slash at the end of a path means something (`create -s /queue/`). */
  readonly keepsSlash?: boolean;
  /** Hidden commands work and are not listed. */
  readonly isHidden?: boolean;
  /** Its output is for reading, and may be longer than a screen: on a terminal it then goes through a pager. */
  readonly isPaged?: boolean;
  /** The words after the arguments are passed on untouched (`zk lab …`). */
  readonly passesOn?: boolean;
  run(run: Run<Arguments, Options>): Promise<Data> | AsyncIterable<Data>;
  /** Shows the data, or one item of a stream, to people. */
  human(data: Data, screen: Screen, run: Run<Arguments, Options>): void | Promise<void>;
  /** The same for `cut` and `awk`: rows of cells. Default: what `human` says, without colour. */
  plain?(data: Data, run: Run<Arguments, Options>): Iterable<readonly (string | number | null)[]>;
  /** What `--json` prints of the data; default the data itself. */
  json?(data: Data, run: Run<Arguments, Options>): unknown;
}

/** A command with its types forgotten: what everything but the command itself handles. */
export type Command = Omit<
  CommandSpec<ArgumentSpecs, OptionSpecs, unknown>,
  "run" | "human" | "plain" | "json" | "writes"
> & {
  readonly writes?: boolean | ((run: never) => boolean);
  run(run: never): Promise<unknown> | AsyncIterable<unknown>;
  human(data: never, screen: Screen, run: never): void | Promise<void>;
  plain?(data: never, run: never): Iterable<readonly (string | number | null)[]>;
  json?(data: never, run: never): unknown;
};

/** Makes a command; its arguments and options get their types from their specs. */
export function defineCommand<const Arguments extends ArgumentSpecs, const Options extends OptionSpecs, Data>(
  spec: CommandSpec<Arguments, Options, Data>,
): Command {
  return spec as unknown as Command;
}
