import { type FourLetterAnswer, linesOf, numberOf, pairsOf, refusalOf, unreadable } from "./answer.js";

/** What `conf` tells; null is a setting the server did not print. */
export interface ServerSettings {
  readonly serverId: number | null;
  readonly clientPort: number | null;
  readonly tickTimeMs: number | null;
  readonly minSessionTimeoutMs: number | null;
  readonly maxSessionTimeoutMs: number | null;
  readonly maxClientConnections: number | null;
  /** Lines such as `server.1=…` of an ensemble of 3.5 and later. */
  readonly members: ReadonlyMap<string, string>;
  /** Every setting under its own name. */
  readonly values: ReadonlyMap<string, string>;
}

/** Reads the answer to `conf`. */
export function parseConf(text: string): FourLetterAnswer<ServerSettings> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  const values = pairsOf(linesOf(text), "=");
  if (!values.has("clientPort") && !values.has("tickTime")) return unreadable(text);
  return {
    serving: true,
    serverId: numberOf(values.get("serverId")),
    clientPort: numberOf(values.get("clientPort")),
    tickTimeMs: numberOf(values.get("tickTime")),
    minSessionTimeoutMs: numberOf(values.get("minSessionTimeout")),
    maxSessionTimeoutMs: numberOf(values.get("maxSessionTimeout")),
    maxClientConnections: numberOf(values.get("maxClientCnxns")),
    members: new Map([...values].filter(([key]) => /^server\.\d+$/.test(key))),
    values,
  };
}

/** Reads the answer to `envi`. A server gives it even when it is not serving. */
export function parseEnvi(text: string): FourLetterAnswer<{ readonly values: ReadonlyMap<string, string> }> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  const [head, ...lines] = linesOf(text);
  return head === "Environment:" ? { serving: true, values: pairsOf(lines, "=") } : unreadable(text);
}

/** Reads the answer to `dirs` (3.5.1 and later): how much disk the server's files take. */
export function parseDirs(
  text: string,
): FourLetterAnswer<{ readonly dataBytes: number; readonly logBytes: number }> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  const values = pairsOf(linesOf(text), ":");
  const dataBytes = numberOf(values.get("datadir_size"));
  const logBytes = numberOf(values.get("logdir_size"));
  return dataBytes === null || logBytes === null ? unreadable(text) : { serving: true, dataBytes, logBytes };
}

/**
 * Reads the answer to `isro`: `rw` or `ro`. `null` means not serving; and a server without read-only mode has the word
 * switched off by default from 3.5.3 on.
 */
export function parseIsro(text: string): FourLetterAnswer<{ readonly readOnly: boolean }> {
  const word = text.trim();
  if (word === "rw" || word === "ro") return { serving: true, readOnly: word === "ro" };
  if (word === "null") return { serving: false, reason: "not-serving", text: word };
  return refusalOf(text) ?? unreadable(text);
}

/**
 * Reads the answer to `ruok`: whether it is `imok`. That proves a live process and nothing more; a server without a
 * quorum says it too.
 */
export function parseRuok(text: string): boolean {
  return text.trim() === "imok";
}

/** Reads the answer to `crst` or `srst`: whether the statistics were reset. */
export function parseReset(text: string): FourLetterAnswer<unknown> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  return /^(?:Connection|Server) stats reset\.\s*$/.test(text) ? { serving: true } : unreadable(text);
}
