/** What a run shows: everything the servers said, told so that two runs of one schedule can be compared. */

/** One value of an answer, by its name in the server's schema. */
export type Field = readonly [name: string, value: string];

/** One thing that a server did. */
export interface TraceEntry {
  /** The operation during which it was seen; for a notification, the one of the same slot whose answer came next. */
  readonly step: number;
  /** The connection: `s1#2` is the second one of slot 1; `tree` for what the znodes are at the end. */
  readonly lane: string;
  /** `reply`, `event`, `connected`, `closed`, `silence`, `node` … */
  readonly what: string;
  readonly fields: readonly Field[];
}

/** Everything in order: by step, then by connection, then as it came. */
export type Trace = readonly TraceEntry[];

/** Where two traces part. */
export interface Difference {
  readonly step: number;
  /** Place in the traces of the first entries that differ. */
  readonly index: number;
  readonly expected: TraceEntry | undefined;
  readonly actual: TraceEntry | undefined;
}

/** The first difference; undefined when there is none. */
export function compareTraces(expected: Trace, actual: Trace): Difference | undefined {
  const length = Math.max(expected.length, actual.length);
  for (let index = 0; index < length; index++) {
    const left = expected[index];
    const right = actual[index];
    if (left !== undefined && right !== undefined && areEqual(left, right)) continue;
    const step = Math.min(left?.step ?? Number.POSITIVE_INFINITY, right?.step ?? Number.POSITIVE_INFINITY);
    return { step, index, expected: left, actual: right };
  }
  return undefined;
}

/** Brings entries of several connections into the one order of a {@link Trace}. */
export function ordered(entries: TraceEntry[]): Trace {
  const place = new Map(entries.map((entry, index) => [entry, index]));
  return entries.sort(
    (a, b) =>
      a.step - b.step ||
      (a.lane < b.lane ? -1 : a.lane > b.lane ? 1 : 0) ||
      (place.get(a) as number) - (place.get(b) as number),
  );
}

/** One line. */
export function formatEntry(entry: TraceEntry | undefined): string {
  if (entry === undefined) return "nothing";
  const fields = entry.fields.map(([name, value]) => `${name}=${value}`).join(" ");
  return `${entry.lane} ${entry.what}${fields === "" ? "" : ` ${fields}`}`;
}

function areEqual(a: TraceEntry, b: TraceEntry): boolean {
  if (a.step !== b.step || a.lane !== b.lane || a.what !== b.what) return false;
  if (a.fields.length !== b.fields.length) return false;
  return a.fields.every(([name, value], index) => {
    const other = b.fields[index];
    return other !== undefined && other[0] === name && other[1] === value;
  });
}
