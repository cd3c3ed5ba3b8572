/** Traces as the lines that tests compare. */
import { formatEntry, type Trace } from "../../src/differential/trace.js";

/** Lines of the steps that `says` speaks of, numbered from 1. */
export function linesOf(trace: Trace, says: readonly string[]): string[] {
  const first = Number.parseInt(says[0] ?? "1", 10);
  return trace
    .filter(({ step, lane }) => lane !== "tree" && step + 1 >= first)
    .map((entry) => `${entry.step + 1} ${formatEntry(entry)}`);
}
