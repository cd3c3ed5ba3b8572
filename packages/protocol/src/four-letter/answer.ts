/**
 * Words of the four-letter commands, sent as they are right after connecting; the server answers and closes. `crst` and
 * `srst` reset statistics, `stmk` is followed by 8 bytes and sets the trace mask, `dirs` came with 3.5.1, `hash` with
 * 3.6.0; a server answers nothing to a word it does not know.
 *
 * Source: ZooKeeper 3.4.6, ServerCnxn.java; 3.9.3, FourLetterCommands.java
 */
export const FOUR_LETTER_WORDS = [
  "ruok",
  "srvr",
  "stat",
  "mntr",
  "conf",
  "cons",
  "crst",
  "srst",
  "dump",
  "envi",
  "wchs",
  "wchc",
  "wchp",
  "gtmk",
  "stmk",
  "isro",
  "dirs",
  "hash",
] as const;

/** One of {@link FOUR_LETTER_WORDS}. */
export type FourLetterWord = (typeof FOUR_LETTER_WORDS)[number];

/** An answer without what was asked for. */
export interface NotServing {
  readonly serving: false;
  /**
   * `not-serving`: up, but without a quorum or in an election. `not-in-whitelist`: the word is switched off
   * (`4lw.commands.whitelist`). `unreadable`: nothing at all, or not the answer of a ZooKeeper server.
   */
  readonly reason: "not-serving" | "not-in-whitelist" | "unreadable";
  /** The beginning of the answer, 200 characters at most. */
  readonly text: string;
}

/** What a parser makes of an answer: look at `serving` first. */
export type FourLetterAnswer<T> = ({ readonly serving: true } & T) | NotServing;

/** How a server takes part in its ensemble; `unknown` is any other word. */
export type ServerMode = "leader" | "follower" | "observer" | "standalone" | "read-only" | "unknown";

const TEXT_LENGTH_MAX = 200;
const MODES: readonly string[] = ["leader", "follower", "observer", "standalone", "read-only"];

/** Why an answer holds nothing to parse, null when it does (as far as its first line tells). */
export function refusalOf(text: string): NotServing | null {
  if (text.startsWith("This ZooKeeper instance is not currently serving requests"))
    return refuse("not-serving", text);
  if (/^.{0,80} is not executed because it is not in the whitelist/.test(text))
    return refuse("not-in-whitelist", text);
  return null;
}

/** An answer that is not what its parser expects. */
export function unreadable(text: string): NotServing {
  return refuse("unreadable", text);
}

function refuse(reason: NotServing["reason"], text: string): NotServing {
  return { serving: false, reason, text: text.slice(0, TEXT_LENGTH_MAX).trim() };
}

/** The lines of an answer, without empty ones at the end. */
export function linesOf(text: string): string[] {
  return text.trimEnd().split(/\r?\n/);
}

/** Splits `key SEPARATOR value` lines; a line without the separator is left out. */
export function pairsOf(lines: Iterable<string>, separator: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf(separator);
    if (at > 0) pairs.set(line.slice(0, at), line.slice(at + separator.length).trim());
  }
  return pairs;
}

/** A decimal number, null when there is none. */
export function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^-?\d{1,20}(?:\.\d{1,20})?$/.test(text) ? Number(text) : null;
}

/** A number of up to 64 bits in hexadecimal with 0x in front, as a signed 64-bit number; null when there is none. */
export function hexOf(text: string | undefined): bigint | null {
  return text !== undefined && /^0x[0-9a-f]{1,16}$/i.test(text) ? BigInt.asIntN(64, BigInt(text)) : null;
}

/** The mode a server says it is in. */
export function modeOf(text: string): ServerMode {
  return MODES.includes(text) ? (text as ServerMode) : "unknown";
}

/** `3.4.6` of `3.4.6-1569965, built on 02/20/2014 09:09 GMT`; the whole text when it does not begin with a version. */
export function versionOf(text: string): string {
  return /^\d{1,4}\.\d{1,4}\.\d{1,4}(?:-(?:alpha|beta|rc)[\w.-]{0,20}(?=-))?/.exec(text)?.[0] ?? text;
}
