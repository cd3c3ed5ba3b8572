/** Compares what a command prints as JSON with what its help says of it. */
import type { Command } from "@zk/cli";

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
