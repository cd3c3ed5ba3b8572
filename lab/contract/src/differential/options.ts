/** The command line of `pnpm differential`. */
import { parseArgs } from "node:util";
import { episodeLength } from "./check.js";
import { type Address, parseAddresses } from "./tcp-target.js";

/** What to run schedules on. */
export type TargetChoice =
  /** Real servers, started for the check. */
  | { readonly kind: "process" }
  /** The model inside this process, without any network. */
  | { readonly kind: "model" }
  /** The model behind TCP. */
  | { readonly kind: "memory" }
  /** Servers that run already. */
  | { readonly kind: "addresses"; readonly addresses: readonly Address[]; readonly text: string };

/** What the check was asked to do. */
export interface CommandOptions {
  readonly seed: number;
  readonly operations: number;
  readonly episodeLength: number;
  readonly reference: TargetChoice;
  readonly against: TargetChoice;
  readonly servers: number;
  readonly version: string | undefined;
  /** A schedule to run instead of generated ones. */
  readonly replay: string | undefined;
  /** Where schedules that show a difference are written; undefined for the folder for temporary files. */
  readonly out: string | undefined;
}

/** What `--help` prints. */
export const usage: string = `Usage: pnpm differential [options]

Sends the same operations to a real ZooKeeper 3.4.6 and to the model of it, and compares all they say: replies field by
field, notifications, closed connections, and what is left in the tree. A difference is shrunk to the smallest schedule
that shows it, which is printed and written to a file.

  --seed S           decides all operations: a whole number (default: 1)
  --operations N     how many (default: 10000)
  --episode N        operations of one schedule, which has sessions and a root of its own (default: ${episodeLength})
  --against TARGET   what is compared: model (in this process), memory (the model over TCP), process (other real
                     servers), or HOST:PORT,... of running servers (default: model)
  --reference TARGET what is right, whatever it does; the same words (default: process)
  --servers N        servers on each side; connections are spread over them (default: 1)
  --version V        release of the real servers (default: 3.4.6)
  --replay FILE      runs the schedule of FILE instead of generated ones
  --out DIR          folder for the schedules of differences (default: the one for temporary files)
  --help             shows this

Servers that run already need -Dzookeeper.DigestAuthenticationProvider.superDigest for "super:differential" and session
timeouts from 600000 to 3600000 ms; znodes /d-NNNNNNN are made and removed in them.

Exit status: 0 no difference, 1 a difference (or a server that gave up), 2 wrong usage, 69 no Java or no release,
130 interrupted.
`;

/** What is wrong with the command line, for people. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the arguments. `"help"` when help was asked for. @throws UsageError */
export function parseOptions(args: readonly string[]): CommandOptions | "help" {
  // `pnpm differential -- --seed 1` hands the dashes on.
  const values = parse(args[0] === "--" ? args.slice(1) : args);
  if (values.help === true) return "help";
  return {
    seed: wholeNumber("--seed", values.seed, 0, Number.MAX_SAFE_INTEGER),
    operations: wholeNumber("--operations", values.operations, 1, 1_000_000_000),
    episodeLength: wholeNumber("--episode", values.episode, 1, 100_000),
    reference: toTarget("--reference", values.reference),
    against: toTarget("--against", values.against),
    servers: wholeNumber("--servers", values.servers, 1, 9),
    version: values.version,
    replay: values.replay,
    out: values.out,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        seed: { type: "string", default: "1" },
        operations: { type: "string", default: "10000" },
        episode: { type: "string", default: String(episodeLength) },
        against: { type: "string", default: "model" },
        reference: { type: "string", default: "process" },
        servers: { type: "string", default: "1" },
        version: { type: "string" },
        replay: { type: "string" },
        out: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function toTarget(option: string, text: string): TargetChoice {
  if (text === "process" || text === "model" || text === "memory") return { kind: text };
  const addresses = parseAddresses(text);
  if (addresses !== undefined) return { kind: "addresses", addresses, text };
  throw new UsageError(`${option} takes process, model, memory or HOST:PORT,...; "${text}" is none of them`);
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,16}$/.test(text.replaceAll("_", "")) ? Number(text.replaceAll("_", "")) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${option} takes a whole number from ${min} to ${max}; "${text}" is not`);
}
