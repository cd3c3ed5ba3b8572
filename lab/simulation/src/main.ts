/** `pnpm sim`: runs seeds, shows failures, looks for planted faults. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HELP, type Options, readOptions } from "./options.js";
import { PLANTS } from "./planted/plants.js";
import { type Catch, search } from "./planted/search.js";
import { writeTable } from "./planted/table.js";
import { describeFailure, load, type SavedFailure, save } from "./report.js";
import { scenarioOf } from "./scenarios/scenarios.js";
import { simulate } from "./simulate.js";
import { Tally } from "./tally.js";

/** A long run says every so often how far it is. */
const PROGRESS_MS = 30_000;
const FAILURES = join(fileURLToPath(new URL("..", import.meta.url)), "failures");

async function run(options: Options): Promise<number> {
  const tally = new Tally();
  let progressAtMs = performance.now() + PROGRESS_MS;
  const untilMs = performance.now() + (options.minutes ?? 0) * 60_000;
  const isMore = (done: number): boolean =>
    options.minutes === undefined ? done < options.runs : performance.now() < untilMs;
  for (let done = 0; isMore(done); done += 1) {
    const seed = options.seed + done;
    const result = await simulate(seed, {
      ...(options.scenario === undefined ? {} : { scenario: options.scenario }),
      ...(options.verbose ? { onLine: (line: string): void => console.log(line) } : {}),
    });
    tally.add(result);
    if (performance.now() >= progressAtMs) {
      progressAtMs = performance.now() + PROGRESS_MS;
      const { seeds, failovers, violations, cpuSeconds } = tally.summary();
      console.error(`${seeds} seeds, ${failovers} failovers, ${violations} violations, ${cpuSeconds} CPU s`);
    }
    if (options.verbose) console.log(`digest ${result.digest}`);
    if (result.finding === undefined) continue;
    const path = save(result, FAILURES);
    console.error(`${describeFailure(load(path), options.verbose ? 0 : 60)}`);
    console.error(`kept in ${path}; again: pnpm sim --replay ${path}\n`);
  }
  const summary = tally.summary();
  if (options.json) console.log(JSON.stringify(summary));
  else for (const [name, value] of Object.entries(summary)) console.log(`${name.padEnd(24)}${value}`);
  return tally.violations === 0 ? 0 : 1;
}

/** Shows what was saved, and runs the seed again: with the source as it is now, which may have changed. */
async function replay(file: string, isVerbose: boolean): Promise<number> {
  let saved: SavedFailure;
  try {
    saved = load(file);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  console.log(describeFailure(saved, saved.trace.length));
  const again = {
    ...(saved.scenario === undefined ? {} : { scenario: scenarioOf(saved.scenario) }),
    ...(isVerbose ? { onLine: (line: string): void => console.log(line) } : {}),
  };
  const { finding, digest } = await simulate(saved.seed, again);
  const now = finding === undefined ? "nothing was broken" : `${finding.check}: ${finding.message}`;
  console.log(`now: ${now} (digest ${digest}, ${digest === saved.digest ? "the same" : "another"} run)`);
  return finding === undefined ? 0 : 1;
}

async function planted({ seed, runs, scenario }: Options): Promise<number> {
  const catches: Catch[] = [];
  const plants = scenario === undefined ? PLANTS : PLANTS.filter((plant) => plant.scenario === scenario.name);
  for await (const caught of search(plants, { from: seed, seedsMax: runs })) {
    catches.push(caught);
    const { plant, seeds, finding } = caught;
    const what = finding === undefined ? "NOT FOUND" : `${finding.check}: ${finding.message}`;
    console.log(`${plant.name.padEnd(28)}${String(seeds).padStart(4)}  ${what}`);
  }
  if (scenario === undefined) writeTable(catches);
  const found = catches.filter((caught) => caught.seed !== undefined).length;
  console.log(`${found} of ${catches.length} planted faults found`);
  return found === catches.length ? 0 : 1;
}

async function main(words: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(words);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  switch (options.what) {
    case "help":
      console.log(HELP);
      return 0;
    case "replay":
      return replay(options.file as string, options.verbose);
    case "planted":
      return planted(options);
    case "run":
      return run(options);
    default:
      return options.what satisfies never;
  }
}

process.exitCode = await main(process.argv.slice(2));
