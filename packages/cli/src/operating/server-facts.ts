/**
 * What one server can be made to tell, from the first source that speaks: `mntr`, `srvr`, the admin server (3.5 and newer),
 * and last what a session sees. Where words are whitelisted away the facts say so instead of looking like a dead server.
 */
import { parseMntr, parseSrvr, type ServerMode } from "@zk/protocol";
import type { ServerConnection } from "../session/servers.js";
import type { WordAnswer } from "../session/words.js";

/** Where facts come from. `none`: the server does not answer at all. */
export type FactSource = "mntr" | "srvr" | "admin" | "session" | "none";

/** One server at one moment; null is what its source does not tell. */
export interface ServerFacts {
  readonly server: string;
  readonly source: FactSource;
  /** Why there is no better source; null when there is nothing to say. */
  readonly why: string | null;
  /** `serving`, `not-serving` (it answers, and has no quorum) or `down`. */
  readonly state: "serving" | "not-serving" | "down";
  readonly mode: ServerMode | null;
  readonly version: string | null;
  readonly zxid: bigint | null;
  readonly answerMs: number | null;
  readonly latencyMinMs: number | null;
  readonly latencyAverageMs: number | null;
  readonly latencyMaxMs: number | null;
  readonly connections: number | null;
  readonly outstanding: number | null;
  readonly received: number | null;
  readonly sent: number | null;
  readonly nodes: number | null;
  readonly watches: number | null;
  readonly ephemerals: number | null;
  readonly dataBytes: number | null;
  readonly openFiles: number | null;
  readonly maxFiles: number | null;
  readonly followers: number | null;
  readonly syncedFollowers: number | null;
}

/** How far a look may go. */
export interface ProbeOptions {
  /** Port of the admin server. Default 8080; 0 for not asking it. */
  readonly adminPort: number;
  readonly signal: AbortSignal;
  /** Opens and closes a session with this server alone; resolves to whether it did. */
  readonly trySession: (server: ServerConnection) => Promise<boolean>;
}

const nothing = {
  mode: null,
  version: null,
  zxid: null,
  answerMs: null,
  latencyMinMs: null,
  latencyAverageMs: null,
  latencyMaxMs: null,
  connections: null,
  outstanding: null,
  received: null,
  sent: null,
  nodes: null,
  watches: null,
  ephemerals: null,
  dataBytes: null,
  openFiles: null,
  maxFiles: null,
  followers: null,
  syncedFollowers: null,
} as const;

/** Milliseconds that the admin server has for its answer. */
const ADMIN_LIMIT_MS = 1_000;

/** Never rejects. */
export async function probeServer(server: ServerConnection, options: ProbeOptions): Promise<ServerFacts> {
  const [monitor, statistics] = await Promise.all([server.ask("mntr"), server.ask("srvr")]);
  const fromWords = factsOfWords(server.name, monitor, statistics);
  if (fromWords !== undefined) return fromWords;
  const isBarred = monitor.kind === "notAllowed" || statistics.kind === "notAllowed";
  const refused = statistics.kind === "silent" ? statistics.reason : "";
  if (!isBarred && /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN/.test(refused)) {
    return { server: server.name, source: "none", why: refused, state: "down", ...nothing };
  }
  const why = isBarred
    ? "mntr and srvr are not on its whitelist (4lw.commands.whitelist)"
    : `no word is answered: ${refused}`;
  const fromAdmin = await askAdmin(server, options, why);
  if (fromAdmin !== undefined) return fromAdmin;
  const isThere = await options.trySession(server);
  return {
    server: server.name,
    source: isThere ? "session" : "none",
    why,
    state: isThere ? "serving" : isBarred ? "not-serving" : "down",
    ...nothing,
  };
}

function factsOfWords(name: string, monitor: WordAnswer, statistics: WordAnswer): ServerFacts | undefined {
  const srvr = statistics.kind === "answer" ? parseSrvr(statistics.text) : undefined;
  const mntr = monitor.kind === "answer" ? parseMntr(monitor.text) : undefined;
  const answerMs =
    statistics.kind === "answer" ? statistics.ms : monitor.kind === "answer" ? monitor.ms : null;
  const value = (key: string): number | null => {
    if (mntr?.serving !== true) return null;
    const text = mntr.values.get(key);
    const number = text === undefined ? Number.NaN : Number(text);
    return Number.isFinite(number) ? number : null;
  };
  const barred = (answer: WordAnswer, word: string): string | null =>
    answer.kind === "notAllowed" ? `${word} is not on its whitelist` : null;
  if (srvr?.serving === true || mntr?.serving === true) {
    const statistic = srvr?.serving === true ? srvr : undefined;
    const values = mntr?.serving === true ? mntr : undefined;
    return {
      server: name,
      source: values === undefined ? "srvr" : "mntr",
      why: values === undefined ? barred(monitor, "mntr") : barred(statistics, "srvr"),
      state: "serving",
      mode: statistic?.mode ?? values?.mode ?? null,
      version: statistic?.version ?? values?.version ?? null,
      zxid: statistic?.zxid ?? null,
      answerMs,
      latencyMinMs: statistic?.latencyMinMs ?? value("min_latency"),
      latencyAverageMs: statistic?.latencyAverageMs ?? value("avg_latency"),
      latencyMaxMs: statistic?.latencyMaxMs ?? value("max_latency"),
      connections: statistic?.connections ?? values?.connections ?? null,
      outstanding: statistic?.outstandingRequests ?? values?.outstandingRequests ?? null,
      received: statistic?.packetsReceived ?? value("packets_received"),
      sent: statistic?.packetsSent ?? value("packets_sent"),
      nodes: statistic?.nodeCount ?? values?.nodeCount ?? null,
      watches: values?.watchCount ?? null,
      ephemerals: values?.ephemeralsCount ?? null,
      dataBytes: value("approximate_data_size"),
      openFiles: value("open_file_descriptor_count"),
      maxFiles: value("max_file_descriptor_count"),
      followers: values?.followers ?? null,
      syncedFollowers: values?.syncedFollowers ?? null,
    };
  }
  // It answers, and says that it does not serve.
  const refusal = [srvr, mntr].find((answer) => answer !== undefined && !answer.serving);
  if (refusal === undefined) return undefined;
  return {
    server: name,
    source: "srvr",
    why: "it answers, and has no quorum",
    state: "not-serving",
    ...nothing,
    answerMs,
  };
}

async function askAdmin(
  server: ServerConnection,
  options: ProbeOptions,
  why: string,
): Promise<ServerFacts | undefined> {
  if (options.adminPort === 0) return undefined;
  try {
    const host = server.host.includes(":") ? `[${server.host}]` : server.host;
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(ADMIN_LIMIT_MS)]);
    const answer = await fetch(`http://${host}:${options.adminPort}/commands/monitor`, { signal });
    const values = (await answer.json()) as Record<string, unknown>;
    const mode = String(values["server_state"] ?? "");
    if (mode === "") return undefined;
    const number = (key: string): number | null =>
      typeof values[key] === "number" ? (values[key] as number) : null;
    return {
      server: server.name,
      source: "admin",
      why,
      state: "serving",
      ...nothing,
      mode: ["leader", "follower", "observer", "standalone"].includes(mode)
        ? (mode as ServerMode)
        : "unknown",
      version: String(values["version"] ?? "").split("-")[0] || null,
      latencyMinMs: number("min_latency"),
      latencyAverageMs: number("avg_latency"),
      latencyMaxMs: number("max_latency"),
      connections: number("num_alive_connections"),
      outstanding: number("outstanding_requests"),
      received: number("packets_received"),
      sent: number("packets_sent"),
      nodes: number("znode_count"),
      watches: number("watch_count"),
      ephemerals: number("ephemerals_count"),
      dataBytes: number("approximate_data_size"),
      openFiles: number("open_file_descriptor_count"),
      maxFiles: number("max_file_descriptor_count"),
      followers: number("followers") ?? number("learners"),
      syncedFollowers: number("synced_followers"),
    };
  } catch {
    // Nobody listens there, or it is no admin server: the next source is asked.
    return undefined;
  }
}

/** What the servers are together. */
export interface EnsembleFacts {
  readonly servers: readonly ServerFacts[];
  /** The one that leads or stands alone; null when none does, or when it is not known. */
  readonly leader: string | null;
  /** Whether enough servers serve; null when it cannot be told. */
  readonly hasQuorum: boolean;
}

export function ensembleOf(servers: readonly ServerFacts[]): EnsembleFacts {
  const leaders = servers.filter(({ mode }) => mode === "leader" || mode === "standalone");
  return {
    servers,
    leader: leaders.length === 1 ? (leaders[0]?.server ?? null) : null,
    hasQuorum: servers.some(({ state, mode }) => state === "serving" && mode !== "read-only"),
  };
}

/** Transactions that a server is behind the newest one seen; null when it cannot be told. */
export function lagOf(facts: ServerFacts, servers: readonly ServerFacts[]): bigint | null {
  if (facts.zxid === null) return null;
  const newest = servers.reduce((max, { zxid }) => (zxid !== null && zxid > max ? zxid : max), 0n);
  // Between two epochs the counter begins anew, so a difference is none of transactions.
  return newest >> 32n === facts.zxid >> 32n ? newest - facts.zxid : null;
}
