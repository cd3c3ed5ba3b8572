/** What the container of one server is made of: the one source for the engine and for compose.yaml. */

import { labJavaFlags } from "../ensemble/install-server.js";
import { configText, type EnsembleSpec, quorumSettings, type ServerSpec } from "../ensemble/layout.js";

/** Ports inside a container; every server has its own address, so all may have the same. */
export const containerPorts = { client: 2181, quorum: 2888, election: 3888 } as const;
/** The release inside a container. */
export const containerHome = "/opt/zookeeper";
/** What a server stores, inside a container: a volume. */
export const containerData = "/data";
/**
 * Milliseconds for one server to reach another for an election; ZooKeeper itself waits 5 000. The address of a dead
 * container is silent, where the port of a dead process refuses at once, and the thread that waits for it tells the living
 * nothing meanwhile: an election then took up to a minute.
 *
 * Source: ZooKeeper 3.4.6, QuorumCnxManager.java, constructor and connectOne.
 */
export const electionConnectMs = 300;
/** Seconds that a server is given to end by itself. */
export const stopGraceSeconds = 10;

/** One container. */
export interface ContainerPlan {
  /** Also its name on the ensemble's network. */
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string>>;
  /** `address` of each server by its host name. 3.4.6 looks a name up once and for all, also that of a server not there yet. */
  readonly hosts: Readonly<Record<string, string>>;
  readonly address: string;
  /** On loopback of the machine. */
  readonly publishedPort: number;
}

/** @param addresses one for each server, in their order */
export function containerPlan(
  spec: EnsembleSpec,
  server: ServerSpec,
  addresses: readonly string[],
): ContainerPlan {
  const flags = [
    ...labJavaFlags,
    `-Dzookeeper.cnxTimeout=${electionConnectMs}`,
    ...spec.javaFlags,
    `-Dzk.lab.container=${spec.name}/${server.id}`,
  ];
  const hosts = Object.fromEntries(
    spec.servers
      .map(({ id }, index) => [hostOf(id), addresses[index] ?? ""])
      .filter(([name]) => name !== hostOf(server.id)),
  );
  return {
    hostname: hostOf(server.id),
    environment: {
      ZK_LAB_ID: String(server.id),
      ZK_LAB_CONFIG: containerConfig(spec),
      SERVER_JVMFLAGS: flags.join(" "),
    },
    hosts,
    address: addresses[spec.servers.indexOf(server)] ?? "",
    publishedPort: server.clientPort,
  };
}

/** The servers of an ensemble of containers, by their client ports on loopback. */
export function planContainers(clientPorts: readonly number[], host: string): ServerSpec[] {
  return clientPorts.map((clientPort, index) => ({
    id: index + 1,
    host,
    clientPort,
    quorumPort: containerPorts.quorum,
    electionPort: containerPorts.election,
    dir: containerHome,
  }));
}

/** The text of `zoo.cfg` in every container of the ensemble. */
export function containerConfig(spec: EnsembleSpec): string {
  return configText(spec, {
    dataDir: containerData,
    clientPort: String(containerPorts.client),
    ...quorumSettings(
      spec.servers.map(({ id }) => ({
        id,
        host: hostOf(id),
        quorumPort: containerPorts.quorum,
        electionPort: containerPorts.election,
      })),
    ),
  });
}

function hostOf(id: number): string {
  return `zookeeper${id}`;
}
