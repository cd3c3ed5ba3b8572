/** Where everything of a server lies on disk, and what its configuration files say. */
import { join } from "node:path";
import { loopback } from "../ports/port-test.js";
import type { Backend } from "./options.js";

/** One server as configured. */
export interface ServerSpec {
  /** From 1. */
  readonly id: number;
  readonly host: string;
  readonly clientPort: number;
  readonly quorumPort: number;
  readonly electionPort: number;
  /** The server's own copy of the release: `…/zookeeperN/zookeeper-VERSION`. */
  readonly dir: string;
}

/** An ensemble as configured: all that is needed to find, start and stop its servers. */
export interface EnsembleSpec {
  readonly name: string;
  readonly version: string;
  /** Folder that holds `zookeeper1`, `zookeeper2`, … */
  readonly dir: string;
  readonly tickTimeMs: number;
  readonly javaFlags: readonly string[];
  readonly config: Readonly<Record<string, string>>;
  /** True when the release brought its own control scripts, which know only the words of their time. */
  readonly ownScripts: boolean;
  /** There when the servers are a model in one host process; then its files lie in this folder. */
  readonly memory?: { readonly folder: string };
  /** There when the servers are containers. */
  readonly docker?: ContainersSpec;
  readonly servers: readonly ServerSpec[];
}

/** What is the same for all containers of an ensemble. */
export interface ContainersSpec {
  /** Part of the names of its containers and of their network. */
  readonly key: string;
  /** Label that says what keeps them alive. */
  readonly owner: string;
  /** Folder whose data the volumes hold; null when they go with the ensemble. */
  readonly keeper: string | null;
  /** Whether the engine checks the servers' health by itself, which writes to them. */
  readonly isHealthChecked: boolean;
}

/** What the servers of an ensemble are. */
export function backendOf({ docker, memory }: Pick<EnsembleSpec, "docker" | "memory">): Backend {
  return docker !== undefined ? "docker" : memory !== undefined ? "memory" : "process";
}

/** Files of one server. */
export interface ServerPaths {
  readonly script: string;
  readonly config: string;
  readonly javaEnv: string;
  readonly data: string;
  readonly myid: string;
  readonly pidFile: string;
  readonly logs: string;
}

/** Ports → servers: the client ports as given or the first of the lease, then quorum and election ports from it. */
export function planServers(
  dir: string,
  version: string,
  servers: number,
  clientPorts: readonly number[] | null,
  leased: readonly number[],
): ServerSpec[] {
  // The caller's own ports may lie inside the lease; the rest is still enough, three ports a server being leased.
  const free = leased.filter((port) => clientPorts?.includes(port) !== true);
  const take = (): number => {
    const port = free.shift();
    if (port === undefined)
      throw new Error(`A lease of ${leased.length} ports is too small for ${servers} servers.`);
    return port;
  };
  const clients = Array.from({ length: servers }, (_, index) => clientPorts?.[index] ?? take());
  return clients.map((clientPort, index) => ({
    id: index + 1,
    host: loopback,
    clientPort,
    quorumPort: take(),
    electionPort: take(),
    dir: join(dir, `zookeeper${index + 1}`, `zookeeper-${version}`),
  }));
}

/** `127.0.0.1:2181,127.0.0.1:2182` */
export function connectionStringOf(servers: readonly ServerSpec[]): string {
  return servers.map(({ host, clientPort }) => `${host}:${clientPort}`).join(",");
}

/** The word that shows in a server's command line whose it is. */
export function markerOf(name: string, id: number): string {
  return `-Dzk.lab=${name}/${id}`;
}

export function pathsOf(server: ServerSpec): ServerPaths {
  const data = join(server.dir, "data");
  return {
    script: join(server.dir, "bin", "zkServer.sh"),
    config: join(server.dir, "conf", "zoo.cfg"),
    javaEnv: join(server.dir, "conf", "java.env"),
    data,
    myid: join(data, "myid"),
    // Where zkServer.sh puts it unless ZOOPIDFILE says otherwise.
    pidFile: join(data, "zookeeper_server.pid"),
    logs: join(server.dir, "logs"),
  };
}

/** The text of `zoo.cfg`. */
export function zooConfig(spec: EnsembleSpec, server: ServerSpec): string {
  return configText(spec, {
    dataDir: escapeProperty(pathsOf(server).data),
    clientPort: String(server.clientPort),
    clientPortAddress: server.host,
    ...quorumSettings(spec.servers),
  });
}

/** The settings that every server of the lab has, the caller's, and those of its place. */
export function configText(
  { tickTimeMs, config }: Pick<EnsembleSpec, "tickTimeMs" | "config">,
  placeSettings: Readonly<Record<string, string>>,
): string {
  const settings: Record<string, string> = {
    initLimit: "20",
    syncLimit: "5",
    maxClientCnxns: "0",
    // Releases from 3.4.10 and 3.5.3 answer only the words that are listed; 3.4.6 takes the line for a Java property.
    "4lw.commands.whitelist": "*",
    // Releases from 3.5 would open port 8080, all three of them.
    "admin.enableServer": "false",
    ...config,
    tickTime: String(tickTimeMs),
    ...placeSettings,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  return `# Written by the lab at each start of the ensemble.\n${lines.join("\n")}\n`;
}

/** A single server line is an error in the log of 3.4.6: one server is a standalone one, without such a line. */
export function quorumSettings(
  servers: readonly Pick<ServerSpec, "id" | "host" | "quorumPort" | "electionPort">[],
): Record<string, string> {
  if (servers.length === 1) return {};
  return Object.fromEntries(
    servers.map(({ id, host, quorumPort, electionPort }) => [
      `server.${id}`,
      `${host}:${quorumPort}:${electionPort}`,
    ]),
  );
}

/** A Java properties file takes `\\` as the beginning of an escape and every byte for a character of Latin-1. */
function escapeProperty(text: string): string {
  const units = text.replaceAll("\\", "\\\\").split("");
  return units
    .map((unit) => (unit > "~" ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}` : unit))
    .join("");
}
