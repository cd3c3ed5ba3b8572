/** Schedules as files. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Operation, Schedule } from "./operations.js";

/** A file that holds no schedule. */
export class ScheduleFileError extends Error {
  override readonly name = "ScheduleFileError";
}

const KINDS: ReadonlySet<unknown> = new Set(["request", "frame", "connect", "drop"]);
const FORMAT = "zk-differential-1";

/** One operation a line, so that a file can be read and cut by hand. */
export function writeSchedule(path: string, { seed, episode, operations }: Schedule): void {
  mkdirSync(dirname(path), { recursive: true });
  const lines = operations.map((operation) => `    ${JSON.stringify(operation)}`);
  const head = `{\n  "format": "${FORMAT}",\n  "seed": ${seed},\n  "episode": ${episode},\n  "operations": [\n`;
  writeFileSync(path, `${head}${lines.join(",\n")}\n  ]\n}\n`);
}

/** @throws ScheduleFileError when there is no such file, or no schedule in it */
export function readSchedule(path: string): Schedule {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new ScheduleFileError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (!isSchedule(value)) {
    throw new ScheduleFileError(
      `${path} holds no schedule; \`pnpm differential\` writes one when it finds a difference`,
    );
  }
  return { seed: value.seed, episode: value.episode, operations: value.operations };
}

function isSchedule(value: unknown): value is Schedule {
  if (typeof value !== "object" || value === null) return false;
  const { format, seed, episode, operations } = value as Record<string, unknown>;
  return (
    format === FORMAT &&
    Number.isSafeInteger(seed) &&
    Number.isSafeInteger(episode) &&
    Array.isArray(operations) &&
    operations.every(isOperation)
  );
}

function isOperation(value: unknown): value is Operation {
  if (typeof value !== "object" || value === null) return false;
  const { kind, slot, body, opCode } = value as Record<string, unknown>;
  if (!KINDS.has(kind) || !Number.isSafeInteger(slot)) return false;
  return kind !== "request" || (Number.isSafeInteger(opCode) && typeof body === "object" && body !== null);
}
