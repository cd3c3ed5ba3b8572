import { type FourLetterAnswer, hexOf, linesOf, numberOf, refusalOf, unreadable } from "./answer.js";

/** What `dump` tells. */
export interface SessionDump {
  /**
   * Every session the server keeps track of. A 3.4 follower keeps track of none and prints the name of a Java object:
   * null there. From 3.5 on followers know them too.
   */
  readonly sessions: readonly bigint[] | null;
  /** Paths of the ephemeral nodes of each session that has any. */
  readonly ephemerals: ReadonlyMap<bigint, readonly string[]>;
}

/** Reads the answer to `dump`. */
export function parseDump(text: string): FourLetterAnswer<SessionDump> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  const lines = linesOf(text);
  const ephemeralsAt = lines.indexOf("ephemeral nodes dump:");
  if (lines[0] !== "SessionTracker dump:" || ephemeralsAt < 0) return unreadable(text);
  const tracker = lines.slice(1, ephemeralsAt);
  // From 3.6 on a dump of connections follows; none of its lines is the id of a session.
  const ephemerals = lines.slice(ephemeralsAt + 1);
  const isKnown = tracker.some((line) => /^(?:Session Sets|Global Sessions|Local Sessions) ?\(/.test(line));
  return {
    serving: true,
    sessions: isKnown ? tracker.flatMap((line) => hexOf(line.trim().split("\t")[0]) ?? []) : null,
    ephemerals: groupsOf(ephemerals, (line) => hexOf(line.replace(/:$/, ""))),
  };
}

/** Reads the answer to `wchs`: how many watches there are. */
export function parseWchs(
  text: string,
): FourLetterAnswer<{ readonly connections: number; readonly paths: number; readonly watches: number }> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  const match = /^(\d{1,15}) connections watching (\d{1,15}) paths\r?\nTotal watches:(\d{1,15})\s*$/.exec(
    text,
  );
  if (match === null) return unreadable(text);
  const [connections, paths, watches] = match.slice(1).map(Number) as [number, number, number];
  return { serving: true, connections, paths, watches };
}

/** Reads the answer to `wchc`: the paths each session watches. */
export function parseWchc(
  text: string,
): FourLetterAnswer<{ readonly pathsBySession: ReadonlyMap<bigint, readonly string[]> }> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  const lines = linesOf(text);
  if (text === "" || lines.some((line) => line !== "" && !line.startsWith("\t") && hexOf(line) === null))
    return unreadable(text);
  return { serving: true, pathsBySession: groupsOf(lines, hexOf) };
}

/** Reads the answer to `wchp`: the sessions that watch each path. */
export function parseWchp(
  text: string,
): FourLetterAnswer<{ readonly sessionsByPath: ReadonlyMap<string, readonly bigint[]> }> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  const lines = linesOf(text);
  if (text === "" || lines.some((line) => line !== "" && !/^(?:\/|\t0x)/.test(line))) return unreadable(text);
  const groups = groupsOf(lines, (line) => (line.startsWith("/") ? line : null));
  const sessionsByPath = new Map<string, readonly bigint[]>();
  for (const [path, sessions] of groups)
    sessionsByPath.set(
      path,
      sessions.flatMap((id) => hexOf(id) ?? []),
    );
  return { serving: true, sessionsByPath };
}

/** Reads the answer to `gtmk` or `stmk`: the trace mask. */
export function parseTraceMask(text: string): FourLetterAnswer<{ readonly mask: number }> {
  const mask = numberOf(text.trim());
  return refusalOf(text) ?? (mask === null ? unreadable(text) : { serving: true, mask });
}

/** Lines that begin with a tab belong to the line above that does not. */
function groupsOf<K>(lines: readonly string[], keyOf: (line: string) => K | null): Map<K, string[]> {
  const groups = new Map<K, string[]>();
  let current: string[] | undefined;
  for (const line of lines) {
    if (line.startsWith("\t")) {
      current?.push(line.slice(1));
      continue;
    }
    const key = keyOf(line);
    current = key === null ? undefined : (groups.get(key) ?? []);
    if (key !== null && current !== undefined) groups.set(key, current);
  }
  return groups;
}
