/** The command line. */
import { parseArgs } from "node:util";
import { WORKS, type Work } from "./types.js";

/** What the benchmark was asked to do. */
export interface BenchOptions {
  readonly works: readonly Work[];
  readonly windows: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Where the rows go; `-` for stdout. */
  readonly json: string | undefined;
  /** A server to use instead of starting an ensemble. */
  readonly server: { readonly host: string; readonly port: number } | undefined;
  readonly profileDir: string | undefined;
}

/** Most requests that may be outstanding: a 3.4.6 server stops reading at about that many, and so does the client. */
export const windowMax = 1000;

/** What `--help` prints. */
export const usage: string = `Usage: pnpm bench [options]

Runs the same work through a bare socket loop and through @zk/client, each in a process of its own, by turns, and shows
what an operation costs each of them in CPU time. Without --servers it starts an ensemble of three servers for itself.

  --work LIST        get, set, or both (default: get,set); values of 1024 bytes
  --windows LIST     requests kept outstanding, 1 to ${windowMax} (default: 1,100,1000)
  --rounds N         rounds over everything; medians are reported (default: 5)
  --seconds N        measured seconds of each run (default: 2)
  --warm-up N        seconds of each run before that (default: 2)
  --servers LIST     HOST:PORT of a running server to use; of several, the first takes all the work
  --json FILE        writes rows {work, window, client, opsPerSecond, cpuMicrosPerOp}; - for stdout
  --profile DIR      writes a CPU profile of each client at each point (the last round's) into DIR
  --help             shows this
`;

/** What is wrong with the command line, for people. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the arguments. `"help"` when help was asked for. @throws UsageError */
export function parseOptions(args: readonly string[]): BenchOptions | "help" {
  // `pnpm bench -- --json FILE` hands the dashes on.
  const given = args[0] === "--" ? args.slice(1) : args;
  const values = parse(given);
  if (values.help === true) return "help";
  return {
    works: list("--work", values.work, (text) => WORKS.find((work) => work === text), "get or set"),
    windows: list(
      "--windows",
      values.windows,
      (text) => inRange(text, 1, windowMax, true),
      `whole numbers from 1 to ${windowMax}`,
    ),
    rounds: number("--rounds", values.rounds, { min: 1, max: 1000, isWhole: true }),
    seconds: number("--seconds", values.seconds, { min: 0.05, max: 3600 }),
    warmUpSeconds: number("--warm-up", values["warm-up"], { min: 0, max: 3600 }),
    json: values.json,
    server:
      values.servers === undefined
        ? undefined
        : list("--servers", values.servers, toServer, "HOST:PORT, without a path")[0],
    profileDir: values.profile,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        work: { type: "string", default: "get,set" },
        windows: { type: "string", default: "1,100,1000" },
        rounds: { type: "string", default: "5" },
        seconds: { type: "string", default: "2" },
        "warm-up": { type: "string", default: "2" },
        servers: { type: "string" },
        json: { type: "string" },
        profile: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function list<T>(option: string, text: string, read: (item: string) => T | undefined, wanted: string): T[] {
  const items = text.split(",").map((item) => {
    const value = read(item.trim());
    if (value === undefined) throw new UsageError(`${option} takes ${wanted}; "${item}" is not`);
    return value;
  });
  return [...new Set(items)];
}

function number(
  option: string,
  text: string,
  range: { min: number; max: number; isWhole?: boolean },
): number {
  const value = inRange(text, range.min, range.max, range.isWhole === true);
  if (value !== undefined) return value;
  const kind = range.isWhole === true ? "a whole number" : "a number";
  throw new UsageError(`${option} takes ${kind} from ${range.min} to ${range.max}; "${text}" is not`);
}

function inRange(text: string, min: number, max: number, isWhole: boolean): number | undefined {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max && (!isWhole || Number.isInteger(value)) ? value : undefined;
}

function toServer(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  return port >= 1 && port <= 65_535 ? { host: (match[1] ?? match[2])!, port } : undefined;
}
