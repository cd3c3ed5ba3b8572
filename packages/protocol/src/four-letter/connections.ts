import { type FourLetterAnswer, hexOf, linesOf, numberOf, refusalOf, unreadable } from "./answer.js";

/** One connection of a server. All but the first five come from `cons` alone, and only for connections with a session. */
export interface ClientConnection {
  /** Host address of the client; IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  readonly queued: number | null;
  readonly packetsReceived: number | null;
  readonly packetsSent: number | null;
  readonly sessionId: bigint | null;
  /** Negotiated session timeout. */
  readonly sessionTimeoutMs: number | null;
  /** When the connection was made, in ms since 1970 by the server's clock. */
  readonly establishedMs: number | null;
  /** The server's four letters for the last operation, such as `GETD`; `NA` when there was none. */
  readonly lastOperation: string | null;
  readonly lastZxid: bigint | null;
  /**
   * When the last answer went out, pings included, by a clock of the server: in ms since 1970 before 3.5, and since some moment of
   * its own from 3.5 on. Two of one server can be compared. Source: ZooKeeper 3.4.6, NIOServerCnxn.java, dumpConnectionInfo.
   */
  readonly lastResponseMs: number | null;
  readonly latencyMinMs: number | null;
  readonly latencyAverageMs: number | null;
  readonly latencyMaxMs: number | null;
}

/** Reads the answer to `cons`. */
export function parseCons(
  text: string,
): FourLetterAnswer<{ readonly connections: readonly ClientConnection[] }> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  if (text === "") return unreadable(text);
  const connections: ClientConnection[] = [];
  for (const line of linesOf(text)) {
    if (line === "") continue;
    const connection = connectionOf(line);
    if (connection === null) return unreadable(text);
    connections.push(connection);
  }
  return { serving: true, connections };
}

/** A line such as ` /127.0.0.1:50000[1](queued=0,recved=5,sent=5,sid=0x1,…)`; null when it is none. */
export function connectionOf(line: string): ClientConnection | null {
  const match = /^ ?\/?(.{1,100}):(\d{1,5})\[[^\]]{0,10}\]\(([^)]{0,1000})\)$/.exec(line);
  if (match === null) return null;
  const [, address = "", port = "", list = ""] = match;
  const values = new Map(list.split(",").map((pair) => pair.split("=", 2) as [string, string]));
  return {
    address: address.replace(/^\[|\]$/g, ""),
    port: Number(port),
    queued: numberOf(values.get("queued")),
    packetsReceived: numberOf(values.get("recved")),
    packetsSent: numberOf(values.get("sent")),
    sessionId: hexOf(values.get("sid")),
    sessionTimeoutMs: numberOf(values.get("to")),
    establishedMs: numberOf(values.get("est")),
    lastOperation: values.get("lop") ?? null,
    lastZxid: hexOf(values.get("lzxid")),
    lastResponseMs: numberOf(values.get("lresp")),
    latencyMinMs: numberOf(values.get("minlat")),
    latencyAverageMs: numberOf(values.get("avglat")),
    latencyMaxMs: numberOf(values.get("maxlat")),
  };
}
