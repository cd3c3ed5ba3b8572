/** The words of `pnpm sim`. */
import { parseArgs } from "node:util";
import type { Scenario } from "./scenarios/scenario.js";
import { SCENARIOS, scenarioOf } from "./scenarios/scenarios.js";

/** What is to be done. */
export interface Options {
  readonly what: "run" | "replay" | "planted" | "help";
  readonly seed: number;
  readonly runs: number;
  /** Instead of a number of runs: as many as fit. */
  readonly minutes: number | undefined;
  /** What the clients do; undefined for operations at random. */
  readonly scenario: Scenario | undefined;
  readonly verbose: boolean;
  readonly json: boolean;
  /** A file with a failure. */
  readonly file: string | undefined;
}

export const HELP: string = `pnpm sim --seed S --runs N    run the seeds S to S+N-1 (1 and 100)
  --minutes M               instead of --runs: for so long
  --scenario NAME           instead of operations at random: ${SCENARIOS.map(({ name }) => name).join(", ")}
  --verbose                 print every line of the trace; with one run
  --json                    the summary as JSON on stdout
  --replay FILE             print the trace of a saved failure, run its seed again and compare
  --planted                 look for every planted fault and write the table in docs/simulation.md; with --scenario
                            for those of the scenario alone, without writing
Exits with 0 when no promise was broken, 1 when one was, 2 for words it does not know.`;

/** @throws Error for words that make no sense */
export function readOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: words.filter((word) => word !== "--"),
    options: {
      seed: { type: "string", default: "1" },
      runs: { type: "string" },
      minutes: { type: "string" },
      replay: { type: "string" },
      scenario: { type: "string" },
      verbose: { type: "boolean", default: false },
      planted: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.runs !== undefined && values.minutes !== undefined) {
    throw new Error("--runs and --minutes exclude each other");
  }
  return {
    what: values.help ? "help" : values.planted ? "planted" : values.replay === undefined ? "run" : "replay",
    seed: whole("--seed", values.seed, 0),
    runs: whole("--runs", values.runs ?? (values.verbose ? "1" : values.planted ? "500" : "100"), 1),
    minutes: values.minutes === undefined ? undefined : above("--minutes", values.minutes),
    scenario: values.scenario === undefined ? undefined : scenarioOf(values.scenario),
    verbose: values.verbose,
    json: values.json,
    file: values.replay,
  };
}

function whole(name: string, text: string, min: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  throw new Error(`${name} must be a whole number from ${min}, not ${text}`);
}

function above(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`${name} must be a number above 0, not ${text}`);
}
