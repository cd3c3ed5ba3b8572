/**
 * What a server says to a four-letter word. Pure: `srst`, `crst` and `stmk` only confirm; who keeps the numbers resets them.
 *
 * Source: ZooKeeper 3.4.6, NIOServerCnxn.java, the classes that extend CommandThread; ServerStats.java, toString;
 * ServerCnxn.java, dumpConnectionInfo; ZooKeeperServer.java and QuorumZooKeeperServer.java, dumpConf
 */
import { javaDate, javaHex, javaSocketAddress } from "./java-text.js";

/** The words that 3.4.6 knows. Whatever else comes first on a connection is taken for the length of a frame. */
export const fourLetterWords: ReadonlySet<string> = new Set([
  "conf",
  "cons",
  "crst",
  "dump",
  "envi",
  "gtmk",
  "isro",
  "mntr",
  "ruok",
  "srst",
  "srvr",
  "stat",
  "stmk",
  "wchc",
  "wchp",
  "wchs",
]);

/** What all servers of this version call themselves. */
export const fullVersion = "3.4.6-1569965, built on 02/20/2014 09:09 GMT";

/** The trace mask of a server that was told none. Source: ZooKeeper 3.4.6, ZooTrace.java, traceMask */
export const defaultTraceMask = 306n;

/** Everything that a server may be asked about. Only what a word needs is read: getters are welcome. */
export interface FourLetterFacts {
  /** Null while the server has no quorum (and no read-only mode): then most words say that it does not serve. */
  readonly serving: ServingFacts | null;
  /** For `envi`; what is missing shows as a property that Java does not know. */
  readonly environment: readonly (readonly [key: string, value: string])[];
  /** For `gtmk`; for `stmk` the mask just set. */
  readonly traceMask: bigint;
}

/** A server that serves. */
export interface ServingFacts {
  readonly mode: "leader" | "follower" | "observer" | "standalone" | "read-only";
  /** Whole milliseconds since the last `srst`; 0 when nothing was answered. */
  readonly latency: LatencyFacts;
  /** Packets since the last `srst`, the word now asked included. */
  readonly packetsReceived: bigint | number;
  readonly packetsSent: bigint | number;
  /** Requests that are under way in this server. */
  readonly outstanding: number;
  /** The last zxid this server has applied. */
  readonly zxid: bigint;
  /** Nodes of the tree, as the tree counts them. */
  readonly nodeCount: number;
  /** Every open connection, the one that asks included. */
  readonly connections: readonly ConnectionFacts[];
  /** What the session tracker says: a leader's sets by the time at which they expire, or a learner's name for itself. */
  readonly sessions:
    | { readonly kind: "sets"; readonly sets: readonly ExpirySet[] }
    | { readonly kind: "learner"; readonly identity: number };
  /** Sessions that have, or had, ephemerals, with the paths that are left. */
  readonly ephemerals: readonly { readonly sessionId: bigint; readonly paths: readonly string[] }[];
  /** The data watches (`exists`, `getData`); child watches are not shown by `wchs`, `wchc` and `wchp`. */
  readonly dataWatches: WatchFacts;
  /** Data and child watches together, for `mntr`. */
  readonly watchCount: number;
  readonly ephemeralCount: number;
  /** Lengths of all paths and of all data. */
  readonly dataBytes: number;
  /** Open and possible file descriptors of the process; null where the system does not tell. */
  readonly fileDescriptors: { readonly open: number; readonly max: number } | null;
  /** Only of a leader. */
  readonly leading: {
    readonly followers: number;
    readonly syncedFollowers: number;
    readonly pendingSyncs: number;
  } | null;
  readonly configuration: ConfigurationFacts;
}

/** Whole milliseconds. */
export interface LatencyFacts {
  readonly minMs: number;
  readonly avgMs: number;
  readonly maxMs: number;
}

/** Sessions that expire at one time, unless something comes in from them. */
export interface ExpirySet {
  /** Wall-clock milliseconds, a multiple of the tick. */
  readonly expireAtMs: number;
  readonly sessionIds: readonly bigint[];
}

/** Data watches of one server. */
export interface WatchFacts {
  readonly byConnection: readonly { readonly sessionId: bigint; readonly paths: readonly string[] }[];
  readonly byPath: readonly { readonly path: string; readonly sessionIds: readonly bigint[] }[];
}

/** One open connection. */
export interface ConnectionFacts {
  /** IPv4 or IPv6, without the port. */
  readonly address: string;
  readonly port: number;
  /** 1 reading, 4 writing, 5 both, 0 for a connection that has just said a four-letter word. */
  readonly interestOps: number;
  readonly queued: number;
  readonly packetsReceived: number;
  readonly packetsSent: number;
  /** Null for a connection without a session. */
  readonly session: ConnectionSessionFacts | null;
}

/** The session of one connection; a connection says nothing of what it has not done yet. */
export interface ConnectionSessionFacts {
  readonly sessionId: bigint;
  /** `NA`, `SESS`, `PING`, `GETD` and so on: what was answered last. */
  readonly lastOperation: string;
  readonly establishedMs: number;
  readonly timeoutMs: number;
  /** The last xid that was not one of the special ones; null when there was none. */
  readonly lastXid: number | null;
  /** -1 shows as sixteen `f`. */
  readonly lastZxid: bigint;
  readonly lastResponseMs: number;
  readonly lastLatencyMs: number;
  readonly latency: LatencyFacts;
}

/** What `conf` shows. */
export interface ConfigurationFacts {
  readonly clientPort: number;
  readonly dataDir: string;
  readonly dataLogDir: string;
  readonly tickTimeMs: number;
  readonly maxClientCnxns: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** 0 for a standalone server. */
  readonly serverId: number;
  /** Null for a standalone server. */
  readonly quorum: {
    readonly initLimit: number;
    readonly syncLimit: number;
    readonly electionPort: number;
    readonly quorumPort: number;
  } | null;
}

const notServing = "This ZooKeeper instance is not currently serving requests\n";

/** The whole answer, as text; the connection ends after it. A word that 3.4.6 does not know gives an empty text. */
export function fourLetterAnswer(word: string, facts: FourLetterFacts): string {
  if (!fourLetterWords.has(word)) return "";
  // These answer whatever state the server is in.
  if (word === "ruok") return "imok";
  if (word === "gtmk" || word === "stmk") return String(facts.traceMask);
  if (word === "envi") return environmentText(facts.environment);
  const { serving } = facts;
  if (word === "isro") return serving === null ? "null" : serving.mode === "read-only" ? "ro" : "rw";
  const answer = servingAnswers[word];
  if (answer === undefined) return "";
  return serving === null ? notServing : answer(serving);
}

const servingAnswers: Readonly<Record<string, (facts: ServingFacts) => string>> = {
  conf: ({ configuration }) => configurationText(configuration),
  cons: ({ connections }) => `${connections.map((one) => `${connectionText(one, false)}\n`).join("")}\n`,
  crst: () => "Connection stats reset.\n",
  dump: (facts) =>
    `SessionTracker dump:\n${sessionsText(facts)}ephemeral nodes dump:\n${ephemeralsText(facts)}`,
  mntr: monitorText,
  srst: () => "Server stats reset.\n",
  srvr: (facts) => `${versionText(facts)}${statisticsText(facts)}`,
  stat: (facts) => `${versionText(facts)}${clientsText(facts)}${statisticsText(facts)}`,
  wchc: ({ dataWatches }) =>
    `${dataWatches.byConnection.map(({ sessionId, paths }) => `0x${javaHex(sessionId)}\n${indented(paths)}`).join("")}\n`,
  wchp: ({ dataWatches }) =>
    `${dataWatches.byPath.map(({ path, sessionIds }) => `${path}\n${indented(sessionIds.map(idText))}`).join("")}\n`,
  wchs: ({ dataWatches: { byConnection, byPath } }) => {
    const total = byConnection.reduce((sum, { paths }) => sum + paths.length, 0);
    return `${byConnection.length} connections watching ${byPath.length} paths\nTotal watches:${total}\n`;
  },
};

function versionText({ mode }: ServingFacts): string {
  const warning = mode === "read-only" ? "READ-ONLY mode; serving only read-only clients\n" : "";
  return `Zookeeper version: ${fullVersion}\n${warning}`;
}

function clientsText({ connections }: ServingFacts): string {
  return `Clients:\n${connections.map((one) => `${connectionText(one, true)}\n`).join("")}\n`;
}

function statisticsText(facts: ServingFacts): string {
  const { minMs, avgMs, maxMs } = facts.latency;
  return [
    `Latency min/avg/max: ${minMs}/${avgMs}/${maxMs}`,
    `Received: ${facts.packetsReceived}`,
    `Sent: ${facts.packetsSent}`,
    `Connections: ${facts.connections.length}`,
    `Outstanding: ${facts.outstanding}`,
    `Zxid: 0x${javaHex(facts.zxid)}`,
    `Mode: ${facts.mode}`,
    `Node count: ${facts.nodeCount}`,
    "",
  ].join("\n");
}

function monitorText(facts: ServingFacts): string {
  const { latency, fileDescriptors, leading } = facts;
  const rows: [key: string, value: string | number | bigint][] = [
    ["version", fullVersion],
    ["avg_latency", latency.avgMs],
    ["max_latency", latency.maxMs],
    ["min_latency", latency.minMs],
    ["packets_received", facts.packetsReceived],
    ["packets_sent", facts.packetsSent],
    ["num_alive_connections", facts.connections.length],
    ["outstanding_requests", facts.outstanding],
    ["server_state", facts.mode],
    ["znode_count", facts.nodeCount],
    ["watch_count", facts.watchCount],
    ["ephemerals_count", facts.ephemeralCount],
    ["approximate_data_size", facts.dataBytes],
  ];
  if (fileDescriptors !== null) {
    rows.push(["open_file_descriptor_count", fileDescriptors.open]);
    rows.push(["max_file_descriptor_count", fileDescriptors.max]);
  }
  if (facts.mode === "leader" && leading !== null) {
    rows.push(["followers", leading.followers]);
    rows.push(["synced_followers", leading.syncedFollowers]);
    rows.push(["pending_syncs", leading.pendingSyncs]);
  }
  return rows.map(([key, value]) => `zk_${key}\t${value}\n`).join("");
}

function connectionText(connection: ConnectionFacts, isBrief: boolean): string {
  const { address, port, interestOps, queued, packetsReceived, packetsSent, session } = connection;
  const head = ` ${javaSocketAddress(address, port)}[${interestOps.toString(16)}](queued=${queued},recved=${packetsReceived},sent=${packetsSent}`;
  return `${head}${isBrief || session === null ? "" : sessionText(session)})`;
}

function sessionText(session: ConnectionSessionFacts): string {
  const { lastXid, latency } = session;
  return [
    `,sid=${idText(session.sessionId)}`,
    `,lop=${session.lastOperation}`,
    `,est=${Math.floor(session.establishedMs)}`,
    `,to=${session.timeoutMs}`,
    lastXid === null ? "" : `,lcxid=0x${javaHex(BigInt(lastXid))}`,
    `,lzxid=0x${javaHex(session.lastZxid)}`,
    `,lresp=${Math.floor(session.lastResponseMs)}`,
    `,llat=${session.lastLatencyMs}`,
    `,minlat=${latency.minMs},avglat=${latency.avgMs},maxlat=${latency.maxMs}`,
  ].join("");
}

function sessionsText({ sessions }: ServingFacts): string {
  if (sessions.kind === "learner") {
    // The class has no text of its own, so what comes out is the one that every object of Java has.
    return `org.apache.zookeeper.server.quorum.LearnerSessionTracker@${(sessions.identity >>> 0).toString(16)}\n`;
  }
  const sets = [...sessions.sets].sort((a, b) => a.expireAtMs - b.expireAtMs);
  const lines = sets.map(
    ({ expireAtMs, sessionIds }) =>
      `${sessionIds.length} expire at ${javaDate(expireAtMs)}:\n${indented(sessionIds.map(idText))}`,
  );
  return `Session Sets (${sets.length}):\n${lines.join("")}`;
}

function ephemeralsText({ ephemerals }: ServingFacts): string {
  const lines = ephemerals.map(({ sessionId, paths }) => `${idText(sessionId)}:\n${indented(paths)}`);
  return `Sessions with Ephemerals (${ephemerals.length}):\n${lines.join("")}`;
}

function configurationText(facts: ConfigurationFacts): string {
  const lines = [
    `clientPort=${facts.clientPort}`,
    `dataDir=${facts.dataDir}`,
    `dataLogDir=${facts.dataLogDir}`,
    `tickTime=${facts.tickTimeMs}`,
    `maxClientCnxns=${facts.maxClientCnxns}`,
    `minSessionTimeout=${facts.minSessionTimeoutMs}`,
    `maxSessionTimeout=${facts.maxSessionTimeoutMs}`,
    `serverId=${facts.serverId}`,
  ];
  if (facts.quorum !== null) {
    const { initLimit, syncLimit, electionPort, quorumPort } = facts.quorum;
    lines.push(`initLimit=${initLimit}`, `syncLimit=${syncLimit}`, "electionAlg=3");
    lines.push(`electionPort=${electionPort}`, `quorumPort=${quorumPort}`, "peerType=0");
  }
  return `${lines.join("\n")}\n`;
}

/** Source: ZooKeeper 3.4.6, Environment.java, list */
const environmentKeys = [
  "host.name",
  ...["java.version", "java.vendor", "java.home", "java.class.path", "java.library.path", "java.io.tmpdir"],
  ...["java.compiler", "os.name", "os.arch", "os.version", "user.name", "user.home", "user.dir"],
];

function environmentText(environment: FourLetterFacts["environment"]): string {
  const known = new Map(environment);
  const entries = environmentKeys.map((key) => [key, known.get(key) ?? "<NA>"]);
  const lines = [["zookeeper.version", fullVersion], ...entries];
  return `Environment:\n${lines.map(([key, value]) => `${key}=${value}\n`).join("")}`;
}

function idText(sessionId: bigint): string {
  return `0x${javaHex(sessionId)}`;
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `\t${line}\n`).join("");
}
