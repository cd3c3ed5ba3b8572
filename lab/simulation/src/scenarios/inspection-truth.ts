/** What there is to be told of locks, read from the ledger: for the scenario that looks at them. Shares no code with the library. */
import type { Inspection, Participant, WaitCircle } from "@zk/recipes";
import type { Ledger } from "../checks/ledger.js";
import { textOf } from "./manners.js";

/** The transactions that were the last at the beginning and at the end of a look. */
export interface Span {
  readonly from: bigint;
  readonly to: bigint;
}

/** See the head of this file. */
export class LineOfTruth {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** What is wrong with what is told of one znode; undefined for nothing. */
  wrongOf(
    { path, role, token, sessionId, createdMs, ageMs, identity, isRevoked }: Participant,
    { from, to }: Span,
    nowMs: number,
  ): string | undefined {
    const is = ROLES.find(({ of }) => of.test(path))?.is ?? "nothing";
    if (!is.includes(role)) return `${path} is a ${role}`;
    const born = this.#ledger.at(path, token);
    if (born?.czxid !== token) return `${path} has no token ${token}`;
    if (born.owner !== sessionId) return `${path} is of session ${born.owner}, not ${sessionId}`;
    if (born.mtimeMs !== createdMs || ageMs !== Math.max(0, nowMs - createdMs))
      return `${path} was made at ${born.mtimeMs}, not at ${createdMs}, ${ageMs} ms ago`;
    const times = [from, token, ...this.#ledger.changesAfter(path, from).map(({ zxid }) => zxid)];
    const isSaid = times
      .filter((zxid) => zxid <= to)
      .map((zxid) => this.#ledger.at(path, zxid))
      .some((node) => node !== null && isSaying(textOf(node.data), identity, isRevoked));
    return isSaid ? undefined : `${path} never said ${identity}${isRevoked ? ", revoked" : ""}`;
  }

  /** Whether those who are told are the line of one moment, but for some that have gone since. */
  wrongLine(
    directory: string,
    told: readonly { readonly path: string }[],
    { from, to }: Span,
  ): string | undefined {
    const times = [from, ...this.#ledger.changesAfter(directory, from).map(({ zxid }) => zxid)];
    const names = told.map(({ path }) => path.slice(directory.length + 1));
    if (times.some((zxid) => zxid <= to && this.#isLineAt(directory, names, zxid, to))) return undefined;
    const lines = times.map((zxid) => this.#lineAt(directory, zxid).join(" "));
    return `${names.join(" ")} was never the line, of ${[...new Set(lines)].join(" | ")}`;
  }

  /** The path of whoever is first; undefined for nobody. */
  firstAt(directory: string, zxid: bigint): string | undefined {
    const [name] = this.#lineAt(directory, zxid);
    return name === undefined ? undefined : `${directory}/${name}`;
  }

  #isLineAt(directory: string, told: readonly string[], zxid: bigint, to: bigint): boolean {
    let next = 0;
    for (const name of this.#lineAt(directory, zxid, told)) {
      if (name === told[next]) next += 1;
      else if (!this.#isGone(`${directory}/${name}`, zxid, to)) return false;
    }
    return next === told.length;
  }

  #isGone(path: string, from: bigint, to: bigint): boolean {
    return this.#ledger.changesAfter(path, from).some(({ kind, zxid }) => kind === "deleted" && zxid <= to);
  }

  /** Contenders by their number, permits of kazoo by their age; those of one transaction in any order, such as this one. */
  #lineAt(directory: string, zxid: bigint, any: readonly string[] = []): string[] {
    const place = (name: string): bigint =>
      /^[0-9a-f]{32}$/.test(name)
        ? (this.#ledger.at(`${directory}/${name}`, zxid)?.czxid ?? 0n)
        : BigInt(name.slice(-10));
    return (this.#ledger.at(directory, zxid)?.children ?? [])
      .filter((name) => /([0-9]{10}|^[0-9a-f]{32})$/.test(name))
      .sort((one, other) => {
        const [first, second] = [place(one), place(other)];
        if (first === second) return any.indexOf(one) - any.indexOf(other);
        return first < second ? -1 : 1;
      });
  }
}

/** What is wrong with whom they are told to wait for, in a line of which the first may wait for permits; undefined for nothing. */
export function describe(line: readonly Participant[], permits: readonly Participant[]): string | undefined {
  const isDoor = line.length > 0 && line[0]?.path.includes("lock__/") === true;
  for (const [index, { path, role, state, waitsFor }] of line.entries()) {
    const ahead = line.slice(0, index).filter((each) => role !== "read" || each.role !== "read");
    const nearest = ahead.at(-1);
    const expected = nearest === undefined ? permits.map((each) => each.path) : [nearest.path];
    if (waitsFor.join() !== expected.join())
      return `${path} waits for ${waitsFor.join() || "nobody"}, not for ${expected.join() || "nobody"}`;
    const waits = expected.length > 0 || isDoor || path.includes("/locks/");
    if (state !== (waits ? "waits" : "holds")) return `${path} ${state}`;
  }
  const eager = permits.find(({ state }) => state !== "holds");
  return eager === undefined ? undefined : `${eager.path} ${eager.state}`;
}

/** What is wrong with the circles that are told of what was seen; undefined for nothing. */
export function circlesWrong(
  seen: readonly Inspection[],
  circles: readonly WaitCircle[],
): string | undefined {
  const all = seen.flatMap(({ participants }) => participants);
  const owner = new Map(all.map(({ path, sessionId }) => [path, sessionId]));
  const waitsFor = (session: bigint): Set<bigint> => {
    const targets = all.filter((each) => each.sessionId === session).flatMap((each) => each.waitsFor);
    return new Set(targets.map((path) => owner.get(path) as bigint).filter((each) => each !== session));
  };
  for (const { sessions, waiting } of circles) {
    for (const [index, session] of sessions.entries()) {
      const path = waiting[index] as string;
      const next = sessions[(index + 1) % sessions.length] as bigint;
      const goesOn = all
        .find((each) => each.path === path)
        ?.waitsFor.some((target) => owner.get(target) === next);
      if (owner.get(path) !== session || goesOn !== true)
        return `there is no circle from ${session} to ${next}`;
    }
  }
  const told = new Set(circles.flatMap(({ sessions }) => sessions));
  for (const session of new Set(owner.values())) {
    const reached = new Set<bigint>();
    const open = [...waitsFor(session)];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      open.push(...waitsFor(next));
    }
    // Of circles that touch each other one is enough to be told.
    if (reached.has(session) && ![...reached].some((each) => told.has(each)))
      return `${session} waits for itself, and no circle is told`;
  }
  return undefined;
}

/** A lock of kazoo's beside readers of kazoo's is a writer. */
const ROLES: readonly { readonly of: RegExp; readonly is: string }[] = [
  { of: /-lock-\d{10}$/, is: "lock" },
  { of: /__lock__\d{10}$/, is: "lock or write" },
  { of: /__(READ|rlock)__\d{10}$/, is: "read" },
  { of: /__WRIT__\d{10}$/, is: "write" },
  { of: /-latch-\d{10}$/, is: "latch" },
  { of: /(-lease-\d{10}|\/[0-9a-f]{32})$/, is: "lease" },
];

function isSaying(text: string, identity: string | undefined, isRevoked: boolean): boolean {
  if (text === "__REVOKE__") return isRevoked && identity === undefined;
  if (isRevoked) return false;
  return text.startsWith("{")
    ? (JSON.parse(text) as { readonly identity: string }).identity === identity
    : text === identity;
}
