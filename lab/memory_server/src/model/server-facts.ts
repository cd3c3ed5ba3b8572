/** What a server says of itself to a four-letter word. */
import type { ClientConnection } from "./client-connection.js";
import {
  defaultTraceMask,
  type FourLetterFacts,
  fourLetterAnswer,
  type ServingFacts,
} from "./four-letter.js";
import { Leading } from "./leading.js";
import type { Server } from "./server.js";
import type { ServerRole } from "./types.js";

const MODES: Readonly<Record<ServerRole, ServingFacts["mode"]>> = {
  leading: "leader",
  following: "follower",
  standalone: "standalone",
  readonly: "read-only",
  looking: "follower",
  down: "follower",
};

/** The text of the answer. `srst`, `crst` and `stmk` also do what they say. */
export function answerWord(
  server: Server,
  connection: ClientConnection,
  word: string,
  argument: Uint8Array,
): string {
  server.statistics.packetsReceived += 1;
  if (word === "stmk")
    server.traceMask = new DataView(argument.buffer, argument.byteOffset, 8).getBigInt64(0);
  const text = fourLetterAnswer(word, factsOf(server, connection));
  if (server.isServing && word === "srst") server.statistics.reset();
  if (server.isServing && word === "crst") {
    for (const { statistics } of server.connections.values()) statistics.reset();
  }
  return text;
}

function factsOf(server: Server, asking: ClientConnection): FourLetterFacts {
  return {
    get serving() {
      return server.isServing ? servingFacts(server, asking) : null;
    },
    environment: [],
    traceMask: server.traceMask ?? defaultTraceMask,
  };
}

function servingFacts(server: Server, asking: ClientConnection): ServingFacts {
  const { tree, watches, statistics, world, id } = server;
  const { settings } = world;
  const isAlone = settings.servers === 1;
  const { duty } = server;
  const shownDir = settings.shown.dataDirs?.[id - 1] ?? `/memory/server${id}`;
  const sessionOf = (number: number): bigint => server.connection(number)?.sessionId ?? 0n;
  const sessions = [...tree.sessions.keys()];
  return {
    mode: MODES[server.role],
    latency: statistics.latency.facts,
    packetsReceived: statistics.packetsReceived,
    packetsSent: statistics.packetsSent,
    outstanding: server.service?.inProcess ?? 0,
    zxid: tree.lastZxid,
    nodeCount: tree.size,
    connections: [...server.connections.values()].map((connection) => connectionFacts(connection, asking)),
    sessions:
      server.role === "following"
        ? { kind: "learner", identity: id }
        : { kind: "sets", sets: [{ expireAtMs: world.wallMs, sessionIds: sessions }] },
    ephemerals: sessions
      .map((sessionId) => ({ sessionId, paths: tree.ephemeralsOf(sessionId) }))
      .filter(({ paths }) => paths.length > 0),
    dataWatches: {
      byConnection: [...watches.byConnection()].map(([number, paths]) => ({
        sessionId: sessionOf(number),
        paths,
      })),
      byPath: [...watches.byPath()].map(([path, numbers]) => ({ path, sessionIds: numbers.map(sessionOf) })),
    },
    watchCount: watches.total,
    ephemeralCount: tree.ephemeralCount,
    dataBytes: tree.dataBytes,
    fileDescriptors: null,
    leading:
      duty instanceof Leading
        ? {
            followers: duty.learners.size,
            syncedFollowers: [...duty.learners.values()].filter(({ isInStep }) => isInStep).length,
            pendingSyncs: duty.outstandingSyncs,
          }
        : null,
    configuration: {
      clientPort: settings.shown.clientPorts?.[id - 1] ?? 2180 + id,
      dataDir: `${shownDir}/version-2`,
      dataLogDir: `${shownDir}/version-2`,
      tickTimeMs: settings.tickTimeMs,
      maxClientCnxns: settings.maxClientCnxns,
      minSessionTimeoutMs: settings.minSessionTimeoutMs,
      maxSessionTimeoutMs: settings.maxSessionTimeoutMs,
      serverId: isAlone ? 0 : id,
      quorum: isAlone
        ? null
        : {
            initLimit: settings.initLimit,
            syncLimit: settings.syncLimit,
            electionPort: 3888,
            quorumPort: 2888,
          },
    },
  };
}

function connectionFacts(
  connection: ClientConnection,
  asking: ClientConnection,
): ServingFacts["connections"][number] {
  const { address, port, statistics, sessionId, timeoutMs } = connection;
  return {
    address,
    port,
    interestOps: connection === asking ? 0 : 1,
    queued: 0,
    packetsReceived: statistics.packetsReceived,
    packetsSent: statistics.packetsSent,
    session:
      sessionId === 0n
        ? null
        : {
            sessionId,
            lastOperation: statistics.lastOperation,
            establishedMs: statistics.establishedMs,
            timeoutMs,
            lastXid: statistics.lastXid,
            lastZxid: statistics.lastZxid,
            lastResponseMs: statistics.lastResponseMs,
            lastLatencyMs: statistics.lastLatencyMs,
            latency: statistics.latency.facts,
          },
  };
}
