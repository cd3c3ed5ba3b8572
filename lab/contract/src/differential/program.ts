/** `pnpm differential` as a function: arguments and streams in, exit status out. */
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Writable } from "node:stream";
import { type Environment, isLabError } from "@zk/lab";
import { TargetError } from "./admin.js";
import { Comparison, type Found } from "./check.js";
import { describeFinding, type Finding } from "./describe.js";
import { labTarget } from "./lab-target.js";
import { modelTarget } from "./model-target.js";
import { type CommandOptions, parseOptions, type TargetChoice, UsageError, usage } from "./options.js";
import { progressMeter } from "./progress.js";
import { readSchedule, ScheduleFileError, writeSchedule } from "./schedule-file.js";
import { tcpTarget } from "./tcp-target.js";
import type { Target } from "./wire.js";

/** How a check ends. */
export const ExitCode = {
  SAME: 0,
  DIFFERENCE: 1,
  USAGE: 2,
  /** No Java, or no release, for real servers (EX_UNAVAILABLE). */
  UNAVAILABLE: 69,
  INTERRUPTED: 130,
} as const;

/** What a run may use. */
export interface ProgramContext {
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Ends the run; its servers are stopped first. */
  readonly signal: AbortSignal;
  /** Where Java and releases are looked for. */
  readonly env: Environment;
}

/** Runs the command and gives its exit status. */
export async function runDifferential(args: readonly string[], context: ProgramContext): Promise<number> {
  const { stdout, stderr, signal } = context;
  try {
    const options = parseOptions(args);
    if (options === "help") {
      stdout.write(usage);
      return ExitCode.SAME;
    }
    return await run(options, context);
  } catch (error) {
    if (signal.aborted) {
      stderr.write("interrupted\n");
      return ExitCode.INTERRUPTED;
    }
    if (error instanceof UsageError) {
      stderr.write(`${error.message}\n\n${usage}`);
      return ExitCode.USAGE;
    }
    if (error instanceof ScheduleFileError) {
      stderr.write(`${error.message}\n`);
      return ExitCode.USAGE;
    }
    return failed(error, stderr);
  }
}

async function run(options: CommandOptions, context: ProgramContext): Promise<number> {
  const { stdout, stderr, signal, env } = context;
  const replayed = options.replay === undefined ? undefined : readSchedule(options.replay);
  const meter = progressMeter(stderr, options.operations);
  const say = (line: string): void => void stderr.write(`${line}\n`);
  await using expected = await open(options.reference, options, { say, signal, env });
  await using actual = await open(options.against, options, { say, signal, env });
  const names = `${expected.name} and ${actual.name}`;
  const comparison = new Comparison({ expected, actual });
  const isSpread = options.servers > 1;
  try {
    if (replayed !== undefined) {
      const finding = await comparison.compare(replayed, { signal, isSpread, isPrecise: true });
      if (!("difference" in finding)) {
        stdout.write(`No difference: ${names} say the same ${finding.entries} things.\n`);
        return ExitCode.SAME;
      }
      stdout.write(`${names} differ.\n\n${describeFinding(finding)}\n`);
      return ExitCode.DIFFERENCE;
    }
    const { seed, operations, episodeLength } = options;
    const result = await comparison.check({
      seed,
      operations,
      episodeLength,
      isSpread,
      signal,
      onProgress: meter.show,
    });
    meter.clear();
    if (result.found === undefined) {
      stdout.write(
        `No difference: ${names} said the same ${result.entries} things about ${result.operations} operations ` +
          `in ${result.episodes} schedules (seed ${seed}, ${meter.seconds()} s).\n`,
      );
      return ExitCode.SAME;
    }
    stdout.write(report(result.found, options, names));
    return ExitCode.DIFFERENCE;
  } catch (error) {
    meter.clear();
    if (error instanceof TargetError && error.schedule !== undefined) {
      say(`The schedule is in ${save(error, options)}.`);
    }
    throw error;
  } finally {
    await comparison.close();
  }
}

async function open(
  choice: TargetChoice,
  { servers, version }: CommandOptions,
  how: {
    readonly say: (line: string) => void;
    readonly signal: AbortSignal;
    readonly env: Environment;
  },
): Promise<Target> {
  const { say, signal, env } = how;
  switch (choice.kind) {
    case "model":
      return modelTarget({ servers });
    case "memory":
      return labTarget({ backend: "memory", servers, signal });
    case "process":
      return labTarget({
        servers,
        signal,
        env,
        onProgress: say,
        ...(version === undefined ? {} : { version }),
      });
    case "addresses":
      return tcpTarget({ name: choice.text, addresses: choice.addresses });
  }
}

function report(found: Found, options: CommandOptions, names: string): string {
  const { schedule, original, isFleeting } = found;
  const file = join(options.out ?? tmpdir(), `differential-${original.seed}-${original.episode}.json`);
  writeSchedule(file, schedule);
  const size = isFleeting
    ? "It did not show again when the schedule was repeated, so this is the whole of it:"
    : `The smallest schedule that shows it has ${schedule.operations.length} of ${original.operations.length} operations:`;
  return [
    `${names} differ (seed ${original.seed}, schedule ${original.episode}).`,
    size,
    "",
    describeFinding(found satisfies Finding),
    "",
    `Again: pnpm differential --replay ${shortest(file)}${choiceText(options)}`,
    "",
  ].join("\n");
}

function save({ schedule }: TargetError, { out }: CommandOptions): string {
  if (schedule === undefined) return "";
  const file = join(out ?? tmpdir(), `differential-${schedule.seed}-${schedule.episode}.json`);
  writeSchedule(file, schedule);
  return shortest(file);
}

function choiceText({ reference, against, servers }: CommandOptions): string {
  const word = (choice: TargetChoice): string => (choice.kind === "addresses" ? choice.text : choice.kind);
  return [
    word(reference) === "process" ? "" : ` --reference ${word(reference)}`,
    word(against) === "model" ? "" : ` --against ${word(against)}`,
    servers === 1 ? "" : ` --servers ${servers}`,
  ].join("");
}

function shortest(file: string): string {
  const near = relative(process.cwd(), file);
  return near.startsWith("..") ? file : near;
}

function failed(error: unknown, stderr: Writable): number {
  stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  const isMissing = isLabError(error) && (error.code === "NO_JAVA" || error.code === "NO_RELEASE");
  return isMissing ? ExitCode.UNAVAILABLE : ExitCode.DIFFERENCE;
}
