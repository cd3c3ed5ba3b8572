import {
  type FourLetterAnswer,
  hexOf,
  linesOf,
  modeOf,
  numberOf,
  pairsOf,
  refusalOf,
  type ServerMode,
  unreadable,
  versionOf,
} from "./answer.js";
import { type ClientConnection, connectionOf } from "./connections.js";

/** What `srvr` tells. Counters begin at the server's start or its last `srst`; null is a line that was not there. */
export interface ServerStatistics {
  /** Such as `3.4.6`. */
  readonly version: string;
  /** The whole version line, such as `3.4.6-1569965, built on 02/20/2014 09:09 GMT`. */
  readonly build: string;
  readonly mode: ServerMode;
  /** The last zxid the server has applied. */
  readonly zxid: bigint | null;
  readonly latencyMinMs: number | null;
  readonly latencyAverageMs: number | null;
  readonly latencyMaxMs: number | null;
  readonly packetsReceived: number | null;
  readonly packetsSent: number | null;
  /** Open connections, the one that asked among them. */
  readonly connections: number | null;
  readonly outstandingRequests: number | null;
  readonly nodeCount: number | null;
}

/** Reads the answer to `srvr`. */
export function parseSrvr(text: string): FourLetterAnswer<ServerStatistics> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  const pairs = pairsOf(linesOf(text), ": ");
  const build = pairs.get("Zookeeper version");
  const mode = pairs.get("Mode");
  if (build === undefined || mode === undefined) return unreadable(text);
  const [latencyMin, latencyAverage, latencyMax] = (pairs.get("Latency min/avg/max") ?? "").split("/");
  return {
    serving: true,
    version: versionOf(build),
    build,
    mode: modeOf(mode),
    zxid: hexOf(pairs.get("Zxid")),
    latencyMinMs: numberOf(latencyMin),
    latencyAverageMs: numberOf(latencyAverage),
    latencyMaxMs: numberOf(latencyMax),
    packetsReceived: numberOf(pairs.get("Received")),
    packetsSent: numberOf(pairs.get("Sent")),
    connections: numberOf(pairs.get("Connections")),
    outstandingRequests: numberOf(pairs.get("Outstanding")),
    nodeCount: numberOf(pairs.get("Node count")),
  };
}

/** Reads the answer to `stat`: that of `srvr` with a list of connections in it. */
export function parseStat(
  text: string,
): FourLetterAnswer<ServerStatistics & { readonly clients: readonly ClientConnection[] }> {
  const statistics = parseSrvr(text);
  if (!statistics.serving) return statistics;
  return { ...statistics, clients: linesOf(text).flatMap((line) => connectionOf(line) ?? []) };
}

/** What `mntr` tells. The keys differ much from version to version; `values` has them all, without `zk_` in front. */
export interface MonitorValues {
  /** Such as `3.4.6`. */
  readonly version: string;
  readonly mode: ServerMode;
  readonly nodeCount: number | null;
  readonly watchCount: number | null;
  readonly ephemeralsCount: number | null;
  readonly connections: number | null;
  readonly outstandingRequests: number | null;
  /** Followers and observers a leader has, null elsewhere. The key is `followers` up to 3.5, `learners` later. */
  readonly followers: number | null;
  /** Followers that are in step with this leader, null elsewhere. */
  readonly syncedFollowers: number | null;
  readonly values: ReadonlyMap<string, string>;
}

/** Reads the answer to `mntr`. */
export function parseMntr(text: string): FourLetterAnswer<MonitorValues> {
  const refusal = refusalOf(text);
  if (refusal !== null) return refusal;
  const values = new Map<string, string>();
  for (const [key, value] of pairsOf(linesOf(text), "\t")) values.set(key.replace(/^zk_/, ""), value);
  const version = values.get("version");
  const mode = values.get("server_state");
  if (version === undefined || mode === undefined) return unreadable(text);
  return {
    serving: true,
    version: versionOf(version),
    mode: modeOf(mode),
    nodeCount: numberOf(values.get("znode_count")),
    watchCount: numberOf(values.get("watch_count")),
    ephemeralsCount: numberOf(values.get("ephemerals_count")),
    connections: numberOf(values.get("num_alive_connections")),
    outstandingRequests: numberOf(values.get("outstanding_requests")),
    followers: numberOf(values.get("followers") ?? values.get("learners")),
    syncedFollowers: numberOf(values.get("synced_followers")),
    values,
  };
}
