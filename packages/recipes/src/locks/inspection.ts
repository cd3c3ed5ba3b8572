/** Who has a lock and who waits for whom, worked out of the names of contenders and what was read of them. Pure. */
import { type Contender, inOrder, parseContender } from "../core/sequence.js";

/** What a contender is after. A contender of a mutex and of an election may be called alike. */
export type InspectedRole = "lock" | "read" | "write" | "latch" | "lease";

/** Somebody who has something, or waits for it. */
export interface Participant {
  /** The znode that stands for it. */
  readonly path: string;
  readonly role: InspectedRole;
  /** The library whose names these are: `curator`, `kazoo`, `zk-ruby`, `zookeeper-java`, `zookeeper-docs`. */
  readonly dialect: string;
  /** What it says of itself; undefined if that is no text, or was replaced by a request to give back what it has. */
  readonly identity: string | undefined;
  /** Whether it was asked to give back what it has. */
  readonly isRevoked: boolean;
  /** The session that owns it; 0n for a znode that outlives sessions. */
  readonly sessionId: bigint;
  /** The zxid that created it: its fencing token. */
  readonly token: bigint;
  /** When it was created, by the servers' clock: milliseconds since 1970. */
  readonly createdMs: number;
  /** Milliseconds since then; by the clock of this machine, unless told what time it is. Never negative. */
  readonly ageMs: number;
  readonly state: "holds" | "waits";
  /** The znodes that it waits for. */
  readonly waitsFor: readonly string[];
}

/** A contender and to which line it belongs. */
export interface Classified {
  readonly contender: Contender;
  readonly role: InspectedRole;
  readonly dialect: string;
  /** Contenders of one line wait for each other, and for nobody else. */
  readonly line: string;
}

const LINES: readonly {
  readonly is: RegExp;
  readonly base: string;
  readonly role: InspectedRole;
  readonly dialect: string;
  readonly line: string;
}[] = [
  { is: /^(.*-)?lock-$/, base: "lock-", role: "lock", dialect: "curator", line: "curator lock" },
  { is: /^(.*-)?latch-$/, base: "latch-", role: "latch", dialect: "curator", line: "curator latch" },
  { is: /^(.*-)?lease-$/, base: "lease-", role: "lease", dialect: "curator", line: "curator lease" },
  { is: /^(.*-)?__READ__$/, base: "__READ__", role: "read", dialect: "curator", line: "curator rw" },
  { is: /^(.*-)?__WRIT__$/, base: "__WRIT__", role: "write", dialect: "curator", line: "curator rw" },
  { is: /^[0-9a-f]{32}__rlock__$/, base: "__rlock__", role: "read", dialect: "kazoo", line: "kazoo" },
  { is: /^[0-9a-f]{32}__lock__$/, base: "__lock__", role: "lock", dialect: "kazoo", line: "kazoo" },
  { is: /^ex$/, base: "ex", role: "write", dialect: "zk-ruby", line: "zk-ruby" },
  { is: /^sh$/, base: "sh", role: "read", dialect: "zk-ruby", line: "zk-ruby" },
  { is: /^x--?\d+-$/, base: "-", role: "lock", dialect: "zookeeper-java", line: "zookeeper-java" },
  { is: /^(.*-)?read-$/, base: "read-", role: "read", dialect: "zookeeper-docs", line: "docs rw" },
  { is: /^(.*-)?write-$/, base: "write-", role: "write", dialect: "zookeeper-docs", line: "docs rw" },
  { is: /^(.*-)?n_$/, base: "n_", role: "latch", dialect: "zookeeper-docs", line: "docs latch" },
];

/** Sorts children into contenders, in order, and others. */
export function classify(names: readonly string[]): {
  readonly contenders: readonly Classified[];
  readonly foreign: readonly string[];
} {
  const known = new Map<string, Classified>();
  const foreign: string[] = [];
  for (const name of names) {
    const found = classifyOne(name);
    if (found === undefined) foreign.push(name);
    else known.set(name, found);
  }
  // A kazoo lock beside kazoo's readers is a writer.
  const kazooReads = [...known.values()].some(({ line, role }) => line === "kazoo" && role === "read");
  const ordered = inOrder([...known.values()].map(({ contender }) => contender));
  const contenders = ordered.map(({ name }) => {
    const found = known.get(name) as Classified;
    return kazooReads && found.line === "kazoo" && found.role === "lock"
      ? { ...found, role: "write" as const }
      : found;
  });
  return { contenders, foreign };
}

function classifyOne(name: string): Classified | undefined {
  for (const { is, base, role, dialect, line } of LINES) {
    const contender = parseContender(name, base);
    if (contender !== undefined && is.test(contender.prefix)) return { contender, role, dialect, line };
  }
  return undefined;
}

/** The contender that each waits for, by name; undefined for those who have what they want. @param contenders in order */
export function blockers(contenders: readonly Classified[]): ReadonlyMap<string, string | undefined> {
  return new Map(
    contenders.map(({ contender, role, line }, index) => {
      if (role === "lease") return [contender.name, undefined];
      const blocker = contenders
        .slice(0, index)
        .findLast((ahead) => ahead.line === line && (role !== "read" || ahead.role !== "read"));
      return [contender.name, blocker?.contender.name];
    }),
  );
}

/** What a contender says of itself. */
export function identityOf(data: Uint8Array | null): {
  readonly identity: string | undefined;
  readonly isRevoked: boolean;
} {
  const nothing = { identity: undefined, isRevoked: false };
  if (data === null) return nothing;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    return nothing;
  }
  if (text === "__REVOKE__") return { identity: undefined, isRevoked: true };
  if (!text.startsWith("{")) return { identity: text, isRevoked: false };
  try {
    const { identity } = JSON.parse(text) as Record<string, unknown>;
    return { identity: typeof identity === "string" ? identity : text, isRevoked: false };
  } catch {
    return { identity: text, isRevoked: false };
  }
}

/** Sessions that wait for each other in a circle: none of them will ever get what it wants. */
export interface WaitCircle {
  /** Each waits for something that the next one has, the last for something of the first. */
  readonly sessions: readonly bigint[];
  /** The znodes with which they wait, in the same order. */
  readonly waiting: readonly string[];
}

/**
 * Circles in who waits for whom, over several locks. A hint and no proof: parts of one program that have nothing to do with each
 * other may use one session, and what was read of different places is of different moments.
 *
 * @param inspections each of another path; see {@link inspect}
 */
export function waitCircles(
  inspections: readonly { readonly participants: readonly Participant[] }[],
): readonly WaitCircle[] {
  const all = inspections.flatMap(({ participants }) => participants);
  const ownerOf = new Map(all.map(({ path, sessionId }) => [path, sessionId]));
  const edges = new Map<bigint, { readonly to: bigint; readonly by: string }[]>();
  for (const { path, sessionId, waitsFor } of all) {
    for (const target of waitsFor) {
      const to = ownerOf.get(target);
      if (to === undefined || to === 0n || to === sessionId) continue;
      edges.set(sessionId, [...(edges.get(sessionId) ?? []), { to, by: path }]);
    }
  }
  const circles: WaitCircle[] = [];
  const done = new Set<bigint>();
  const walk = (session: bigint, way: { readonly session: bigint; readonly by: string }[]): void => {
    const begun = way.findIndex((step) => step.session === session);
    if (begun >= 0) {
      const circle = way.slice(begun);
      circles.push({ sessions: circle.map((step) => step.session), waiting: circle.map(({ by }) => by) });
      return;
    }
    if (done.has(session)) return;
    for (const { to, by } of edges.get(session) ?? []) walk(to, [...way, { session, by }]);
    done.add(session);
  };
  for (const session of edges.keys()) walk(session, []);
  return circles;
}
