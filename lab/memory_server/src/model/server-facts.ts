/** What a server says of itself to a four-letter word. */
import { Authority } from "./authority.js";
import type { ClientConnection } from "./client-connection.js";
import type { Duty } from "./duty.js";
import {
  defaultTraceMask,
  type FourLetterFacts,
  fourLetterAnswer,
  type ServingFacts,
} from "./four-letter.js";
import type { Host } from "./host.js";
import { Leading } from "./leading.js";
import type { Service } from "./service.js";
import type { ServerRole } from "./types.js";
import type { World } from "./world.js";

/** Whoever is asked. */
export interface Asked extends Host {
  readonly role: ServerRole;
  readonly duty: Duty | undefined;
  readonly service: Service | undefined;
  readonly isServing: boolean;
  readonly connections: ReadonlyMap<number, ClientConnection>;
}

const IDLE_DESCRIPTORS = 30;
const DESCRIPTORS_MAX = 4_096;

const MODES: Readonly<Record<ServerRole, ServingFacts["mode"]>> = {
  leading: "leader",
  following: "follower",
  standalone: "standalone",
  readonly: "read-only",
  looking: "follower",
  down: "follower",
};

/**
 * The text of the answer; `srst` and `crst` also do what they say. Undefined: there never is one, as for `stmk`, whose
 * argument 3.4.6 looks for where it cannot be.
 *
 * Source: ZooKeeper 3.4.6, NIOServerCnxn.java, checkFourLetterWord
 */
export function answerWord(server: Asked, connection: ClientConnection, word: string): string | undefined {
  server.statistics.packetsReceived += 1;
  if (word === "stmk") return undefined;
  const text = fourLetterAnswer(word, factsOf(server, connection));
  if (server.isServing && word === "srst") server.statistics.reset();
  if (server.isServing && word === "crst") {
    for (const { statistics } of server.connections.values()) statistics.reset();
  }
  return text;
}

function factsOf(server: Asked, asking: ClientConnection): FourLetterFacts {
  return {
    get serving() {
      return server.isServing ? servingFacts(server, asking) : null;
    },
    environment: [],
    traceMask: defaultTraceMask,
  };
}

function servingFacts(server: Asked, asking: ClientConnection): ServingFacts {
  const { tree, watches, statistics, world, id } = server;
  const { settings } = world;
  const isAlone = settings.servers === 1;
  const { duty } = server;
  const shownDir = settings.shown.dataDirs?.[id - 1] ?? `/memory/server${id}`;
  const sessionOf = (number: number): bigint => server.connection(number)?.sessionId ?? 0n;
  const sessions = [...tree.sessions.keys()];
  const { service } = server;
  return {
    mode: MODES[server.role],
    latency: statistics.latency.facts,
    packetsReceived: statistics.packetsReceived,
    packetsSent: statistics.packetsSent,
    outstanding: server.service?.inProcess ?? 0,
    zxid: tree.lastZxid,
    nodeCount: tree.size,
    connections: [...server.connections.values()].map((connection) =>
      connectionFacts(connection, asking, server.world),
    ),
    sessions:
      server.role === "following"
        ? { kind: "learner", identity: id }
        : { kind: "sets", sets: service instanceof Authority ? sessionSets(service) : [] },
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
    // A model has none: one for each connection, and as many as a server that just runs.
    fileDescriptors: { open: IDLE_DESCRIPTORS + server.connections.size, max: DESCRIPTORS_MAX },
    leading:
      duty instanceof Leading
        ? {
            followers: duty.followers.all,
            syncedFollowers: duty.followers.synced,
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
            electionPort: settings.shown.electionPorts?.[id - 1] ?? 3888,
            quorumPort: settings.shown.quorumPorts?.[id - 1] ?? 2888,
          },
    },
  };
}

/** Sessions by the end of their time, as the one who watches over them has them. */
function sessionSets(authority: Authority): readonly { expireAtMs: number; sessionIds: readonly bigint[] }[] {
  const { world } = authority.server;
  return [...authority.tracker.buckets()].map(([endMs, sessionIds]) => ({
    expireAtMs: world.wallAt(endMs),
    sessionIds,
  }));
}

function connectionFacts(
  connection: ClientConnection,
  asking: ClientConnection,
  world: World,
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
            establishedMs: world.wallAt(statistics.establishedMs),
            timeoutMs,
            lastXid: statistics.lastXid,
            lastZxid: statistics.lastZxid,
            lastResponseMs: statistics.lastResponseMs === null ? 0 : world.wallAt(statistics.lastResponseMs),
            lastLatencyMs: statistics.lastLatencyMs,
            latency: statistics.latency.facts,
          },
  };
}
