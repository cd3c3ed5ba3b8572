/** From runs to rows and to a table for people. */
import type { Run } from "./rounds.js";
import { CLIENTS, type ClientName, type Row, type Work } from "./types.js";

/** The middle value; of an even number of values the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** One row for each point and client that was run, in the order of the first runs; bare before zk. */
export function rowsOf(runs: readonly Run[]): Row[] {
  return points(runs).flatMap(({ work, window }) =>
    CLIENTS.flatMap((client) => {
      const at = runsAt(runs, work, window, client);
      if (at.length === 0) return [];
      return {
        work,
        window,
        client,
        opsPerSecond: rounded(median(at.map(opsPerSecond))),
        cpuMicrosPerOp: rounded(median(at.map(cpuMicrosPerOp))),
      };
    }),
  );
}

/** The table: medians with the least and the most, and beside each zk its CPU as a multiple of bare's. */
export function tableOf(runs: readonly Run[]): string {
  const lines = [["work", "window", "client", "ops/s", "CPU µs/op", "(min – max)", "zk / bare"]];
  for (const { work, window } of points(runs)) {
    const bare = median(runsAt(runs, work, window, "bare").map(cpuMicrosPerOp));
    for (const client of CLIENTS) {
      const at = runsAt(runs, work, window, client);
      if (at.length === 0) continue;
      const cpu = at.map(cpuMicrosPerOp);
      lines.push([
        work,
        String(window),
        client,
        median(at.map(opsPerSecond)).toFixed(0),
        median(cpu).toFixed(2),
        `(${Math.min(...cpu).toFixed(2)} – ${Math.max(...cpu).toFixed(2)})`,
        client === "zk" ? (median(cpu) / bare).toFixed(2) : "",
      ]);
    }
  }
  const isText = [true, false, true];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          isText[column] ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Operations a second of one run. */
export function opsPerSecond({ measurement }: Run): number {
  return measurement.operations / measurement.seconds;
}

/** CPU microseconds an operation of one run. */
export function cpuMicrosPerOp({ measurement }: Run): number {
  return measurement.cpuMicros / measurement.operations;
}

function points(runs: readonly Run[]): { readonly work: Work; readonly window: number }[] {
  const seen = new Map(runs.map(({ job: { work, window } }) => [`${work} ${window}`, { work, window }]));
  return [...seen.values()];
}

function runsAt(runs: readonly Run[], work: Work, window: number, client: ClientName): Run[] {
  return runs.filter(({ job }) => job.work === work && job.window === window && job.client === client);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
