/** Compares what a command prints as JSON with what its help says of it. */
import { COMMANDS, type Command } from "@zk/cli";
import { expect } from "vitest";

/** Fields that were printed and are not documented. */
export function undocumented(command: Command, printed: readonly Record<string, unknown>[]): string[] {
  const known = new Set(["schema", "context", ...command.output.fields.map(({ name }) => name)]);
  return [...new Set(printed.flatMap((each) => Object.keys(each)))].filter((name) => !known.has(name));
}

/** Fields that are documented and were never printed. */
export function unseen(command: Command, printed: readonly Record<string, unknown>[]): string[] {
  const seen = new Set(printed.flatMap((each) => Object.keys(each)));
  return command.output.fields.map(({ name }) => name).filter((name) => !seen.has(name));
}

/** Fails unless what the command printed, and nothing else, is documented. */
export function documented(name: string, values: readonly Record<string, unknown>[]): void {
  const command = COMMANDS.find((each) => each.name === name)!;
  expect({ name, undocumented: undocumented(command, values), unseen: unseen(command, values) }).toEqual({
    name,
    undocumented: [],
    unseen: [],
  });
}
