/** The options that every command of the lab takes. */
import { type Command, InvalidArgumentError } from "commander";
import { serversMax } from "../ensemble/options.js";
import type { LabContext } from "../lab/open-lab.js";
import { findPlace, type LabPlace } from "../lab/place.js";
import type { Terminal } from "./terminal.js";

/** As commander gives them. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly name?: string;
  readonly dir?: string;
  readonly version?: string;
  readonly servers?: number;
}

/** What every command is run with. */
export interface CommandContext extends LabContext {
  readonly terminal: Terminal;
  /** Folder of the default lab; the package's own unless a test says otherwise. */
  readonly home?: string | undefined;
}

/** Adds the common options to a command. */
export function withCommonOptions(command: Command): Command {
  return command
    .option("--json", "print JSON on stdout, and nothing else there")
    .option("--name <name>", "the lab that is meant; each name has servers and leased ports of its own")
    .option("--dir <dir>", "folder for the servers, instead of the one that belongs to the name")
    .option("--version <version>", "ZooKeeper release, such as 3.4.6 or 3.9.3")
    .option("--servers <count>", `number of servers, 1 to ${serversMax}`, parseWhole);
}

/** Adds `--wait SECONDS` and `--no-wait`. */
export function withWait(command: Command, what: string): Command {
  return command
    .option("--wait <seconds>", `how long to wait for ${what} (60)`, parseSeconds)
    .option("--no-wait", "do not wait");
}

/** The lab that the options name. */
export function placeOf(options: CommonOptions, context: CommandContext): LabPlace {
  return findPlace({
    name: options.name,
    dir: options.dir,
    ...(context.home === undefined ? {} : { home: context.home }),
  });
}

/** A wait in milliseconds from what `--wait` and `--no-wait` left: undefined for the default, 0 for none. */
export function waitMsOf(wait: number | boolean | undefined): number | undefined {
  if (wait === false) return 0;
  return typeof wait === "number" ? wait * 1_000 : undefined;
}

/** A whole number from 1 on. */
export function parseWhole(text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError("It must be a whole number from 1 on.");
  return Number(text);
}

/** Ports with commas between them. */
export function parsePorts(text: string): number[] {
  return text.split(",").map(parseWhole);
}

function parseSeconds(text: string): number {
  const seconds = Number(text.replace(/s$/, ""));
  if (!(seconds > 0 && seconds <= 86_400)) throw new InvalidArgumentError("It must be a number of seconds.");
  return seconds;
}
