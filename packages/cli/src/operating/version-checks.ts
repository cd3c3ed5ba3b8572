/** What is known of releases. */
import type { Finding, Severity } from "./findings.js";
import type { ServerFacts } from "./server-facts.js";

interface Known {
  readonly id: string;
  readonly severity: Severity;
  /** Releases that have it: from the first, below the second. */
  readonly ranges: readonly (readonly [from: string, below: string])[];
  readonly message: string;
  readonly fix: string;
  readonly link: string;
}

// Source: the project's security page and the issues named; ranges as published there.
const KNOWN: readonly Known[] = [
  {
    id: "version.cve-2017-5637",
    severity: "warning",
    ranges: [
      ["3.4.0", "3.4.10"],
      ["3.5.0", "3.5.3"],
    ],
    message: "wchp and wchc can be used to exhaust a server",
    fix: "3.4.10 or newer; keep the client port from strangers",
    link: "CVE-2017-5637",
  },
  {
    id: "version.cve-2018-8012",
    severity: "warning",
    ranges: [
      ["3.4.0", "3.4.10"],
      ["3.5.0", "3.5.4"],
    ],
    message: "servers do not authenticate each other: whoever reaches the election port may join",
    fix: "3.4.10 or newer with quorum SASL; keep the ports between servers closed",
    link: "CVE-2018-8012",
  },
  {
    id: "version.cve-2019-0201",
    severity: "warning",
    ranges: [
      ["1.0.0", "3.4.14"],
      ["3.5.0", "3.5.5"],
    ],
    message: "getACL shows the hashes of digest passwords to everybody",
    fix: "3.4.14 or 3.5.5",
    link: "CVE-2019-0201",
  },
  {
    id: "version.cve-2023-44981",
    severity: "warning",
    ranges: [
      ["1.0.0", "3.7.2"],
      ["3.8.0", "3.8.3"],
      ["3.9.0", "3.9.1"],
    ],
    message: "with SASL between servers, one can join without the right name",
    fix: "3.7.2, 3.8.3 or 3.9.1; only where quorum SASL is on",
    link: "CVE-2023-44981",
  },
  {
    id: "version.stmk",
    severity: "info",
    ranges: [["3.4.0", "3.5.1"]],
    message: "the word stmk does not work",
    fix: "nothing; set the trace mask in the log configuration",
    link: "ZOOKEEPER-2227",
  },
  {
    id: "version.end-of-life",
    severity: "info",
    ranges: [["1.0.0", "3.8.0"]],
    message: "the release gets no more fixes",
    fix: "3.8 or 3.9",
    link: "https://zookeeper.apache.org/releases.html",
  },
];

export function checkVersions(servers: readonly ServerFacts[]): Finding[] {
  const byVersion = new Map<string, string[]>();
  for (const { version, server } of servers)
    if (version !== null) byVersion.set(version, [...(byVersion.get(version) ?? []), server]);
  return [...byVersion].flatMap(([version, names]) =>
    KNOWN.filter(({ ranges }) =>
      ranges.some(
        ([from, below]) => compareVersions(version, from) >= 0 && compareVersions(version, below) < 0,
      ),
    ).map(
      ({ id, severity, message, fix, link }): Finding => ({
        id,
        severity,
        message,
        evidence: `${version} on ${names.join(", ")}`,
        fix,
        link,
      }),
    ),
  );
}

/** By numbers; what follows a dash does not count. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((text) => text.split("-")[0]!.split(".").map(Number));
  for (let index = 0; index < 3; index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
