/**
 * The hammer: many contenders take one mutex again and again, and each writes into one log when it enters and when it leaves.
 * The log alone then shows whether two were ever in at once.
 *
 * A line is added by reading the log's znode and writing it back at the version that was read, so that no line is lost and the
 * lines stand in their true order, whether the mutex works or not. A full znode is moved to a child `part-…` in the transaction
 * that adds the next line. The lines are `+ HOLDER SEQUENCE CZXID` on entering and `- HOLDER SEQUENCE` on leaving, with the
 * sequence number and the czxid of the contender's own znode. The children of this file in Java and Python are
 * `java/Hammer.java` and `python/hammer.py`.
 */

/** What one contender is to do. */
export interface HammerPlan {
  /** A znode that exists and is empty at first. */
  readonly logPath: string;
  /** Who it is in the log: no blanks, different for each contender. */
  readonly holder: string;
  /** How often at least. */
  readonly rounds: number;
  /** Goes on until this znode exists, so that nobody is done before the others have begun. */
  readonly untilPath?: string;
  /** Whether each line is written only while the contender's own znode is there (false). */
  readonly guarded?: boolean;
  /** Limit for one wait, in milliseconds (60 000). */
  readonly roundTimeoutMs?: number;
  /** Limit for all, in milliseconds (120 000). */
  readonly timeoutMs?: number;
}

/** Limit for all rounds of a contender unless told. */
export const hammerTimeoutMs = 120_000;

/** What one contender has to tell. The log is the proof; this is not. */
export interface HammerCount {
  readonly acquired: number;
  /** Writes that somebody else's came before. Among those who exclude each other there are none. */
  readonly conflicts: number;
}

/** Reads znodes: a part of `@zk/client`. */
export interface LogReader {
  getData(path: string): Promise<{ readonly data: Uint8Array | null }>;
  getChildren(path: string): Promise<readonly string[]>;
}

/** The most bytes that the log's own znode holds. The children of this file have the same number. */
export const logBytesMax = 16_384;

/** The whole log. */
export async function readHammerLog(client: LogReader, path: string): Promise<string> {
  const children = await client.getChildren(path);
  const parts = [...children].sort().map((name) => `${path}/${name}`);
  const all = await Promise.all([...parts, path].map((part) => client.getData(part)));
  return all.map(({ data }) => new TextDecoder().decode(data ?? new Uint8Array())).join("");
}

/** What a log shows. */
export interface HammerFindings {
  readonly acquisitions: number;
  /** Acquisitions by holder. */
  readonly holders: Readonly<Record<string, number>>;
  /** Entries while another was in. */
  readonly overlaps: readonly string[];
  /** Tokens (czxid) that were not above all tokens before them. */
  readonly staleTokens: readonly string[];
  /** Lines that make no sense: leaving without having entered, entering twice, what is no line at all. */
  readonly nonsense: readonly string[];
  /** Who entered and never left. */
  readonly inside: readonly string[];
}

/**
 * Reads a log.
 * @param dead holders that were killed: whoever comes after such a one need not wait for its leaving
 */
export function judgeHammerLog(log: string, dead: ReadonlySet<string> = new Set()): HammerFindings {
  const holders: Record<string, number> = {};
  const overlaps: string[] = [];
  const staleTokens: string[] = [];
  const nonsense: string[] = [];
  const inside = new Map<string, string>();
  let highest = -1n;
  const lines = log.split("\n");
  // The last line has an end as well.
  if (lines.pop() !== "") nonsense.push("the log does not end with a line's end");
  for (const [index, text] of lines.entries()) {
    const line = /^(?:(\+) (\S+) (-?\d+) (\d+)|(-) (\S+) (-?\d+))$/.exec(text);
    const at = `line ${index + 1}: ${text}`;
    if (line === null) {
      nonsense.push(at);
    } else if (line[1] === "+") {
      const [holder, sequence, token] = [line[2]!, line[3]!, BigInt(line[4]!)];
      if (inside.has(holder) && !dead.has(holder)) nonsense.push(at);
      const others = [...inside.keys()].filter((other) => other !== holder && !dead.has(other));
      if (others.length > 0) overlaps.push(`${at}, while ${others.join(", ")} was in`);
      if (token <= highest) staleTokens.push(at);
      else highest = token;
      inside.set(holder, sequence);
      holders[holder] = (holders[holder] ?? 0) + 1;
    } else {
      const [holder, sequence] = [line[6]!, line[7]!];
      if (inside.get(holder) !== sequence) nonsense.push(at);
      inside.delete(holder);
    }
  }
  const acquisitions = Object.values(holders).reduce((sum, count) => sum + count, 0);
  return {
    acquisitions,
    holders,
    overlaps,
    staleTokens,
    nonsense,
    inside: [...inside.keys()].filter((holder) => !dead.has(holder)),
  };
}
