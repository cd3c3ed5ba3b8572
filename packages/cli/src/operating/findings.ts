/** What is wrong, how bad it is, how that is known, and what to do. */

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One thing that is wrong. */
export interface Finding {
  /** A stable name, `live.no-quorum`. */
  readonly id: string;
  readonly severity: Severity;
  readonly message: string;
  /** What was seen. */
  readonly evidence: string;
  /** What to do. */
  readonly fix: string;
  /** Where to read more; null when there is nothing better than the fix. */
  readonly link: string | null;
  /** The file that it is about, as it was named, and the line where there is one. */
  readonly place?: { readonly file: string; readonly line?: number };
}

/** The severest first. */
export function bySeverity(one: Finding, other: Finding): number {
  return (
    SEVERITIES.indexOf(other.severity) - SEVERITIES.indexOf(one.severity) ||
    (one.id < other.id ? -1 : one.id > other.id ? 1 : 0)
  );
}

export function worst(findings: readonly Finding[]): Severity | undefined {
  return [...findings].sort(bySeverity)[0]?.severity;
}
