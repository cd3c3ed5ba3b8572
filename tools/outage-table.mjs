// The figures of the failover suite: lines `outage: WHAT: N ms` in, a table of minimum, median and maximum out.

/**
 * What one line of output says.
 * @param {string} line
 * @returns {{ readonly what: string, readonly ms: number } | undefined} undefined for a line that is no figure
 */
export function outageOf(line) {
  // vitest colours what tests print when it writes to a terminal.
  const plain = line.replaceAll(colour, "");
  const match = /^outage: (.+): (\d+) ms$/.exec(plain.trimEnd());
  return match === null ? undefined : { what: String(match[1]), ms: Number(match[2]) };
}

const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/**
 * Milliseconds as a table, one row for each test's figure, in the order in which they came first.
 * @param {ReadonlyMap<string, readonly number[]>} figures
 */
export function outageTable(figures) {
  const head = ["outage", "runs", "min", "median", "max"];
  const rows = [...figures].map(([what, values]) => {
    const sorted = [...values].sort((a, b) => a - b);
    return [what, sorted.length, sorted[0] ?? 0, median(sorted), sorted.at(-1) ?? 0].map(String);
  });
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

/**
 * The middle one, or the rounded mean of the two in the middle.
 * @param {readonly number[]} sorted
 */
function median(sorted) {
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1] ?? 0, sorted[Math.floor(middle)] ?? 0];
  return Math.round((low + high) / 2);
}
